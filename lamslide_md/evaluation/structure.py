"""Structure of single frames: bond lengths, chirality at the C-alpha, clashes."""

from collections.abc import Sequence
from dataclasses import dataclass

import mdtraj as md
import numpy as np
from jaxtyping import Bool, Float, Int

from lamslide_md.evaluation.bonds import bond_pairs, far_pairs
from lamslide_md.evaluation.features import heavy_atoms

BOND_TOLERANCE = 0.2
"""A bond is broken when its length is off by more than this fraction of its mean in the reference."""
CLASH_NM = 0.22
CHUNK_FRAMES = 10_000


@dataclass(frozen=True)
class StructureRules:
    """What an intact frame looks like, learnt from the reference: bonds, chiral centres, pairs that may clash.

    `bonds` (bonds, 2) with their mean lengths `bond_means_nm`; `centres` (centres, 4) are CA, N, C, CB with the sign
    of their signed volume in the reference, +1 for L; `clash_pairs` (pairs, 2) are heavy atoms at least three bonds
    apart.
    """

    bonds: Int[np.ndarray, "bonds 2"]
    bond_means_nm: Float[np.ndarray, " bonds"]
    centres: Int[np.ndarray, "centres 4"]
    signs: Float[np.ndarray, " centres"]
    clash_pairs: Int[np.ndarray, "pairs 2"]


@dataclass(frozen=True)
class FrameStructure:
    """Checks of every frame: broken bond, flipped C-alpha, clash (bool), and mean absolute bond error in nm."""

    broken_bond: Bool[np.ndarray, " frames"]
    flipped: Bool[np.ndarray, " frames"]
    clash: Bool[np.ndarray, " frames"]
    bond_error_nm: Float[np.ndarray, " frames"]


def learn_structure(topology: md.Topology, positions_nm: Sequence[Float[np.ndarray, "_ atoms 3"]]) -> StructureRules:
    """Learn from the reference what its bonds, chiral centres and non-bonded pairs are.

    Parameters
    ----------
    topology
        Topology of the compared atoms.
    positions_nm
        Trajectories of the reference, nm.

    Returns
    -------
    StructureRules
        Bond means over all frames; signs by majority.
    """
    bonds = bond_pairs(topology, positions_nm[0][:100])
    totals = sum(_bond_lengths(part, bonds).sum(axis=0, dtype=np.float64) for part in _chunks(positions_nm))
    n_frames = sum(len(part) for part in positions_nm)
    centres = _chiral_centres(topology)
    volume_signs = sum(np.sign(signed_volumes(part, centres)).sum(axis=0) for part in _chunks(positions_nm))
    pairs = far_pairs(topology.n_atoms, bonds, heavy_atoms(topology))
    return StructureRules(bonds, np.asarray(totals) / n_frames, centres, np.sign(np.asarray(volume_signs)), pairs)


def check_structure(rules: StructureRules, positions_nm: Sequence[Float[np.ndarray, "_ atoms 3"]]) -> FrameStructure:
    """Check every frame against the rules.

    Parameters
    ----------
    rules
        Learnt from the reference.
    positions_nm
        Trajectories of the same atoms, nm.

    Returns
    -------
    FrameStructure
        One entry per frame of all trajectories.
    """
    broken, flipped, clash, error_nm = [], [], [], []
    for part in _chunks(positions_nm):
        deviation_nm = np.abs(_bond_lengths(part, rules.bonds) - rules.bond_means_nm)
        broken.append((deviation_nm > BOND_TOLERANCE * rules.bond_means_nm).any(axis=1))
        error_nm.append(deviation_nm.mean(axis=1, dtype=np.float64))
        flipped.append((np.sign(signed_volumes(part, rules.centres)) != rules.signs).any(axis=1))
        clash.append(_has_clash(part, rules.clash_pairs))
    return FrameStructure(*(np.concatenate(checks) for checks in (broken, flipped, clash, error_nm)))


def _chunks(positions_nm: Sequence[np.ndarray]) -> list[np.ndarray]:
    return [part[start : start + CHUNK_FRAMES] for part in positions_nm for start in range(0, len(part), CHUNK_FRAMES)]


def _bond_lengths(positions_nm: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions_nm[:, bonds[:, 0]] - positions_nm[:, bonds[:, 1]], axis=-1)


def _chiral_centres(topology: md.Topology) -> np.ndarray:
    centres = []
    for residue in topology.residues:
        index = {atom.name: atom.index for atom in residue.atoms}
        if {"N", "CA", "C", "CB"} <= set(index):
            centres.append([index[name] for name in ("CA", "N", "C", "CB")])
    return np.array(centres, dtype=int).reshape(-1, 4)


def signed_volumes(
    positions_nm: Float[np.ndarray, "frames atoms 3"], centres: Int[np.ndarray, "centres 4"]
) -> Float[np.ndarray, "frames centres"]:
    """Signed volume (N - CA) . [(C - CA) x (CB - CA)] of every C-alpha; positive for L amino acids.

    Parameters
    ----------
    positions_nm
        Positions, nm.
    centres
        Atom indices of CA, N, C, CB.

    Returns
    -------
    np.ndarray
        Volumes, nm³.
    """
    centre = positions_nm[:, centres[:, 0]]
    nitrogen, carbon, beta = (positions_nm[:, centres[:, column]] - centre for column in (1, 2, 3))
    return (nitrogen * np.cross(carbon, beta)).sum(axis=-1)


def _has_clash(positions_nm: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    clash = np.zeros(len(positions_nm), dtype=bool)
    # One atom at a time: all pairs at once would need gigabytes for a long trajectory.
    for atom in np.unique(pairs[:, 0]):
        partners = pairs[pairs[:, 0] == atom, 1]
        squared = ((positions_nm[:, partners] - positions_nm[:, atom : atom + 1]) ** 2).sum(axis=-1)
        clash |= (squared < CLASH_NM**2).any(axis=1)
    return clash
