"""Bayesian error bars of implied timescales, from the posterior of reversible transition matrices."""

from collections.abc import Sequence

import numpy as np
from deeptime.markov.tools.estimation import effective_count_matrix
from deeptime.markov.tools.estimation.dense.tmat_sampling.tmatrix_sampler import TransitionMatrixSampler
from jaxtyping import Float, Int

from lamslide_md.evaluation.counting import NotEstimableError, largest_connected_set
from lamslide_md.evaluation.markov import timescales_from

QUANTILES = (0.16, 0.84)
"""Bounds of the interval shown: one standard deviation of a normal distribution on either side."""


def bayesian_timescales(
    clusters: Sequence[Int[np.ndarray, " _"]],
    n_clusters: int,
    lag_frames: int,
    lag_ps: float,
    *,
    n_processes: int,
    n_samples: int = 50,
    seed: int = 0,
) -> Float[np.ndarray, "processes 2"]:
    """Sample the posterior of reversible MSMs and give the intervals of the slowest implied timescales.

    Counts within a lag of each other are correlated; they enter as effective counts.

    Parameters
    ----------
    clusters
        Cluster of every frame, per trajectory.
    n_clusters
        Number of clusters.
    lag_frames
        Lag, in frames.
    lag_ps
        The same lag, ps.
    n_processes
        Number of timescales.
    n_samples
        Samples of the posterior.
    seed
        Seed of the sampler.

    Returns
    -------
    np.ndarray
        16 % and 84 % quantiles of every timescale, ps; NaN for processes there are not.

    Raises
    ------
    NotEstimableError
        If no two clusters are connected, or the sampler fails.

    References
    ----------
    Trendelkamp-Schroer et al., J. Chem. Phys. 143, 174101 (2015).
    """
    used = [np.ascontiguousarray(path) for path in clusters if len(path) > lag_frames]
    if not used:
        raise NotEstimableError(f"no trajectory is longer than the lag of {lag_ps:g} ps")
    try:
        effective = effective_count_matrix(used, lag_frames, n_jobs=1).toarray()
        counts = np.zeros((n_clusters, n_clusters))
        counts[: len(effective), : len(effective)] = effective
        active = largest_connected_set(counts)
        sampler = TransitionMatrixSampler(
            counts[np.ix_(active, active)], reversible=True, n_steps=max(1, int(np.sqrt(len(active)))), seed=seed
        )
        samples = [sampler.sample(return_statdist=True) for _ in range(n_samples)]
    except (ValueError, RuntimeError, AssertionError) as error:
        raise NotEstimableError(f"the Bayesian estimate failed: {error}") from error
    timescales_ps = np.full((n_samples, n_processes), np.nan)
    for row, (matrix, stationary) in zip(timescales_ps, samples, strict=True):
        root = np.sqrt(stationary)
        symmetric = root[:, None] * matrix / root
        values = np.sort(np.linalg.eigvalsh((symmetric + symmetric.T) / 2))[::-1][1 : n_processes + 1]
        row[: len(values)] = timescales_from(values, lag_ps)
    intervals = np.full((n_processes, 2), np.nan)
    known = np.isfinite(timescales_ps).any(axis=0)
    intervals[known] = np.nanquantile(timescales_ps[:, known], QUANTILES, axis=0).T
    return intervals
