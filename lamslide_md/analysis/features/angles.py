"""Torsion angles of a trajectory, and their cosines and sines."""

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int

from lamslide_md.analysis.features.names import Torsion
from lamslide_md.data.stored_frames import Frames, pieces_of
from lamslide_md.systems.dihedrals import dihedral


def heavy_atoms(topology: md.Topology) -> np.ndarray:
    """Mark the atoms that are not hydrogen, (atoms,) bool."""
    return np.array([atom.element is None or atom.element.symbol != "H" for atom in topology.atoms])


ANGLES_AT_ONCE = 10_000
"""Frames whose angles are computed at once: bounds memory."""


def torsion_angles(positions_nm: Frames, torsions: tuple[Torsion, ...]) -> Float[np.ndarray, "frames torsions"]:
    """Torsion angles by the IUPAC sign (cis is 0, clockwise positive).

    Parameters
    ----------
    positions_nm
        Positions of whole molecules, nm, (frames, atoms, 3).
    torsions
        Torsions, indices into the atoms.

    Returns
    -------
    np.ndarray
        Angles in [-pi, pi], rad.
    """
    angles = np.empty((len(positions_nm), len(torsions)))
    start = 0
    for part in pieces_of([positions_nm], ANGLES_AT_ONCE):
        for column, torsion in enumerate(torsions):
            corners = (part[:, atom].astype(np.float64) for atom in torsion.atoms)
            angles[start : start + len(part), column] = dihedral(*corners)
        start += len(part)
    return angles


def torsion_features(angles: Float[np.ndarray, "frames torsions"]) -> Float[np.ndarray, "frames features"]:
    """Cosines, then sines, of the angles: twice as many columns, dimensionless."""
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def ramachandran_pairs(torsions: tuple[Torsion, ...]) -> Int[np.ndarray, "residues 2"]:
    """Columns of phi and psi for every residue that has both."""
    psi_of = {torsion.atoms[:3]: column for column, torsion in enumerate(torsions) if torsion.name.startswith("psi ")}
    pairs = [
        (column, psi_of[torsion.atoms[1:]])
        for column, torsion in enumerate(torsions)
        if torsion.name.startswith("phi ") and torsion.atoms[1:] in psi_of
    ]
    return np.array(pairs, dtype=int).reshape(-1, 2)
