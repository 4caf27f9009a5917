"""Pairs of points that are near each other, in many frames at once, without the distances of all pairs."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

POINTS_AT_ONCE = 200_000
"""Points of one search: bounds memory."""


def close_pairs(
    positions_nm: Float[np.ndarray, "frames points 3"],
    cutoff_nm: float,
    but: Int[np.ndarray, "listed 2"] | None = None,
) -> Iterator[tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, "pairs 2"]]]:
    """Find the pairs of points that are at most a cutoff apart in every frame.

    Parameters
    ----------
    positions_nm
        Frames, nm.
    cutoff_nm
        Largest distance of a pair, nm.
    but
        Pairs that are left out, the lower point first.

    Yields
    ------
    tuple
        Of a part of the frames: the frame of every pair, and its two points, the lower one first.
    """
    n_points = positions_nm.shape[1]
    at_once = max(1, POINTS_AT_ONCE // n_points)
    for start in range(0, len(positions_nm), at_once):
        part = positions_nm[start : start + at_once].astype(np.float64)
        # Frames are set apart along x, so that one search serves them all.
        part[..., 0] -= part[..., 0].min(axis=1, keepdims=True)
        widths = part[..., 0].max(axis=1) + 2 * cutoff_nm
        part[..., 0] += np.concatenate([[0.0], np.cumsum(widths)[:-1]])[:, None]
        found = cKDTree(part.reshape(-1, 3), balanced_tree=False).query_pairs(cutoff_nm, output_type="ndarray")
        found.sort(axis=1)
        frames, pairs = start + found[:, 0] // n_points, found % n_points
        if but is not None:
            kept = ~among(pairs, but, n_points)
            frames, pairs = frames[kept], pairs[kept]
        yield frames, pairs


def among(
    pairs: Int[np.ndarray, "pairs 2"], others: Int[np.ndarray, "others 2"], n_points: int
) -> Bool[np.ndarray, " pairs"]:
    """Tell which pairs are among others; the lower point comes first in both."""
    keys, known = pairs @ np.array([n_points, 1]), np.sort(others @ np.array([n_points, 1]))
    if not len(known):
        return np.zeros(len(pairs), dtype=bool)
    return known[np.searchsorted(known, keys).clip(max=len(known) - 1)] == keys
