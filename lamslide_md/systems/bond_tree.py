"""A bond graph taken apart into molecules, and in each a tree: the order in which atoms are put beside each other."""

from dataclasses import dataclass

import mdtraj as md
import numpy as np
from jaxtyping import Int
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from lamslide_md.systems.bond_finding import bonds_of


@dataclass(frozen=True)
class BondTree:
    """A bond graph in an order in which atoms can be put beside their neighbours.

    Attributes
    ----------
    molecules
        Atoms of each molecule, the largest molecule first.
    levels
        Pairs of an atom and the one that it is put beside, by the number of bonds from the first atom of the molecule.
    rest
        Bonds that close rings.
    """

    molecules: list[Int[np.ndarray, " _"]]
    levels: list[Int[np.ndarray, "_ 2"]]
    rest: Int[np.ndarray, "_ 2"]

    @classmethod
    def of(cls, topology: md.Topology) -> "BondTree":
        """Order the bonds of a topology; linear in the atoms."""
        n_atoms, bonds = topology.n_atoms, bonds_of(topology)
        # A last point that is bonded to the first atom of every molecule: one search then orders them all.
        graph = csr_array((np.ones(len(bonds)), (bonds[:, 0], bonds[:, 1])), shape=(n_atoms, n_atoms))
        n_molecules, molecule = connected_components(graph, directed=False)
        order = np.argsort(molecule, kind="stable")
        parts = np.split(order, np.cumsum(np.bincount(molecule, minlength=n_molecules))[:-1])
        first = np.array([part[0] for part in parts])
        ends = np.concatenate([bonds, np.stack([np.full(n_molecules, n_atoms), first], axis=1)])
        joined = csr_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n_atoms + 1, n_atoms + 1))
        reached, before = breadth_first_order(joined, n_atoms, directed=False)
        depth = np.zeros(n_atoms + 1, dtype=int)
        for index in reached[1:]:
            depth[index] = depth[before[index]] + 1
        tree = np.stack([np.arange(n_atoms), before[:n_atoms]], axis=1)[before[:n_atoms] != n_atoms]
        levels = [tree[depth[tree[:, 0]] == level] for level in range(2, depth.max() + 1)]
        key = np.array([n_atoms + 1, 1])
        closing = ~np.isin(np.sort(bonds, axis=1) @ key, np.sort(tree, axis=1) @ key)
        return cls(sorted(parts, key=len, reverse=True), levels, bonds[closing])
