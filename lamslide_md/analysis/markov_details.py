"""What the MSMs say, by side: populations, transitions, passages, timescales over lag, Chapman-Kolmogorov tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.bayesian import bayesian_timescales
from lamslide_md.analysis.chapman_kolmogorov import ChapmanKolmogorov, chapman_kolmogorov
from lamslide_md.analysis.counting import NotEstimableError
from lamslide_md.analysis.distribution_measures import block_populations
from lamslide_md.analysis.landscape import Landscape
from lamslide_md.analysis.markov import fit_markov_model
from lamslide_md.analysis.markov_summary import N_PROCESSES, MarkovSummary
from lamslide_md.analysis.samples import Sample
from lamslide_md.units import whole_frames

BAYESIAN_SIDES = ("reference", "rollout")
"""The floor's timescales are shown without intervals: they would hide the others."""


@dataclass(frozen=True)
class Timescale:
    """An implied timescale, ps, with its standard error; None with the reason where the data cannot give it."""

    value_ps: float | None
    error_ps: float | None
    reason: str | None


@dataclass(frozen=True)
class MarkovResult:
    """MSMs by side ("rollout", "reference", "floor").

    Populations of the metastable states (a) by occupancy of the frames and (b) by MSM, transition probabilities within
    the lag, mean first passage times (from, to) in ps, fluxes in 1/ps, the slowest timescales at the lag and over lags
    with Bayesian 16-84 % intervals (lags, processes, 2), and Chapman-Kolmogorov tests.
    """

    lag_ps: float
    n_states: int
    occupancies: Mapping[str, Float[np.ndarray, " states"]]
    populations: Mapping[str, Float[np.ndarray, " states"]]
    transition_matrices: Mapping[str, Float[np.ndarray, "states states"]]
    passage_ps: Mapping[str, Float[np.ndarray, "states states"]]
    fluxes_per_ps: Mapping[str, Float[np.ndarray, "states states"]]
    timescales: Mapping[str, tuple[Timescale, ...]]
    lags_ps: Float[np.ndarray, " lags"]
    timescales_over_lags_ps: Mapping[str, Float[np.ndarray, "lags processes"]]
    timescale_intervals_ps: Mapping[str, Float[np.ndarray, "lags processes 2"]]
    chapman_kolmogorov: Mapping[str, ChapmanKolmogorov]


def markov_result(
    samples: Mapping[str, Sample],
    landscape: Landscape,
    summaries: Mapping[str, MarkovSummary],
    lags_ps: Float[np.ndarray, " lags"],
    seed: int,
) -> MarkovResult:
    """Collect what the MSMs say.

    Parameters
    ----------
    samples
        Samples by side.
    landscape
        Fitted on the reference.
    summaries
        MSMs by side.
    lags_ps
        Lags at which timescales are computed, ps, whole numbers of frames on every side.
    seed
        Seed of the Bayesian samples.

    Returns
    -------
    MarkovResult
        By side.
    """
    lag_ps = summaries["reference"].lag_ps
    occupancies = {side: block_populations(sample, landscape).sum(axis=0) for side, sample in samples.items()}
    over_lags = {side: timescales_over_lags(sample, landscape, lags_ps) for side, sample in samples.items()}
    points = {side: summary.point for side, summary in summaries.items() if side in samples}
    return MarkovResult(
        lag_ps=lag_ps,
        n_states=landscape.n_states,
        occupancies={side: counts / counts.sum() for side, counts in occupancies.items()},
        populations={side: point.populations for side, point in points.items()},
        transition_matrices={side: point.transition_matrix for side, point in points.items()},
        passage_ps={side: point.passage_ps for side, point in points.items()},
        fluxes_per_ps={side: point.fluxes_per_ps(lag_ps) for side, point in points.items()},
        timescales={side: timescales_at_lag(summaries[side]) for side in samples},
        lags_ps=lags_ps,
        timescales_over_lags_ps=over_lags,
        timescale_intervals_ps={
            side: intervals_over_lags(samples[side], landscape, lags_ps, over_lags[side], seed)
            for side in BAYESIAN_SIDES
        },
        chapman_kolmogorov={side: chapman_kolmogorov(samples[side], landscape, lag_ps) for side in BAYESIAN_SIDES},
    )


def timescales_at_lag(summary: MarkovSummary) -> tuple[Timescale, ...]:
    """List the slowest implied timescales of an MSM with their bootstrap errors.

    Parameters
    ----------
    summary
        MSM of one side.

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
    sample: Sample, landscape: Landscape, lags_ps: Sequence[float] | Float[np.ndarray, " lags"]
) -> Float[np.ndarray, "lags processes"]:
    """Compute the slowest implied timescales at several lags; NaN where they are refused.

    Parameters
    ----------
    sample
        One side.
    landscape
        Clusters of the reference.
    lags_ps
        Lags, ps, whole numbers of the sample's frames.

    Returns
    -------
    np.ndarray
        Timescales, ps.
    """
    timescales_ps = np.full((len(lags_ps), N_PROCESSES), np.nan)
    for row, lag_ps in enumerate(lags_ps):
        lag_frames = whole_frames(float(lag_ps), sample.interval_ps, "lag")
        try:
            model = fit_markov_model(sample.clusters, len(landscape.centres), lag_frames, float(lag_ps))
        except NotEstimableError:
            continue
        for process in range(N_PROCESSES):
            value_ps, _ = model.timescale(process)
            timescales_ps[row, process] = np.nan if value_ps is None else value_ps
    return timescales_ps


def intervals_over_lags(
    sample: Sample,
    landscape: Landscape,
    lags_ps: Sequence[float] | Float[np.ndarray, " lags"],
    timescales_ps: Float[np.ndarray, "lags processes"],
    seed: int,
) -> Float[np.ndarray, "lags processes 2"]:
    """Give Bayesian intervals of the timescales that are not refused.

    Parameters
    ----------
    sample
        One side.
    landscape
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
            sample, len(landscape.centres), float(lag_ps), n_processes=timescales_ps.shape[1], seed=seed
        )
        intervals[row, known] = bounds[known]
    return intervals
