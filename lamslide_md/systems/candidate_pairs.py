"""Pairs of points whose distance may be rigid: all of few points; of many, those that bonds keep near each other."""

import numpy as np
from jaxtyping import Bool, Int

from lamslide_md.systems.bonds import heavy_neighbours, in_small_ring, within_bonds

MOST_LISTED = 100
"""Points of which all pairs are candidates: these are 4,950, which take less time than a search for neighbours does."""

BONDS_APART = 4
"""Candidates are at most so many bonds apart. A double bond between two angles is rigid over three, two of them in a
row, as in a guanidinium with hydrogens, over four."""

RING_BONDS = 7
"""And so many within a ring system: between the farthest substituents of two fused rings of six."""


def candidate_pairs(n_points: int, bonds: Int[np.ndarray, "bonds 2"]) -> Int[np.ndarray, "pairs 2"]:
    """List all pairs of few points, and of many those that bonds keep near; see `near_by_bonds`."""
    if n_points <= MOST_LISTED:
        return np.stack(np.triu_indices(n_points, k=1), axis=1)
    return near_by_bonds(n_points, bonds)


def near_by_bonds(n_points: int, bonds: Int[np.ndarray, "bonds 2"]) -> Int[np.ndarray, "pairs 2"]:
    """Find the pairs that bonds keep near each other.

    Parameters
    ----------
    n_points
        Number of points.
    bonds
        Pairs of points. Where there are none, as between beads, the next one in order counts as bonded.

    Returns
    -------
    np.ndarray
        Points, the lower one first, rising; linear in the number of points.
    """
    if not len(bonds):
        bonds = np.arange(n_points - 1)[:, None] + np.arange(2)
    near = within_bonds(n_points, bonds, BONDS_APART) + within_bonds(
        n_points, bonds[_at_ring(n_points, bonds)], RING_BONDS
    )
    first, second = near.nonzero()
    pairs = np.stack([first, second], axis=1).astype(int)[first < second]
    return pairs[np.lexsort(pairs.T[::-1])]


def _at_ring(n_points: int, bonds: Int[np.ndarray, "bonds 2"]) -> Bool[np.ndarray, " bonds"]:
    """Tell which bonds are of a small ring or lead away from one."""
    neighbours = heavy_neighbours(n_points, bonds, np.ones(n_points, dtype=bool))
    in_ring = np.zeros(n_points, dtype=bool)
    for one, other in bonds.tolist():
        if not (in_ring[one] and in_ring[other]) and in_small_ring(neighbours, (one, other)):
            in_ring[[one, other]] = True
    return in_ring[bonds].any(axis=1)
