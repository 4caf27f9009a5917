"""An MSM of one dataset read out in the metastable states of the reference, with its bootstrap samples."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.analysis.datasets.dataset import Projected
from lamslide_md.analysis.msm.counts import NotEstimableError, block_counts, core_transitions, state_entries
from lamslide_md.analysis.msm.model import (
    DRAW_TOLERANCE,
    MIN_TRANSITIONS,
    MarkovModel,
    eigenvalues_of,
    estimate_transition_matrix,
    fit_markov_model,
    timescales_from,
)
from lamslide_md.analysis.msm.states import coarse_grain, mean_first_passage_times
from lamslide_md.analysis.reference_model import ReferenceModel
from lamslide_md.errors import option
from lamslide_md.units import whole_frames

N_PROCESSES = 3
"""Timescales of at most so many processes enter the measure."""
MAX_MARKOV_DRAWS = 50
"""An MSM is re-estimated for at most so many bootstrap samples: enough for a standard error within 10 %."""


@dataclass(frozen=True)
class CoarseModel:
    """An MSM, or a stack of them, in terms of the metastable states; NaN where a state has no population.

    Probabilities of the states, of transitions between them within the lag, mean first passage times (from, to) in ps,
    and the slowest implied timescales in ps.
    """

    populations: Float[np.ndarray, "*draws states"]
    transition_matrix: Float[np.ndarray, "*draws states states"]
    passage_ps: Float[np.ndarray, "*draws states states"]
    timescales_ps: Float[np.ndarray, "*draws processes"]

    def fluxes_per_ps(self, lag_ps: float) -> Float[np.ndarray, "*draws states states"]:
        """Give the equilibrium flux of transitions between the states, 1/ps."""
        return self.populations[..., :, None] * self.transition_matrix / lag_ps


@dataclass(frozen=True)
class MarkovSummary:
    """What an MSM says of one dataset.

    `model` is None, with the `reason`, when it cannot be estimated. `reference_transitions` counts how often the
    dataset crossed between the cores of the reference's processes, `entries` how often it entered each metastable
    state. Draws are those of the bootstrap, NaN where a draw cannot be estimated.
    """

    model: MarkovModel | None
    reason: str | None
    lag_ps: float
    point: CoarseModel
    draws: CoarseModel
    reference_transitions: Int[np.ndarray, " processes"]
    entries: Int[np.ndarray, " states"]


def _undefined(n_states: int, *draws: int) -> CoarseModel:
    return CoarseModel(
        np.full((*draws, n_states), np.nan),
        np.full((*draws, n_states, n_states), np.nan),
        np.full((*draws, n_states, n_states), np.nan),
        np.full((*draws, N_PROCESSES), np.nan),
    )


def _read_out(
    matrix: np.ndarray, stationary: np.ndarray, states: np.ndarray, n_states: int, lag_ps: float
) -> CoarseModel:
    populations, transitions = coarse_grain(matrix, stationary, states, n_states)
    values = eigenvalues_of(matrix, stationary)[:N_PROCESSES]
    timescales_ps = np.full(N_PROCESSES, np.nan)
    timescales_ps[: len(values)] = timescales_from(values, lag_ps)
    passage_ps = mean_first_passage_times(matrix, stationary, states, n_states, lag_ps)
    return CoarseModel(populations, transitions, passage_ps, timescales_ps)


def markov_summary(projected: Projected, reference_model: ReferenceModel, lag_ps: float) -> MarkovSummary:
    """Estimate an MSM of one dataset and of its bootstrap samples.

    Parameters
    ----------
    projected
        One dataset.
    reference_model
        Clusters and states of the reference.
    lag_ps
        Lag, ps.

    Returns
    -------
    MarkovSummary
        With the reason if there is no model.
    """
    n_clusters, n_states = len(reference_model.centres), reference_model.n_states
    lag_frames = whole_frames(lag_ps, projected.interval_ps, f"{option('lag_ps')} of the {projected.name}")
    draws = _undefined(n_states, min(len(projected.weights), MAX_MARKOV_DRAWS))
    crossed = np.zeros(0, dtype=int)
    if reference_model.msm is not None:
        crossed = core_transitions(projected.clusters, reference_model.msm.eigenvectors, reference_model.msm.stationary)
    states = [reference_model.state_of_cluster[path] for path in projected.clusters]
    entries = state_entries(states, n_states, lag_frames)
    try:
        model = fit_markov_model(projected.clusters, n_clusters, lag_frames, lag_ps)
    except NotEstimableError as error:
        return MarkovSummary(None, str(error), lag_ps, _undefined(n_states), draws, crossed, entries)
    counts = block_counts(projected.clusters, projected.blocks, projected.n_blocks, n_clusters, lag_frames)
    for draw in range(len(draws.populations)):
        try:
            resampled, active = estimate_transition_matrix(
                np.tensordot(projected.weights[draw], counts, axes=1), DRAW_TOLERANCE
            )
        except NotEstimableError:
            continue
        one = _read_out(
            np.asarray(resampled.transition_matrix),
            resampled.stationary_distribution,
            reference_model.state_of_cluster[active],
            n_states,
            lag_ps,
        )
        draws.populations[draw], draws.transition_matrix[draw] = one.populations, one.transition_matrix
        draws.passage_ps[draw], draws.timescales_ps[draw] = one.passage_ps, one.timescales_ps
    point = _read_out(
        np.asarray(model.model.transition_matrix),
        model.stationary[model.active],
        reference_model.state_of_cluster[model.active],
        n_states,
        lag_ps,
    )
    # A state entered a few times only has no usable first passage time, however the MSM extrapolates.
    point.passage_ps[:, entries < MIN_TRANSITIONS] = np.nan
    return MarkovSummary(model, None, lag_ps, point, draws, crossed, entries)
