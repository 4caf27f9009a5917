"""Sides that cannot be compared: wrong units, permuted atoms, broken molecules, frames that do not move."""

from collections.abc import Sequence

import mdtraj as md
import numpy as np

from lamslide_md.analysis.features import Torsion, torsion_angles
from lamslide_md.analysis.sides import Side
from lamslide_md.errors import InputError
from lamslide_md.systems.bonds import bond_pairs

SCREENED_FRAMES = 200
RIGID_RAD = 1e-4
"""A side whose torsions all move by less does not move: single precision of positions gives 1e-6 to 1e-5."""


def screen_bonds(topology: md.Topology, reference: Side, others: Sequence[Side]) -> None:
    """Refuse wrong units, permuted topologies and molecules broken across a periodic box.

    Parameters
    ----------
    topology
        Topology of the compared atoms.
    reference
        Its bond lengths must be those of a molecule.
    others
        Sides whose median bond length must be within a factor 3 of the reference's.

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
    for side in others:
        median = float(np.median(_lengths(_spread(side), bonds)))
        if not 1 / 3 < median / median_nm < 3:
            raise InputError(
                f"bonds of the {side.name} have a median length of {median:.3f} nm, of the reference "
                f"{median_nm:.3f} nm: are its positions in Å, or its atoms permuted?"
            )


def _spread(side: Side) -> np.ndarray:
    return np.concatenate(side.thinned(SCREENED_FRAMES).positions_nm)


def _lengths(positions_nm: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions_nm[:, bonds[:, 0]] - positions_nm[:, bonds[:, 1]], axis=-1)


def screen_motion(torsions: tuple[Torsion, ...], sides: Sequence[Side]) -> None:
    """Refuse a side whose frames are all the same.

    Parameters
    ----------
    torsions
        Of the compared atoms.
    sides
        All sides.

    Raises
    ------
    InputError
        With the side and its number of frames.
    """
    for side in sides:
        angles = torsion_angles(_spread(side), torsions)
        if np.abs(np.angle(np.exp(1j * (angles - angles[:1])))).max() < RIGID_RAD:
            raise InputError(
                f"the {side.name} does not move: its {side.n_frames} frames are one and the same structure, which has "
                "neither distributions nor kinetics to compare; was one frame written again and again?"
            )
