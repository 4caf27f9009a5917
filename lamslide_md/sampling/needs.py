"""What a rollout needs of memory and disk, told before anything is made."""

import os
import shutil
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lamslide_md.errors import InputError, option
from lamslide_md.io.growing_files import GROWING
from lamslide_md.io.plain_paths import suffix
from lamslide_md.memory import available_bytes
from lamslide_md.sampling.trained_model import TrainedModel
from lamslide_md.systems.system import System

NUMBER = 4
"""Bytes of a number in single precision."""

EXACT_BYTES = 12.0
"""Of an atom in single precision."""

BYTES_OF_AN_ATOM = {".xtc": 3.0, ".traj": 24.0, ".h5": 9.0, ".extxyz": 50.0, ".xyz": 40.0, ".pdb": 70.0, ".gro": 40.0}
BYTES_OF_AN_ATOM |= {".crd": 24.0, ".mdcrd": 24.0, ".cif": 60.0, ".pdbx": 60.0, ".xyz.gz": 3.0, ".pdb.gz": 3.0}
BYTES_OF_AN_ATOM |= {".cif.gz": 3.0, ".pdbx.gz": 3.0}
"""In a frame of a file, at least: a rollout that fits is never refused."""

MOST_CHAINS = 100_000
"""Of one file."""

KEPT_OF_A_TOKEN = 6
"""Numbers for each channel of a token that one block of a network holds at once."""

COPIES_OF_A_WINDOW = 4
"""Of its coordinates: as decoded, placed, in order, and on the way to a file."""

GROUP_BYTES = 1 << 30
"""Chains that are drawn at once where they are too many for the machine take about so much."""

SHARE_OF_MACHINE = 0.5
"""Chains that take more than this part of the memory there is are drawn in groups."""


@dataclass(frozen=True)
class ChainTimes:
    """Times of the frames of chains that follow one another, made as they are asked for.

    Attributes
    ----------
    n_chains, n_frames
        Chains, and frames of each.
    frame_interval_ps
        Time between two frames.
    first_chain
        Number of the first chain where these are some of more.
    """

    n_chains: int
    n_frames: int
    frame_interval_ps: float
    first_chain: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Chains and frames."""
        return self.n_chains, self.n_frames

    def between(self, start: int, stop: int) -> Float[np.ndarray, "chains frames"]:
        """Times of some frames of every chain, ps: the first is one interval after the start."""
        chains = self.first_chain + np.arange(self.n_chains)
        return (np.arange(start + 1, stop + 1) + chains[:, None] * self.n_frames) * self.frame_interval_ps


def smallest_system(model: TrainedModel) -> System:
    """The system with the fewest points: no start needs less, whichever it is of."""
    return min(model.systems, key=lambda system: system.entities.n_points)


def frame_bytes(system: System) -> int:
    """Bytes of a frame in single precision."""
    return NUMBER * system.entities.n_points * system.entities.dim


def bytes_of_a_chain(model: TrainedModel, system: System) -> tuple[float, float]:
    """Estimate the memory that a chain takes, from below.

    Parameters
    ----------
    model
        Draws windows.
    system
        What moves.

    Returns
    -------
    drawn, kept
        While its window is drawn, and from window to window.
    """
    own, first, entities = model.settings.flow, model.settings.autoencoder, system.entities
    n_latents, n_features = model.autoencoder.n_latents, model.autoencoder.n_latents * model.autoencoder.n_channels
    n_tokens = {"latents": own.n_forward * n_latents, "frames": own.n_forward, "windows": n_latents}[own.tokens]
    frame = entities.n_points * entities.dim
    networks = max(n_tokens * own.width, own.n_forward * entities.n_entities * first.width)
    # Where the latents are the coordinates, or found in closed form, there is no second network.
    networks = networks if list(model.autoencoder.parameters()) else n_tokens * own.width
    drawn = KEPT_OF_A_TOKEN * networks + COPIES_OF_A_WINDOW * own.n_forward * (frame + n_features)
    kept = 2 * own.n_known * frame + 2 * own.n_forward * frame
    return float(NUMBER * drawn), float(NUMBER * kept)


def n_groups(drawn: float, n_chains: int) -> int:
    """Count the groups in which chains are drawn, which depends on nothing but the machine: one if they fit."""
    whole = drawn * n_chains
    fits = whole <= SHARE_OF_MACHINE * os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 1 if fits else min(n_chains, int(-(-whole // GROUP_BYTES)))


def check_chains(model: TrainedModel, system: System, n_chains: int, called: str = "n_chains") -> None:
    """Refuse chains that no memory holds.

    Parameters
    ----------
    model
        Draws windows.
    system
        What moves.
    n_chains
        Independent chains.
    called
        Which parameter asks for them.

    Raises
    ------
    InputError
        With what is needed, what there is, and how many chains would fit.
    """
    drawn, kept = bytes_of_a_chain(model, system)
    available = available_bytes()
    needed = drawn * n_chains / n_groups(drawn, n_chains) + kept * n_chains
    if needed > available:
        fitting = max(1, int((available - min(GROUP_BYTES, available / 2)) // kept))
        raise InputError(
            f"{option(called)}={n_chains}: so many chains need at least {gib(needed)} of memory, this machine has "
            f"{gib(available)}; take at most {min(fitting, n_chains - 1):,}, and more frames of each or several runs"
        )


def check_files(path: Path, n_chains: int) -> None:
    """Refuse to write more chains than there may be files: each grows in one of its own until all are whole."""
    if n_chains > MOST_CHAINS:
        raise InputError(
            f"{path} cannot take {n_chains:,} chains: each grows in a file of its own, of which there are at most "
            f"{MOST_CHAINS:,}; write fewer chains of more frames, or several files with other seeds"
        )


def check_frames(n_chains: int, n_frames: int, frame_bytes: int, copies: int = 2) -> None:
    """Refuse to hold more frames in memory than it has room for.

    Parameters
    ----------
    n_chains
        Independent chains.
    n_frames
        Frames of each.
    frame_bytes
        Of one frame.
    copies
        That are held at once.

    Raises
    ------
    InputError
        With what is needed and what there is.
    """
    needed, available = float(copies) * n_chains * n_frames * frame_bytes, available_bytes()
    if needed > available:
        raise InputError(
            f"{n_chains:,} chain(s) of {n_frames:,} frames need {gib(needed)} of memory as one array, this machine has "
            f"{gib(available)}; save them to a file, or take them chunk by chunk"
        )


def check_disk(path: Path, n_chains: int, n_frames: int, n_atoms: int) -> None:
    """Refuse a rollout that its disk has no room for.

    Parameters
    ----------
    path
        File that it is to become; frames of it that are there already count as room.
    n_chains
        Independent chains.
    n_frames
        Frames of each.
    n_atoms
        Of a frame.

    Raises
    ------
    InputError
        With what is needed and what is free.
    """
    ending = suffix(path)
    of_file, grows = BYTES_OF_AN_ATOM.get(ending, EXACT_BYTES), ending in GROWING
    # Chains grow in files of their own, which are removed once they are joined.
    of_parts = 0.0 if n_chains == 1 and grows else (of_file if grows else EXACT_BYTES)
    needed = float(n_chains) * n_frames * n_atoms * (of_file + of_parts)
    folder = next((parent for parent in path.absolute().parents if parent.is_dir()), Path("/"))
    free = float(shutil.disk_usage(folder).free)
    there = sum(file.stat().st_size for file in folder.glob(f"{escape(path.stem)}.*") if file.is_file())
    if needed > free + there:
        fitting = int((free + there) // (n_chains * n_atoms * (of_file + of_parts)))
        raise InputError(
            f"{path}: {n_chains:,} chain(s) of {n_frames:,} frames of {n_atoms:,} atoms need at least {gib(needed)} of "
            f"disk, {folder} has {gib(free)} free; take at most {option('n_frames')}={fitting} or another disk"
        )


def gib(size: float) -> str:
    """Write a size in GiB, or what suits it better."""
    for unit, power in (("PiB", 50), ("TiB", 40), ("GiB", 30)):
        if size >= 2**power:
            return f"{size / 2**power:,.1f} {unit}"
    return f"{size / 2**20:,.1f} MiB"
