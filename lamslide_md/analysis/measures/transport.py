"""The Wasserstein-2 distance between two clouds of points, exact: by the best assignment of one to the other."""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from lamslide_md.analysis.measures.measure import Estimate
from lamslide_md.analysis.proteins.frames import ProteinFrames
from lamslide_md.units import ANGSTROM_PER_NM

N_POINTS = 500
"""Frames of each side, evenly spread: the cost grows as their cube, and the floor is taken of as many."""
N_POINTS_RESAMPLED = 200
"""The same of a bootstrap sample, of which only the spread matters."""


def wasserstein_2(first: Float[np.ndarray, "points dim"], second: Float[np.ndarray, "points dim"]) -> float:
    """Root of the least mean square distance over which one cloud is moved onto the other.

    Parameters
    ----------
    first
        Points of equal weight.
    second
        As many points.

    Returns
    -------
    float
        The distance, in the unit of the points.
    """
    squared = cdist(first, second, "sqeuclidean")
    return float(np.sqrt(squared[linear_sum_assignment(squared)].mean()))


def component_estimate(dataset: ProteinFrames, reference: ProteinFrames) -> Estimate:
    """Measure how far apart two datasets are in the first two principal components of the reference.

    Parameters
    ----------
    dataset
        Rollout, or independent MD for the floor.
    reference
        Reference.

    Returns
    -------
    Estimate
        In Å per root of the residues, the scale of an RMSD; of at most 500 frames of each, evenly spread.
    """
    shorter = min(len(dataset.blocks), len(reference.blocks))

    def distance(own: np.ndarray, other: np.ndarray, n_points: int) -> float:
        sides = (dataset, own), (reference, other)
        clouds = (s.scores_nm[_resampled(s.blocks, row, min(n_points, shorter))] for s, row in sides)
        return wasserstein_2(*clouds) * ANGSTROM_PER_NM

    value = distance(np.ones(dataset.n_blocks), np.ones(reference.n_blocks), N_POINTS)
    pairs = zip(dataset.weights, reference.weights, strict=True)
    return Estimate(value, np.array([distance(*rows, N_POINTS_RESAMPLED) for rows in pairs]))


def _resampled(
    blocks: Int[np.ndarray, " frames"], weights: Float[np.ndarray, " blocks"], n_points: int
) -> Int[np.ndarray, " points"]:
    """Frames of the blocks drawn, each as often as its block is, and of these so many, evenly spread."""
    frames = np.repeat(np.arange(len(blocks)), weights[blocks].astype(int))
    return frames[np.linspace(0, len(frames) - 1, n_points).round().astype(int)]
