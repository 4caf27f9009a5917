"""What the MSMs say, by dataset: populations, transitions, passages, timescales over lag, Chapman-Kolmogorov tests."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.datasets.dataset import Projected, block_populations
from lamslide_md.analysis.kinetics.chapman_kolmogorov import ChapmanKolmogorov, chapman_kolmogorov
from lamslide_md.analysis.kinetics.markov_summary import MarkovSummary
from lamslide_md.analysis.kinetics.timescales import (
    Timescale,
    intervals_over_lags,
    timescales_at_lag,
    timescales_over_lags,
)
from lamslide_md.analysis.reference_model import ReferenceModel

BAYESIAN_DATASETS = ("reference", "rollout")
"""The floor's timescales are shown without intervals: they would hide the others."""


@dataclass(frozen=True)
class MarkovResult:
    """MSMs by dataset ("rollout", "reference", "floor").

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
    datasets: Mapping[str, Projected],
    reference_model: ReferenceModel,
    summaries: Mapping[str, MarkovSummary],
    lags_ps: Float[np.ndarray, " lags"],
    seed: int,
) -> MarkovResult:
    """Collect what the MSMs say.

    Parameters
    ----------
    datasets
        Projected datasets, by name.
    reference_model
        Fitted on the reference.
    summaries
        MSMs, by name of the dataset.
    lags_ps
        Lags at which timescales are computed, ps, whole numbers of frames in every dataset.
    seed
        Seed of the Bayesian samples.

    Returns
    -------
    MarkovResult
        By dataset.
    """
    lag_ps = summaries["reference"].lag_ps
    occupancies = {
        which: block_populations(projected, reference_model).sum(axis=0) for which, projected in datasets.items()
    }
    over_lags = {
        which: timescales_over_lags(projected, reference_model, lags_ps) for which, projected in datasets.items()
    }
    points = {which: summary.point for which, summary in summaries.items() if which in datasets}
    return MarkovResult(
        lag_ps=lag_ps,
        n_states=reference_model.n_states,
        occupancies={which: counts / counts.sum() for which, counts in occupancies.items()},
        populations={which: point.populations for which, point in points.items()},
        transition_matrices={which: point.transition_matrix for which, point in points.items()},
        passage_ps={which: point.passage_ps for which, point in points.items()},
        fluxes_per_ps={which: point.fluxes_per_ps(lag_ps) for which, point in points.items()},
        timescales={which: timescales_at_lag(summaries[which]) for which in datasets},
        lags_ps=lags_ps,
        timescales_over_lags_ps=over_lags,
        timescale_intervals_ps={
            which: intervals_over_lags(datasets[which], reference_model, lags_ps, over_lags[which], seed)
            for which in BAYESIAN_DATASETS
        },
        chapman_kolmogorov={
            which: chapman_kolmogorov(datasets[which], reference_model, lag_ps) for which in BAYESIAN_DATASETS
        },
    )
