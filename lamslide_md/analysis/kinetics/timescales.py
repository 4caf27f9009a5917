"""Implied timescales of projected datasets: at the lag, over lags, and their Bayesian intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.datasets.dataset import Projected
from lamslide_md.analysis.kinetics.markov_summary import N_PROCESSES, MarkovSummary
from lamslide_md.analysis.msm.counts import NotEstimableError, block_counts
from lamslide_md.analysis.msm.model import (
    DRAW_TOLERANCE,
    eigenvalues_of,
    estimate_transition_matrix,
    fit_markov_model,
    timescales_from,
)
from lamslide_md.analysis.reference_model import ReferenceModel
from lamslide_md.units import whole_frames

QUANTILES = (0.16, 0.84)
"""Bounds of the interval shown: one standard deviation of a normal distribution on either side."""
N_SAMPLES = 40


@dataclass(frozen=True)
class Timescale:
    """An implied timescale, ps, with its standard error; None with the reason where the data cannot give it."""

    value_ps: float | None
    error_ps: float | None
    reason: str | None


def bayesian_timescales(
    projected: Projected, n_clusters: int, lag_ps: float, *, n_processes: int, seed: int
) -> Float[np.ndarray, "processes 2"]:
    """Projected the posterior of reversible MSMs and give the intervals of the slowest implied timescales.

    The Bayesian bootstrap: every block of frames gets a weight from a flat Dirichlet distribution, and a reversible MSM
    is estimated from the weighted counts. Posteriors of transition matrices from effective counts take transitions for
    independent that are not: on 20 ns of a tetrapeptide at a lag of 100 ps they give a process seen in 6 transitions
    an error of 9 %, where 1/sqrt(6) is 41 % and this gives 33 %.

    Parameters
    ----------
    projected
        One dataset with its blocks.
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
    lag_frames = whole_frames(lag_ps, projected.interval_ps, "lag")
    counts = block_counts(projected.clusters, projected.blocks, projected.n_blocks, n_clusters, lag_frames)
    weights = np.random.default_rng(seed).dirichlet(np.ones(projected.n_blocks), size=N_SAMPLES) * projected.n_blocks
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


def timescales_at_lag(summary: MarkovSummary) -> tuple[Timescale, ...]:
    """List the slowest implied timescales of an MSM with their bootstrap errors.

    Parameters
    ----------
    summary
        MSM of one dataset.

    Returns
    -------
    tuple of Timescale
        Slowest first.
    """
    listed = []
    for process in range(N_PROCESSES):
        value_ps, reason = (None, summary.reason) if summary.model is None else summary.model.timescale(process)
        draws = summary.draws.timescales_ps[:, process]
        finite = draws[np.isfinite(draws)]
        error_ps = float(finite.std(ddof=1)) if value_ps is not None and len(finite) > 1 else None
        listed.append(Timescale(value_ps, error_ps, reason))
    return tuple(listed)


def timescales_over_lags(
    projected: Projected, reference_model: ReferenceModel, lags_ps: Sequence[float] | Float[np.ndarray, " lags"]
) -> Float[np.ndarray, "lags processes"]:
    """Compute the slowest implied timescales at several lags; NaN where they are refused.

    Parameters
    ----------
    projected
        One dataset.
    reference_model
        Clusters of the reference.
    lags_ps
        Lags, ps, whole numbers of its frames.

    Returns
    -------
    np.ndarray
        Timescales, ps.
    """
    timescales_ps = np.full((len(lags_ps), N_PROCESSES), np.nan)
    for row, lag_ps in enumerate(lags_ps):
        lag_frames = whole_frames(float(lag_ps), projected.interval_ps, "lag")
        try:
            model = fit_markov_model(projected.clusters, len(reference_model.centres), lag_frames, float(lag_ps))
        except NotEstimableError:
            continue
        for process in range(N_PROCESSES):
            value_ps, _ = model.timescale(process)
            timescales_ps[row, process] = np.nan if value_ps is None else value_ps
    return timescales_ps


def intervals_over_lags(
    projected: Projected,
    reference_model: ReferenceModel,
    lags_ps: Sequence[float] | Float[np.ndarray, " lags"],
    timescales_ps: Float[np.ndarray, "lags processes"],
    seed: int,
) -> Float[np.ndarray, "lags processes 2"]:
    """Give Bayesian intervals of the timescales that are not refused.

    Parameters
    ----------
    projected
        One dataset.
    reference_model
        Clusters of the reference.
    lags_ps
        Lags, ps.
    timescales_ps
        Timescales at these lags, NaN where refused.
    seed
        Seed of the samples.

    Returns
    -------
    np.ndarray
        16 % and 84 % quantiles, ps.
    """
    intervals = np.full((*timescales_ps.shape, 2), np.nan)
    for row, lag_ps in enumerate(lags_ps):
        known = np.isfinite(timescales_ps[row])
        if not known.any():
            continue
        bounds = bayesian_timescales(
            projected, len(reference_model.centres), float(lag_ps), n_processes=timescales_ps.shape[1], seed=seed
        )
        intervals[row, known] = bounds[known]
    return intervals
