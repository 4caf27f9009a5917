"""The bond graph: which atoms are bonded, how far apart in bonds two atoms are, which bonds can rotate."""

import mdtraj as md
import numpy as np
from ase.data import covalent_radii
from jaxtyping import Bool, Float, Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, shortest_path

BOND_TOLERANCE = 1.25
"""Two atoms of a topology without bonds count as bonded below this multiple of the sum of their covalent radii."""


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
    radii_nm = np.array([covalent_radii[atom.element.atomic_number] for atom in topology.atoms]) / 10.0
    first, second = np.triu_indices(topology.n_atoms, k=1)
    distances_nm = np.linalg.norm(positions_nm[:, first] - positions_nm[:, second], axis=-1).mean(axis=0)
    bonded = distances_nm < BOND_TOLERANCE * (radii_nm[first] + radii_nm[second])
    return np.stack([first[bonded], second[bonded]], axis=1)


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
    separation = shortest_path(adjacency(n_atoms, bonds), unweighted=True)
    chosen = np.flatnonzero(eligible)
    first, second = np.triu_indices(len(chosen), k=1)
    pairs = np.stack([chosen[first], chosen[second]], axis=1)
    return pairs[separation[pairs[:, 0], pairs[:, 1]] >= min_separation]


def rotatable_bonds(
    n_atoms: int, bonds: Int[np.ndarray, "bonds 2"], heavy: Bool[np.ndarray, " atoms"]
) -> list[tuple[int, int, int, int]]:
    """One torsion for every rotatable bond: four heavy atoms with the bond in the middle.

    A bond is rotatable when both ends are heavy atoms with another heavy neighbour and the bond is in no ring, i.e.
    when the graph falls apart without it. The outer atoms are the heavy neighbours of lowest index.

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
    neighbours: list[list[int]] = [[] for _ in range(n_atoms)]
    for a, b in bonds:
        if heavy[a] and heavy[b]:
            neighbours[a].append(int(b))
            neighbours[b].append(int(a))
    n_parts = connected_components(adjacency(n_atoms, bonds), directed=False)[0]
    torsions = []
    for index, (a, b) in enumerate(bonds):
        before = sorted(set(neighbours[a]) - {int(b)})
        after = sorted(set(neighbours[b]) - {int(a)})
        if not (heavy[a] and heavy[b] and before and after):
            continue
        rest = np.delete(bonds, index, axis=0)
        if connected_components(adjacency(n_atoms, rest), directed=False)[0] > n_parts:
            torsions.append((before[0], int(a), int(b), after[0]))
    return torsions
