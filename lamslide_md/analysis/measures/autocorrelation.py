"""Autocorrelation curves and relaxation times of torsions as measures, at lags common to two datasets."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.datasets.dataset import Projected
from lamslide_md.analysis.kinetics.autocorrelation import block_autocorrelation, relaxation_times
from lamslide_md.analysis.measures.measure import Estimate
from lamslide_md.units import whole_frames


@dataclass(frozen=True)
class AutocorrelationCurves:
    """Autocorrelation of every torsion of a dataset at common lags, and relaxation times with bootstrap samples."""

    lags_ps: Float[np.ndarray, " lags"]
    autocorrelation: Float[np.ndarray, "lags torsions"]
    relaxation_ps: Float[np.ndarray, " torsions"]
    autocorrelation_draws: Float[np.ndarray, "draws lags torsions"]
    relaxation_draws_ps: Float[np.ndarray, "draws torsions"]


def autocorrelation_curves(projected: Projected, lags_ps: Float[np.ndarray, " lags"]) -> AutocorrelationCurves:
    """Measure the autocorrelation of every torsion of a dataset at the given lags.

    Parameters
    ----------
    projected
        One dataset.
    lags_ps
        Lags, ps, whole numbers of its frames, the first 0.

    Returns
    -------
    AutocorrelationCurves
        Curves and relaxation times.
    """
    lag_frames = [0] + [whole_frames(float(lag), projected.interval_ps, "lag") for lag in lags_ps[1:]]
    blocks = block_autocorrelation(projected.angles, projected.blocks, projected.n_blocks, lag_frames)
    curve = blocks.autocorrelation(np.ones((1, projected.n_blocks)))[0]
    draws = blocks.autocorrelation(projected.weights)
    relaxation_draws = np.stack([relaxation_times(draw, lags_ps) for draw in draws])
    return AutocorrelationCurves(lags_ps, curve, relaxation_times(curve, lags_ps), draws, relaxation_draws)


def autocorrelation_estimates(
    projected: AutocorrelationCurves, reference: AutocorrelationCurves
) -> dict[str, Estimate]:
    """Compare the autocorrelations of two datasets.

    Parameters
    ----------
    projected
        Rollout, or independent MD for the floor.
    reference
        Reference at the same lags.

    Returns
    -------
    dict
        Estimates by the key of the measure.
    """
    difference = np.abs(projected.autocorrelation - reference.autocorrelation)[1:]
    draws = np.abs(projected.autocorrelation_draws - reference.autocorrelation_draws)[:, 1:]
    if not np.isfinite(difference).any():
        nothing = Estimate(None, reason="no torsion moves")
        return {"autocorrelation_error": nothing, "relaxation_log_ratio": nothing}
    error = Estimate(float(np.nanmean(difference)), np.nanmean(draws, axis=(1, 2)))
    # What is faster than the first common lag cannot be told apart in the coarser dataset.
    shortest_ps = reference.lags_ps[1]
    ratios = np.abs(
        np.log(np.maximum(projected.relaxation_ps, shortest_ps) / np.maximum(reference.relaxation_ps, shortest_ps))
    )
    defined = np.isfinite(ratios)
    if not defined.any():
        reason = f"no torsion relaxes within {reference.lags_ps[-1]:g} ps on both sides"
        return {"autocorrelation_error": error, "relaxation_log_ratio": Estimate(None, reason=reason)}
    resolved, reference_resolved = (
        np.maximum(dataset.relaxation_draws_ps[:, defined], shortest_ps) for dataset in (projected, reference)
    )
    ratio_draws = np.abs(np.log(resolved / reference_resolved))
    missing = int((~defined).sum())
    partly = (
        f"{missing} of {len(defined)} torsions do not relax within {reference.lags_ps[-1]:g} ps" if missing else None
    )
    enough = np.isfinite(ratio_draws).any(axis=1)
    relaxation_draws = np.full(len(ratio_draws), np.nan)
    relaxation_draws[enough] = np.nanmean(ratio_draws[enough], axis=1)
    relaxation = Estimate(float(ratios[defined].mean()), relaxation_draws, partly)
    return {"autocorrelation_error": error, "relaxation_log_ratio": relaxation}
