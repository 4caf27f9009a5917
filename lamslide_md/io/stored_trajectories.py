"""Trajectories larger than memory: read once, through the gate of `read`, and kept in a file of plain numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.data.frame_file import FrameFile
from lamslide_md.data.stored_frames import StoredFrames
from lamslide_md.errors import InputError
from lamslide_md.io.manifests import find_manifest
from lamslide_md.io.plain_paths import suffix
from lamslide_md.io.readers import iterate
from lamslide_md.io.times import believable_interval
from lamslide_md.memory import available_bytes
from lamslide_md.systems.selections import Selection

COMPRESSED = {".xtc": 3.0}
"""Bytes of coordinates in memory for each byte of a file; one for other formats."""

KEPT_BYTES = 200_000_000
"""Coordinates up to this size are compared in memory, more of them in a file."""

COPIES = 6
"""Of the coordinates that a training in memory makes: as read, joined, placed, scaled, parted, as latents."""


@dataclass(frozen=True)
class StoredTrajectory:
    """One trajectory, whose frames are in a file.

    Attributes
    ----------
    topology
        Of its atoms.
    xyz
        Positions, nm.
    time
        Of its frames, ps.
    read_from
        What to call it.
    selected_by
        Which atoms were asked for.
    """

    topology: md.Topology
    xyz: StoredFrames
    time: Float[np.ndarray, " frames"]
    read_from: str
    selected_by: Selection

    @property
    def n_frames(self) -> int:
        """Frames."""
        return len(self.time)

    @property
    def frame_interval_ps(self) -> float:
        """Time between two frames, ps."""
        interval, why = believable_interval(self.time)
        if interval is None:
            raise InputError(f"{self.read_from} has no frame interval: {why}")
        return interval

    @property
    def first(self) -> md.Trajectory:
        """Its first frame."""
        return md.Trajectory(self.xyz[:1], self.topology, time=self.time[:1])


def read_to_disk(
    source: Path,
    file: FrameFile,
    top: Path | None,
    *,
    atoms: Selection,
    **how: Any,  # noqa: ANN401 - of `iterate`
) -> list[StoredTrajectory]:
    """Read a trajectory chunk by chunk into a file.

    Parameters
    ----------
    source
        File that mdtraj or ASE reads.
    file
        Where the frames go, behind others.
    top
        Topology, for formats that hold none.
    atoms
        Which to keep.
    **how
        As of `iterate`.

    Returns
    -------
    list of StoredTrajectory
        One, or each chain of a rollout.

    Raises
    ------
    InputError
        As `read`; or if the disk is full.
    """
    topologies: list[md.Topology] = []
    times: list[np.ndarray] = []

    def blocks() -> Iterator[np.ndarray]:
        for chunk in iterate(source, top, atoms=atoms, **how):
            topologies.append(topologies[0] if topologies else chunk.topology)
            times.append(chunk.time)
            yield chunk.xyz

    frames = StoredFrames.written(file, blocks())
    whole = StoredTrajectory(topologies[0], frames, np.concatenate(times), str(source), atoms)
    manifest = find_manifest(source)
    n_chains = 1 if manifest is None else manifest.n_chains
    if whole.n_frames % n_chains:
        raise InputError(f"{source} has {whole.n_frames} frames, which do not divide into {n_chains} chains")
    parts = np.split(np.arange(whole.n_frames), n_chains)
    return [replace(whole, xyz=frames.kept(part), time=whole.time[part]) for part in parts]


def need_disk(paths: Sequence[Path]) -> bool:
    """Tell whether the frames of files, with what a training makes of them, would not fit into memory."""
    return COPIES * expected_bytes(paths) > available_bytes()


def expected_bytes(paths: Sequence[Path]) -> float:
    """Size of the coordinates of files in memory, by the sizes of the files."""
    return sum((path.stat().st_size * COMPRESSED.get(suffix(path), 1.0) for path in paths if path.is_file()), start=0.0)
