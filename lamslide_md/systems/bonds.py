"""The bond graph: which atoms are bonded, how far apart in bonds two atoms are, which bonds can rotate."""

from collections.abc import Sequence

import mdtraj as md
import numpy as np
from ase.data import covalent_radii
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array, eye_array

from lamslide_md.systems.periodicity import neighbour_pairs

BOND_TOLERANCE = 1.25
"""Two atoms of a topology without bonds count as bonded below this multiple of the sum of their covalent radii."""
SMALL_RING = 8
"""Bonds in rings of up to so many atoms do not turn; the smallest cyclic peptide, of three residues, has nine."""


def bond_pairs(topology: md.Topology, positions_nm: Float[np.ndarray, "frames atoms 3"]) -> Int[np.ndarray, "bonds 2"]:
    """Bonded pairs of atoms, from the topology or, when it lists none, from the mean distances.

    Parameters
    ----------
    topology
        Topology of the atoms.
    positions_nm
        A few frames of the same atoms, nm; used only when the topology has no bond.

    Returns
    -------
    np.ndarray
        Atom indices of every bond, lower index first, sorted.
    """
    if topology.n_bonds > 0:
        pairs = [(min(a.index, b.index), max(a.index, b.index)) for a, b in topology.bonds]
        return np.array(sorted(set(pairs)), dtype=int).reshape(-1, 2)
    radii_nm = radii_of(topology)
    # What is near in the mean is near in some frame.
    longest_nm = 2 * BOND_TOLERANCE * float(radii_nm.max(initial=0.0))
    near = [neighbour_pairs(frame, longest_nm) for frame in positions_nm]
    first, second = np.unique(np.concatenate([np.empty((0, 2), dtype=int), *near]), axis=0).T
    distances_nm = np.linalg.norm(positions_nm[:, first] - positions_nm[:, second], axis=-1).mean(axis=0)
    bonded = distances_nm < BOND_TOLERANCE * (radii_nm[first] + radii_nm[second])
    return np.stack([first[bonded], second[bonded]], axis=1)


def radii_of(topology: md.Topology) -> Float[np.ndarray, " atoms"]:
    """Covalent radii, nm; zero for what is no element."""
    numbers = [0 if atom.element is None else atom.element.atomic_number for atom in topology.atoms]
    return np.where(np.array(numbers) > 0, covalent_radii[numbers], 0.0) / 10.0


def adjacency(n_atoms: int, bonds: Int[np.ndarray, "bonds 2"]) -> csr_array:
    """Symmetric adjacency matrix of the bond graph, (atoms, atoms)."""
    ones = np.ones(len(bonds))
    upper = csr_array((ones, (bonds[:, 0], bonds[:, 1])), shape=(n_atoms, n_atoms))
    return csr_array(upper + upper.T)


def far_pairs(
    n_atoms: int, bonds: Int[np.ndarray, "bonds 2"], eligible: Bool[np.ndarray, " atoms"], min_separation: int = 3
) -> Int[np.ndarray, "pairs 2"]:
    """Pairs of eligible atoms that are at least so many bonds apart, or not connected at all.

    Parameters
    ----------
    n_atoms
        Number of atoms of the graph.
    bonds
        Bonded pairs.
    eligible
        Atoms that may enter a pair.
    min_separation
        Least number of bonds between the two atoms; 3 leaves out the 1-2 and 1-3 neighbours.

    Returns
    -------
    np.ndarray
        Atom indices of the pairs, lower index first.
    """
    near = within_bonds(n_atoms, bonds, min_separation - 1)[eligible][:, eligible].toarray()
    chosen = np.flatnonzero(eligible)
    first, second = np.nonzero(np.triu(~near, k=1))
    return np.stack([chosen[first], chosen[second]], axis=1)


def within_bonds(n_atoms: int, bonds: Int[np.ndarray, "bonds 2"], n_bonds: int) -> csr_array:
    """Tell which atoms are at most so many bonds apart, themselves among them, (atoms, atoms)."""
    step = csr_array(adjacency(n_atoms, bonds) + eye_array(n_atoms, format="csr")).astype(bool)
    reached = csr_array(eye_array(n_atoms, format="csr")).astype(bool)
    for _ in range(n_bonds):
        reached = reached @ step
    return reached


def heavy_neighbours(
    n_atoms: int, bonds: Int[np.ndarray, "bonds 2"], heavy: Bool[np.ndarray, " atoms"]
) -> list[list[int]]:
    """List the heavy atoms bonded to each heavy atom, lowest index first; nothing for hydrogens."""
    neighbours: list[set[int]] = [set() for _ in range(n_atoms)]
    for a, b in bonds.tolist():
        if heavy[a] and heavy[b]:
            neighbours[a].add(b)
            neighbours[b].add(a)
    return [sorted(bonded) for bonded in neighbours]


def in_small_ring(neighbours: Sequence[Sequence[int]], bond: tuple[int, int]) -> bool:
    """Tell whether a bond is part of a ring of at most `SMALL_RING` atoms, from the neighbours of every atom."""
    start, end = bond
    seen, border = {start}, {start}
    for step in range(SMALL_RING - 1):
        reached = {next_to for atom in border for next_to in neighbours[atom]} - seen
        if step == 0:
            reached.discard(end)
        if end in reached:
            return True
        seen |= reached
        border = reached
    return False


def rotatable_bonds(
    n_atoms: int, bonds: Int[np.ndarray, "bonds 2"], heavy: Bool[np.ndarray, " atoms"]
) -> list[tuple[int, int, int, int]]:
    """One torsion for every rotatable bond: four heavy atoms with the bond in the middle.

    A bond is rotatable when both ends are heavy atoms with another heavy neighbour and the bond is in no small ring;
    large rings, such as those of cyclic peptides, turn about their bonds. The outer atoms are the heavy neighbours of
    lowest index.

    Parameters
    ----------
    n_atoms
        Number of atoms of the graph.
    bonds
        Bonded pairs.
    heavy
        True for atoms that are not hydrogen.

    Returns
    -------
    list of tuple
        Atom indices (outer, inner, inner, outer) of every torsion.
    """
    neighbours = heavy_neighbours(n_atoms, bonds, heavy)
    torsions = []
    for a, b in bonds.tolist():
        before, after = ([atom for atom in neighbours[end] if atom not in (a, b)] for end in (a, b))
        if heavy[a] and heavy[b] and before and after and not in_small_ring(neighbours, (a, b)):
            torsions.append((before[0], a, b, after[0]))
    return torsions
