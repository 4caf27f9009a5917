"""Frames of both datasets for the report's playback: superposed, rounded, with the ribbon of a protein."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation

from lamslide_md.analysis.datasets.dataset import Dataset
from lamslide_md.analysis.features import MAX_TORSION_RESIDUES, find_alphas, heavy_atoms
from lamslide_md.analysis.proteins.secondary import complete_residues, secondary_structure
from lamslide_md.systems.bonds import bond_pairs

MAX_FRAMES = 100
MAX_POSITIONS = 20_000
"""Frames times atoms: about 0.4 MB in the report."""
PICOMETRES_PER_NM = 1000.0
CARTOON_LETTERS = "hscc"
"""Of helix, strand, coil, and what DSSP does not know."""


@dataclass(frozen=True)
class Cartoon:
    """What the ribbon of a protein is drawn from: residues of the atoms, secondary structure of the frames shown.

    `secondary[which]` holds a string per frame, a letter per residue: h for helix, s for strand, c for coil.
    """

    atom_names: tuple[str, ...]
    residue_of_atom: tuple[int, ...]
    residue_names: tuple[str, ...]
    chain_of_residue: tuple[int, ...]
    secondary: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Playback:
    """Frames of both datasets at the same interval; positions in whole picometres, (frames, atoms, 3)."""

    elements: tuple[str, ...]
    names: tuple[str, ...]
    bonds: Int[np.ndarray, "bonds 2"]
    interval_ps: float
    positions_pm: Mapping[str, Int[np.ndarray, "_ atoms 3"]]
    cartoon: Cartoon | None = None


def collect_playback(topology: md.Topology, reference: Dataset, rollout: Dataset, interval_ps: float) -> Playback:
    """Take the first frames of both datasets at a common interval and superpose them.

    Parameters
    ----------
    topology
        Topology of the compared atoms.
    reference
        Its first frame is the one that all are superposed on.
    rollout
        The same atoms.
    interval_ps
        Time between the frames shown, a whole number of frames of both, ps.

    Returns
    -------
    Playback
        At most 100 frames of each.
    """
    n_frames = max(2, min(MAX_FRAMES, MAX_POSITIONS // topology.n_atoms))
    heavy = heavy_atoms(topology)
    start_nm = reference.positions_nm[0][:100]
    frames = {}
    for name, dataset in (("reference", reference), ("rollout", rollout)):
        positions = superposed(_first_frames(dataset, interval_ps, n_frames), start_nm[0], heavy)
        frames[name] = np.round(positions * PICOMETRES_PER_NM).astype(int)
    nm = {name: positions / PICOMETRES_PER_NM for name, positions in frames.items()}
    return Playback(
        cartoon=_cartoon(topology, nm),
        elements=tuple("X" if atom.element is None else atom.element.symbol for atom in topology.atoms),
        names=tuple(str(atom) for atom in topology.atoms),
        bonds=bond_pairs(topology, start_nm),
        interval_ps=interval_ps,
        positions_pm=frames,
    )


def _cartoon(topology: md.Topology, positions_nm: Mapping[str, np.ndarray]) -> Cartoon | None:
    """Describe a ribbon, where there are more than 20 residues with a whole backbone; None otherwise."""
    alphas = find_alphas(topology)
    residues = alphas.residues[complete_residues(topology, alphas.residues)]
    if len(residues) <= MAX_TORSION_RESIDUES:
        return None
    secondary = {}
    for name, frames in positions_nm.items():
        letters = np.full((len(frames), topology.n_residues), "c")
        codes = secondary_structure(topology, residues, frames.astype(np.float32))
        letters[:, residues] = np.array(list(CARTOON_LETTERS))[codes]
        secondary[name] = tuple("".join(row) for row in letters)
    return Cartoon(
        atom_names=tuple(atom.name for atom in topology.atoms),
        residue_of_atom=tuple(atom.residue.index for atom in topology.atoms),
        residue_names=tuple(residue.name for residue in topology.residues),
        chain_of_residue=tuple(residue.chain.index for residue in topology.residues),
        secondary=secondary,
    )


def _first_frames(dataset: Dataset, interval_ps: float, n_frames: int) -> np.ndarray:
    longest = max(dataset.positions_nm, key=len)
    stride = max(1, round(interval_ps / dataset.interval_ps))
    return longest[: stride * n_frames : stride].astype(np.float64)


def superposed(
    positions_nm: Float[np.ndarray, "frames atoms 3"], target_nm: Float[np.ndarray, "atoms 3"], chosen: np.ndarray
) -> Float[np.ndarray, "frames atoms 3"]:
    """Move every frame onto the target by the rotation and translation that fit the chosen atoms best.

    Parameters
    ----------
    positions_nm
        Frames, nm.
    target_nm
        The frame to fit, nm; its chosen atoms are centred at the origin in the result.
    chosen
        Atoms that are fitted, bool.

    Returns
    -------
    np.ndarray
        Fitted frames, nm; never mirrored.
    """
    centred = positions_nm - positions_nm[:, chosen].mean(axis=1, keepdims=True)
    goal = target_nm - target_nm[chosen].mean(axis=0)
    with warnings.catch_warnings():  # of points on a line any rotation about it will do
        warnings.filterwarnings("ignore", message="Optimal rotation is not uniquely", category=UserWarning)
        turns = [Rotation.align_vectors(goal, frame, weights=chosen.astype(float))[0] for frame in centred]
    return np.array([turn.apply(frame) for turn, frame in zip(turns, centred, strict=True)])
