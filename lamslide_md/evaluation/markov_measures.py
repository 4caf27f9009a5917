"""Measures from MSMs: stationary populations, implied timescales and transitions between the metastable states."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.evaluation.counting import NotEstimableError, block_counts, core_transitions
from lamslide_md.evaluation.distances import js_distances
from lamslide_md.evaluation.landscape import Landscape
from lamslide_md.evaluation.markov import (
    MIN_TRANSITIONS,
    MarkovModel,
    estimate_transition_matrix,
    fit_markov_model,
    timescales_from,
)
from lamslide_md.evaluation.measures import Estimate
from lamslide_md.evaluation.samples import Sample
from lamslide_md.units import whole_frames

N_PROCESSES = 3
"""Timescales of at most so many processes enter the measure."""
MAX_MARKOV_DRAWS = 50
"""An MSM is re-estimated for at most so many bootstrap samples: enough for a standard error within 10 %."""


@dataclass(frozen=True)
class MarkovSummary:
    """What an MSM says of one side: timescales, populations and transitions of the metastable states.

    `model` is None, with the `reason`, when it cannot be estimated. `transition_matrix` (states, states) has NaN rows
    for states never visited. `reference_transitions` counts how often this side crossed between the cores of the
    reference's processes. Draws are those of the bootstrap, NaN where a draw cannot be estimated.
    """

    model: MarkovModel | None
    reason: str | None
    populations: Float[np.ndarray, " states"]
    transition_matrix: Float[np.ndarray, "states states"]
    reference_transitions: Int[np.ndarray, " reference_processes"]
    timescale_draws_ps: Float[np.ndarray, "draws processes"]
    population_draws: Float[np.ndarray, "draws states"]
    transition_draws: Float[np.ndarray, "draws states states"]


def coarse_grain(
    transition_matrix: Float[np.ndarray, "active active"],
    stationary: Float[np.ndarray, " active"],
    states: np.ndarray,
    n_states: int,
) -> tuple[Float[np.ndarray, " states"], Float[np.ndarray, "states states"]]:
    """Sum an MSM over the clusters of every metastable state.

    Parameters
    ----------
    transition_matrix
        Transition probabilities between the active clusters.
    stationary
        Stationary distribution of the active clusters.
    states
        Metastable state of every active cluster.
    n_states
        Number of metastable states.

    Returns
    -------
    tuple
        Populations of the states, and transition probabilities between them (NaN from a state without population).
    """
    member = np.eye(n_states)[states]
    populations = stationary @ member
    flux = member.T @ (stationary[:, None] * transition_matrix) @ member
    with np.errstate(invalid="ignore", divide="ignore"):
        return populations, flux / np.where(populations > 0, populations, np.nan)[:, None]


def markov_summary(sample: Sample, landscape: Landscape, lag_ps: float) -> MarkovSummary:
    """Estimate an MSM of one side and of its bootstrap samples.

    Parameters
    ----------
    sample
        One side.
    landscape
        Clusters and states of the reference.
    lag_ps
        Lag, ps.

    Returns
    -------
    MarkovSummary
        With the reason if there is no model.
    """
    n_clusters, n_states = len(landscape.centres), landscape.n_states
    n_draws = min(len(sample.weights), MAX_MARKOV_DRAWS)
    lag_frames = whole_frames(lag_ps, sample.interval_ps, f"lag_ps of the {sample.name}")
    timescales = np.full((n_draws, N_PROCESSES), np.nan)
    populations, transitions = np.full((n_draws, n_states), np.nan), np.full((n_draws, n_states, n_states), np.nan)
    try:
        model = fit_markov_model(sample.clusters, n_clusters, lag_frames, lag_ps)
    except NotEstimableError as error:
        empty = np.full(n_states, np.nan), np.full((n_states, n_states), np.nan), np.zeros(0, dtype=int)
        return MarkovSummary(None, str(error), *empty, timescales, populations, transitions)
    counts = block_counts(sample.clusters, sample.blocks, sample.n_blocks, n_clusters, lag_frames)
    for draw, weights in enumerate(sample.weights[:n_draws]):
        try:
            resampled, active = estimate_transition_matrix(np.tensordot(weights, counts, axes=1))
        except NotEstimableError:
            continue
        stationary = resampled.stationary_distribution
        matrix = np.asarray(resampled.transition_matrix)
        root = np.sqrt(stationary)
        values = np.sort(np.linalg.eigvalsh(root[:, None] * matrix / root))[::-1][1 : N_PROCESSES + 1]
        timescales[draw, : len(values)] = timescales_from(values, lag_ps)
        populations[draw], transitions[draw] = coarse_grain(
            matrix, stationary, landscape.state_of_cluster[active], n_states
        )
    crossed = np.zeros(0, dtype=int)
    if landscape.model is not None:
        crossed = core_transitions(sample.clusters, landscape.model.eigenvectors, landscape.model.stationary)
    point = coarse_grain(
        np.asarray(model.model.transition_matrix),
        model.stationary[model.active],
        landscape.state_of_cluster[model.active],
        n_states,
    )
    return MarkovSummary(model, None, *point, crossed, timescales, populations, transitions)


def markov_estimates(sample: MarkovSummary, reference: MarkovSummary) -> dict[str, Estimate]:
    """Compare the MSMs of two sides.

    Parameters
    ----------
    sample
        Rollout, or independent MD for the floor.
    reference
        Reference.

    Returns
    -------
    dict
        Estimates by the key of the measure.
    """
    keys = ("js_distance_states_msm", "timescale_log_ratio", "transition_matrix_error")
    if sample.model is None or reference.model is None:
        reason = "MSM failed: " + str(sample.reason if sample.model is None else reference.reason)
        return {key: Estimate(None, reason=reason) for key in keys}
    populations = Estimate(
        float(js_distances(sample.populations, reference.populations)),
        js_distances(sample.population_draws, reference.population_draws),
    )
    return {
        keys[0]: populations,
        keys[1]: _timescale_estimate(sample, reference),
        keys[2]: _transition_estimate(sample, reference),
    }


def _timescale_estimate(sample: MarkovSummary, reference: MarkovSummary) -> Estimate:
    if sample.model is None or reference.model is None:
        return Estimate(None, reason="no MSM")
    ratios, draws = [], []
    refused = []
    n_processes = min(N_PROCESSES, len(reference.transition_matrix) - 1)
    for process in range(n_processes):
        (own, own_reason), (other, other_reason) = sample.model.timescale(process), reference.model.timescale(process)
        crossed = int(sample.reference_transitions[process])
        if other is not None and crossed < MIN_TRANSITIONS:
            own, own_reason = None, f"MD's process seen in only {crossed} transitions, {MIN_TRANSITIONS} needed"
        if own is None or other is None:
            why = f"MD: {other_reason}" if other is None else own_reason
            refused.append(f"process {process + 1} left out ({why})")
            continue
        ratios.append(abs(np.log(own / other)))
        draws.append(np.abs(np.log(sample.timescale_draws_ps[:, process] / reference.timescale_draws_ps[:, process])))
    reason = ", ".join(refused) or None
    if not ratios:
        return Estimate(None, reason=reason or "a single state has no timescale")
    return Estimate(float(np.mean(ratios)), np.mean(draws, axis=0), reason)


def _transition_estimate(sample: MarkovSummary, reference: MarkovSummary) -> Estimate:
    value = _decorrelation(sample.transition_matrix, reference.transition_matrix)
    if value is None:
        return Estimate(None, reason="fewer than two states are visited on both sides")
    pairs = zip(sample.transition_draws, reference.transition_draws, strict=True)
    draws = [_decorrelation(own, other) for own, other in pairs]
    return Estimate(value, np.array([np.nan if draw is None else draw for draw in draws]))


def _decorrelation(first: np.ndarray, second: np.ndarray) -> float | None:
    defined = np.isfinite(first) & np.isfinite(second)
    if defined.sum() < 4 or np.ptp(first[defined]) == 0 or np.ptp(second[defined]) == 0:
        return None
    return float(1.0 - np.corrcoef(first[defined], second[defined])[0, 1])
