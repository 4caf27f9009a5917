"""Measures from MSMs: populations, implied timescales, transitions, first passage times and fluxes of the states."""

import numpy as np

from lamslide_md.analysis.distributions import js_distances
from lamslide_md.analysis.kinetics.markov_summary import N_PROCESSES, MarkovSummary
from lamslide_md.analysis.measures.measure import Estimate
from lamslide_md.analysis.msm.model import MAX_DISCONNECTED, MIN_TRANSITIONS

KEYS = ("js_distance_states_msm", "timescale_log_ratio", "passage_log_ratio", "transition_matrix_error", "flux_error")
"""The measures made here."""


def markov_estimates(projected: MarkovSummary, reference: MarkovSummary) -> dict[str, Estimate]:
    """Compare the MSMs of two datasets.

    Parameters
    ----------
    projected
        Rollout, or independent MD for the floor.
    reference
        Reference.

    Returns
    -------
    dict
        Estimates by the key of the measure.
    """
    if projected.model is None or reference.model is None:
        reason = "MSM failed: " + str(projected.reason if projected.model is None else reference.reason)
        return {key: Estimate(None, reason=reason) for key in KEYS}
    estimates = (
        _population_estimate(projected, reference),
        _timescale_estimate(projected, reference),
        _passage_estimate(projected, reference),
        _correlation_estimate(
            projected.point.transition_matrix,
            reference.point.transition_matrix,
            projected.draws.transition_matrix,
            reference.draws.transition_matrix,
        ),
        _flux_estimate(projected, reference),
    )
    return dict(zip(KEYS, estimates, strict=True))


def _population_estimate(projected: MarkovSummary, reference: MarkovSummary) -> Estimate:
    apart = _disconnected(projected, reference)
    if apart is not None:
        return Estimate(None, reason=apart)
    return Estimate(
        float(js_distances(projected.point.populations, reference.point.populations)),
        js_distances(projected.draws.populations, reference.draws.populations),
    )


def _disconnected(projected: MarkovSummary, reference: MarkovSummary) -> str | None:
    """Why populations from MSMs would be those of a part, or None.

    The estimate gives what is outside of the largest connected set no population. `MAX_DISCONNECTED` of the counts
    moves a Jensen-Shannon distance by up to 0.13, the size of a floor; what is left is an error of the same kind as
    that of timescales, and has the same limit.
    """
    for whose, summary in (("MD: ", reference), ("", projected)):
        if summary.model is not None and summary.model.disconnected_fraction > MAX_DISCONNECTED:
            return whose + summary.model.disconnected
    return None


def _timescale_estimate(projected: MarkovSummary, reference: MarkovSummary) -> Estimate:
    if projected.model is None or reference.model is None:
        return Estimate(None, reason="no MSM")
    ratios, draws, refused = [], [], []
    for process in range(min(N_PROCESSES, len(reference.point.populations) - 1)):
        (own, own_reason), (other, other_reason) = (
            projected.model.timescale(process),
            reference.model.timescale(process),
        )
        crossed = int(projected.reference_transitions[process])
        if other is not None and crossed < MIN_TRANSITIONS:
            own, own_reason = None, f"MD's process seen in only {crossed} transitions, {MIN_TRANSITIONS} needed"
        if own is None or other is None:
            why = f"MD: {other_reason}" if other is None else own_reason
            refused.append(f"process {process + 1} left out ({why})")
            continue
        ratios.append(abs(np.log(own / other)))
        draws.append(
            np.abs(np.log(projected.draws.timescales_ps[:, process] / reference.draws.timescales_ps[:, process]))
        )
    reason = ", ".join(refused) or None
    if not ratios:
        return Estimate(None, reason=reason or "a single state has no timescale")
    return Estimate(float(np.mean(ratios)), np.mean(draws, axis=0), reason)


def _passage_estimate(projected: MarkovSummary, reference: MarkovSummary) -> Estimate:
    off_diagonal = ~np.eye(len(reference.point.populations), dtype=bool)
    ratios = _abs_log_ratio(projected.point.passage_ps, reference.point.passage_ps)
    defined = np.isfinite(ratios) & off_diagonal
    missing = int(off_diagonal.sum() - defined.sum())
    reason = (
        f"{missing} of {int(off_diagonal.sum())} pairs of states left out, entered less than {MIN_TRANSITIONS} times"
    )
    if not defined.any():
        return Estimate(None, reason=reason if missing else "a single state has no passages")
    draws = _abs_log_ratio(projected.draws.passage_ps, reference.draws.passage_ps)[:, defined].mean(axis=1)
    return Estimate(float(ratios[defined].mean()), draws, reason if missing else None)


def _abs_log_ratio(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = np.abs(np.log(first / second))
    return np.where(np.isfinite(ratios), ratios, np.nan)


def _flux_estimate(projected: MarkovSummary, reference: MarkovSummary) -> Estimate:
    n_states = len(reference.point.populations)
    if n_states < 3:
        return Estimate(None, reason=f"{n_states} states have too few fluxes to correlate")
    apart = _disconnected(projected, reference)
    if apart is not None:
        return Estimate(None, reason=apart)
    pairs = np.triu_indices(n_states, k=1)
    own, other, own_draws, other_draws = (
        np.nan_to_num(model.fluxes_per_ps(summary.lag_ps)[(..., *pairs)])
        for summary, model in (
            (projected, projected.point),
            (reference, reference.point),
            (projected, projected.draws),
            (reference, reference.draws),
        )
    )
    return _correlation_estimate(own, other, own_draws, other_draws)


def _correlation_estimate(
    own: np.ndarray, other: np.ndarray, own_draws: np.ndarray, other_draws: np.ndarray
) -> Estimate:
    value = _decorrelation(own, other)
    if value is None:
        return Estimate(None, reason="fewer than two states are visited on both sides")
    draws = [_decorrelation(*pair) for pair in zip(own_draws, other_draws, strict=True)]
    return Estimate(value, np.array([np.nan if draw is None else draw for draw in draws]))


def _decorrelation(first: np.ndarray, second: np.ndarray) -> float | None:
    defined = np.isfinite(first) & np.isfinite(second)
    if defined.sum() < 3 or np.ptp(first[defined]) == 0 or np.ptp(second[defined]) == 0:
        return None
    correlation = float(np.corrcoef(first[defined], second[defined])[0, 1])
    return 1.0 - min(correlation, 1.0)
