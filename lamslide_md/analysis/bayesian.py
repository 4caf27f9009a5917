"""Bayesian error bars of implied timescales: the posterior over the blocks of a trajectory."""

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.counting import NotEstimableError, block_counts
from lamslide_md.analysis.markov import DRAW_TOLERANCE, eigenvalues_of, estimate_transition_matrix, timescales_from
from lamslide_md.analysis.samples import Sample
from lamslide_md.units import whole_frames

QUANTILES = (0.16, 0.84)
"""Bounds of the interval shown: one standard deviation of a normal distribution on either side."""
N_SAMPLES = 40


def bayesian_timescales(
    sample: Sample, n_clusters: int, lag_ps: float, *, n_processes: int, seed: int
) -> Float[np.ndarray, "processes 2"]:
    """Sample the posterior of reversible MSMs and give the intervals of the slowest implied timescales.

    The Bayesian bootstrap: every block of frames gets a weight from a flat Dirichlet distribution, and a reversible MSM
    is estimated from the weighted counts. Posteriors of transition matrices from effective counts take transitions for
    independent that are not: on 20 ns of a tetrapeptide at a lag of 100 ps they give a process seen in 6 transitions
    an error of 9 %, where 1/sqrt(6) is 41 % and this gives 33 %.

    Parameters
    ----------
    sample
        One side with its blocks.
    n_clusters
        Number of clusters.
    lag_ps
        Lag, ps.
    n_processes
        Number of timescales.
    seed
        Seed of the weights.

    Returns
    -------
    np.ndarray
        16 % and 84 % quantiles of every timescale, ps; NaN for processes there are not.

    References
    ----------
    Rubin, Ann. Statist. 9, 130 (1981).
    """
    lag_frames = whole_frames(lag_ps, sample.interval_ps, "lag")
    counts = block_counts(sample.clusters, sample.blocks, sample.n_blocks, n_clusters, lag_frames)
    weights = np.random.default_rng(seed).dirichlet(np.ones(sample.n_blocks), size=N_SAMPLES) * sample.n_blocks
    timescales_ps = np.full((N_SAMPLES, n_processes), np.nan)
    for row, weight in zip(timescales_ps, weights, strict=True):
        try:
            model, _ = estimate_transition_matrix(np.tensordot(weight, counts, axes=1), DRAW_TOLERANCE)
        except NotEstimableError:
            continue
        values = eigenvalues_of(np.asarray(model.transition_matrix), model.stationary_distribution)[:n_processes]
        row[: len(values)] = timescales_from(values, lag_ps)
    intervals = np.full((n_processes, 2), np.nan)
    known = np.isfinite(timescales_ps).sum(axis=0) > N_SAMPLES / 2
    if known.any():
        intervals[known] = np.nanquantile(timescales_ps[:, known], QUANTILES, axis=0).T
    return intervals
