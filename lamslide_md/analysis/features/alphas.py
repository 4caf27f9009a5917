"""C-alphas of polymer chains, and distances between them: what the fold of a protein is described by."""

from collections import Counter
from dataclasses import dataclass

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int

MIN_RESIDUES = 11
"""Chains of fewer residues are peptides, whose torsions tell the fold."""
MIN_APART = 3
"""Pairs are at least so many residues apart in a chain: nearer ones are fixed by bonds and angles."""
PAIRS_SEED = 20_000
"""Seed of the pairs: the same pairs for the same chain, whatever else is drawn."""


@dataclass(frozen=True)
class Alphas:
    """C-alphas: their atoms, the residues (by index in the topology) that they belong to, and the chains of these."""

    atoms: Int[np.ndarray, " residues"]
    residues: Int[np.ndarray, " residues"]
    chains: Int[np.ndarray, " residues"]

    def __len__(self) -> int:
        """Count them."""
        return len(self.atoms)

    def apart(self, pairs: Int[np.ndarray, "pairs 2"]) -> np.ndarray:
        """Say of which pairs of places the residues are in different chains or at least three residues apart, bool."""
        first, second = pairs.T
        near = np.abs(self.residues[first] - self.residues[second]) < MIN_APART
        return ~((self.chains[first] == self.chains[second]) & near)


def find_alphas(topology: md.Topology, min_residues: int = MIN_RESIDUES) -> Alphas:
    """Find the C-alphas of all chains that have enough of them.

    Parameters
    ----------
    topology
        Topology of the compared atoms.
    min_residues
        C-alphas that a chain needs to be one of those found.

    Returns
    -------
    Alphas
        In the order of the topology; none for small molecules and peptides.
    """
    carbons = [a for a in topology.atoms if a.name == "CA" and (a.element is None or a.element.symbol == "C")]
    sizes = Counter(atom.residue.chain.index for atom in carbons)
    kept = [atom for atom in carbons if sizes[atom.residue.chain.index] >= min_residues]
    columns = [(atom.index, atom.residue.index, atom.residue.chain.index) for atom in kept]
    return Alphas(*np.array(columns, dtype=int).reshape(-1, 3).T)


def alpha_pairs(alphas: Alphas, n_pairs: int) -> Int[np.ndarray, "pairs 2"]:
    """Draw pairs of C-alphas, at least three residues apart, once for all by a fixed seed.

    Parameters
    ----------
    alphas
        Of one system.
    n_pairs
        At most so many pairs; all that there are if there are fewer.

    Returns
    -------
    np.ndarray
        Places in the list of C-alphas, in rising order.
    """
    n, rng = len(alphas), np.random.default_rng(PAIRS_SEED)
    if n * (n - 1) // 2 <= 4 * n_pairs:
        pairs = np.stack(np.triu_indices(n, k=1), axis=1)
        pairs = pairs[alphas.apart(pairs)]
        chosen = rng.choice(len(pairs), n_pairs, replace=False) if len(pairs) > n_pairs else np.arange(len(pairs))
        return pairs[np.sort(chosen)]
    # Of a long chain most pairs are apart: twice as many as needed are drawn, and the first of them taken.
    drawn = np.sort(rng.integers(n, size=(3 * n_pairs, 2)), axis=1)
    drawn = drawn[alphas.apart(drawn) & (drawn[:, 0] < drawn[:, 1])]
    _, first = np.unique(drawn, axis=0, return_index=True)
    pairs = drawn[np.sort(first)[:n_pairs]]
    return pairs[np.lexsort(pairs.T[::-1])]


def pair_distances(
    positions_nm: Float[np.ndarray, "frames atoms 3"], pairs: Int[np.ndarray, "pairs 2"]
) -> Float[np.ndarray, "frames pairs"]:
    """Distances between pairs of atoms, nm."""
    return np.linalg.norm(positions_nm[:, pairs[:, 0]] - positions_nm[:, pairs[:, 1]], axis=-1).astype(np.float64)
