"""Datasets that cannot be compared, or should not: wrong units, broken molecules, no motion, frames that are in two."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import mdtraj as md
import numpy as np
from jaxtyping import UInt

from lamslide_md.analysis.datasets.dataset import Dataset
from lamslide_md.analysis.features import Torsion, torsion_angles
from lamslide_md.data.stored_frames import Frames, pieces_of
from lamslide_md.errors import InputError
from lamslide_md.systems.bonds import bond_pairs

SCREENED_FRAMES = 200
RIGID_RAD = 1e-4
"""A dataset whose torsions all move by less does not move: single precision of positions gives 1e-6 to 1e-5."""


def screen_bonds(topology: md.Topology, reference: Dataset, others: Sequence[Dataset]) -> None:
    """Refuse wrong units, permuted topologies and molecules broken across a periodic box.

    Parameters
    ----------
    topology
        Topology of the compared atoms.
    reference
        Its bond lengths must be those of a molecule.
    others
        Datasets whose median bond length must be within a factor 3 of the reference's.

    Raises
    ------
    InputError
        With the bond lengths found.
    """
    sample = _spread(reference)
    bonds = bond_pairs(topology, sample)
    if len(bonds) == 0:
        raise InputError(f"no bond among the {topology.n_atoms} compared atoms; is the reference in nm?")
    lengths_nm = _lengths(sample, bonds)
    median_nm, longest_nm = float(np.median(lengths_nm)), float(lengths_nm.max())
    if not 0.08 <= median_nm <= 0.20 or longest_nm > 0.30:
        raise InputError(
            f"bonds of the reference have a median length of {median_nm:.3f} nm and reach {longest_nm:.3f} nm: "
            "positions in another unit, a topology with permuted atoms, or a molecule broken across the box?"
        )
    for dataset in others:
        median = float(np.median(_lengths(_spread(dataset), bonds)))
        if not 1 / 3 < median / median_nm < 3:
            raise InputError(
                f"bonds of the {dataset.name} have a median length of {median:.3f} nm, of the reference "
                f"{median_nm:.3f} nm: are its positions in Å, or its atoms permuted?"
            )


def _spread(dataset: Dataset) -> np.ndarray:
    return np.concatenate(list(pieces_of(dataset.thinned(SCREENED_FRAMES).positions_nm)))


def _lengths(positions_nm: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions_nm[:, bonds[:, 0]] - positions_nm[:, bonds[:, 1]], axis=-1)


def screen_motion(torsions: tuple[Torsion, ...], datasets: Sequence[Dataset]) -> None:
    """Refuse a dataset whose frames are all the same.

    Parameters
    ----------
    torsions
        Of the compared atoms.
    datasets
        All datasets.

    Raises
    ------
    InputError
        With the dataset and its number of frames.
    """
    for dataset in datasets:
        angles = torsion_angles(_spread(dataset), torsions)
        if np.abs(np.angle(np.exp(1j * (angles - angles[:1])))).max() < RIGID_RAD:
            raise InputError(
                f"the {dataset.name} does not move: its {dataset.n_frames} frames are one and the same structure, "
                "which has neither distributions nor kinetics to compare; was one frame written again and again?"
            )


MANY = 0.5
"""Two trajectories are the same where this part of the frames of the shorter one is in the other, bit by bit."""
KEYED_FRAMES = 10_000
"""Frames whose keys are computed at once: bounds memory."""


def repeat_notes(datasets: Mapping[str, Dataset]) -> tuple[str, ...]:
    """Note which datasets or trajectories are identical.

    Parameters
    ----------
    datasets
        By name: "rollout", "reference" and, if there is one, "replicate".

    Returns
    -------
    tuple of str
        One sentence for each pair.
    """
    keys = {name: [frame_keys(part) for part in dataset.positions_nm] for name, dataset in datasets.items()}
    notes = []
    whole = {name: np.concatenate(parts) for name, parts in keys.items()}
    for name, parts in keys.items():
        seen, counts = np.unique(whole[name], return_counts=True)
        twice = [(i, part) for i, part in enumerate(parts) if np.isin(part, seen[counts > 1]).mean() > MANY]
        for (i, one), (j, other) in combinations(twice, 2):
            if _shared(one, other) > MANY:
                notes.append(f"{name} trajectories {i} and {j} are the same: their frames count twice")
    for (which, against), meaning in _MEANINGS.items():
        shared = _shared(whole[which], whole[against]) if {which, against} <= set(whole) else 0.0
        if shared > MANY:
            least = min(len(whole[which]), len(whole[against]))
            notes.append(f"{100 * shared:.3g} % of {least} frames are in both the {which} and the {against}: {meaning}")
    return tuple(notes)


_MEANINGS = {
    ("rollout", "reference"): "it is compared with itself",
    ("replicate", "rollout"): "the floor is the rollout itself, and every ratio near 1",
    ("replicate", "reference"): "the floor is no independent MD, and too low",
}


def frame_keys(positions_nm: Frames) -> UInt[np.ndarray, " frames"]:
    """Give every frame a number of 64 bits, the same for the same positions only (but for one chance in 2^64)."""
    size = int(np.prod(positions_nm.shape[1:]))
    factors = np.random.default_rng(0).integers(2**64, size=size, dtype=np.uint64) | np.uint64(1)
    keys = []
    for piece in pieces_of([positions_nm], KEYED_FRAMES):
        part = np.ascontiguousarray(piece, dtype=np.float32)
        keys.append((part.reshape(len(part), -1).view(np.uint32).astype(np.uint64) * factors).sum(axis=1))
    return np.concatenate(keys)


def _shared(one: np.ndarray, other: np.ndarray) -> float:
    """Part of the frames of the shorter that are in the longer."""
    shorter, longer = sorted((one, other), key=len)
    return float(np.isin(shorter, longer).mean())
