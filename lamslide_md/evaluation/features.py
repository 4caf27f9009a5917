"""Torsions of a molecule: which there are, their angles in a trajectory, and their cosines and sines."""

from collections import Counter
from dataclasses import dataclass, replace

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int
from mdtraj.geometry import dihedral as mdtraj_dihedral

from lamslide_md.data.dihedrals import dihedral
from lamslide_md.errors import InputError
from lamslide_md.evaluation.bonds import bond_pairs, rotatable_bonds

BACKBONE, SIDE_CHAIN, MOLECULE = "backbone", "side chain", "molecule"
LINEAR_RAD = np.deg2rad(170.0)
"""Beyond this mean bond angle a torsion is undefined (alkynes, nitriles) and left out."""

_PEPTIDE_TORSIONS = (
    ("phi", BACKBONE, mdtraj_dihedral.indices_phi, 2),
    ("psi", BACKBONE, mdtraj_dihedral.indices_psi, 1),
    ("chi1", SIDE_CHAIN, mdtraj_dihedral.indices_chi1, 1),
    ("chi2", SIDE_CHAIN, mdtraj_dihedral.indices_chi2, 1),
    ("chi3", SIDE_CHAIN, mdtraj_dihedral.indices_chi3, 1),
    ("chi4", SIDE_CHAIN, mdtraj_dihedral.indices_chi4, 1),
)
"""Name, kind, mdtraj's finder, and which of the four atoms names the residue the torsion belongs to."""


@dataclass(frozen=True)
class Torsion:
    """One torsion angle: its name ("psi ALA2"), its kind, and its four atoms."""

    name: str
    kind: str
    atoms: tuple[int, int, int, int]


def find_torsions(topology: md.Topology, positions_nm: Float[np.ndarray, "frames atoms 3"]) -> tuple[Torsion, ...]:
    """Torsions of every peptide residue by name, of everything else from the bond graph.

    Peptide residues (those with N, CA and C) give phi, psi and chi1 to chi4. Bonds outside of them give one torsion per
    rotatable bond between heavy atoms that is in no ring.

    Parameters
    ----------
    topology
        Topology; hydrogens may be missing.
    positions_nm
        A few frames of the same atoms, nm, from which bonds are found when the topology has none.

    Returns
    -------
    tuple of Torsion
        Backbone torsions first, then side chains, then others.

    Raises
    ------
    InputError
        If there is no torsion at all.
    """
    torsions = []
    for name, kind, finder, owner in _PEPTIDE_TORSIONS:
        for atoms in finder(topology):
            residue = topology.atom(int(atoms[owner])).residue
            first, second, third, fourth = (int(atom) for atom in atoms)
            torsions.append(Torsion(f"{name} {residue}", kind, (first, second, third, fourth)))
    torsions += _molecule_torsions(topology, positions_nm)
    if not torsions:
        raise InputError(
            f"no torsion found among {topology.n_atoms} atoms with {topology.n_bonds} bonds: a comparison needs at "
            "least one rotatable bond between heavy atoms; does the topology list bonds and atom names?"
        )
    return _distinct_names(torsions)


def _molecule_torsions(topology: md.Topology, positions_nm: np.ndarray) -> list[Torsion]:
    peptide = np.zeros(topology.n_atoms, dtype=bool)
    for residue in topology.residues:
        if {"N", "CA", "C"} <= {atom.name for atom in residue.atoms}:
            peptide[[atom.index for atom in residue.atoms]] = True
    if peptide.all():
        return []
    bonds = bond_pairs(topology, positions_nm)
    heavy = heavy_atoms(topology)
    torsions = []
    for atoms in rotatable_bonds(topology.n_atoms, bonds, heavy):
        if peptide[atoms[1]] or peptide[atoms[2]] or _is_linear(positions_nm, atoms):
            continue
        name = "-".join(topology.atom(atom).name for atom in atoms)
        torsions.append(Torsion(f"{name} {topology.atom(atoms[1]).residue}", MOLECULE, atoms))
    return torsions


def _is_linear(positions_nm: np.ndarray, atoms: tuple[int, int, int, int]) -> bool:
    for ends in (atoms[:3], atoms[1:]):
        first, middle, last = (positions_nm[:, atom] for atom in ends)
        one, two = first - middle, last - middle
        cosine = (one * two).sum(-1) / (np.linalg.norm(one, axis=-1) * np.linalg.norm(two, axis=-1))
        if np.arccos(np.clip(cosine, -1.0, 1.0)).mean() > LINEAR_RAD:
            return True
    return False


def _distinct_names(torsions: list[Torsion]) -> tuple[Torsion, ...]:
    counts = Counter(torsion.name for torsion in torsions)
    seen: Counter[str] = Counter()
    distinct = []
    for torsion in torsions:
        seen[torsion.name] += 1
        suffix = f" #{seen[torsion.name]}" if counts[torsion.name] > 1 else ""
        distinct.append(replace(torsion, name=torsion.name + suffix))
    return tuple(distinct)


def heavy_atoms(topology: md.Topology) -> np.ndarray:
    """Mark the atoms that are not hydrogen, (atoms,) bool."""
    return np.array([atom.element is None or atom.element.symbol != "H" for atom in topology.atoms])


def torsion_angles(
    positions_nm: Float[np.ndarray, "frames atoms 3"], torsions: tuple[Torsion, ...]
) -> Float[np.ndarray, "frames torsions"]:
    """Torsion angles by the IUPAC sign (cis is 0, clockwise positive).

    Parameters
    ----------
    positions_nm
        Positions of whole molecules, nm.
    torsions
        Torsions, indices into the atoms.

    Returns
    -------
    np.ndarray
        Angles in [-pi, pi], rad.
    """
    columns = [dihedral(*(positions_nm[:, atom].astype(np.float64) for atom in torsion.atoms)) for torsion in torsions]
    return np.stack(columns, axis=1)


def torsion_features(angles: Float[np.ndarray, "frames torsions"]) -> Float[np.ndarray, "frames features"]:
    """Cosines, then sines, of the angles: twice as many columns, dimensionless."""
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=1)


def ramachandran_pairs(torsions: tuple[Torsion, ...]) -> Int[np.ndarray, "residues 2"]:
    """Columns of phi and psi for every residue that has both."""
    columns = {torsion.name: index for index, torsion in enumerate(torsions)}
    pairs = [
        (index, columns["psi" + name[3:]])
        for name, index in columns.items()
        if name.startswith("phi ") and "psi" + name[3:] in columns
    ]
    return np.array(pairs, dtype=int).reshape(-1, 2)
