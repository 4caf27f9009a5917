"""Measures of memory: autocorrelation curves and relaxation times of torsions, at lags common to both sides."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.kinetics import block_memory, relaxation_times
from lamslide_md.analysis.measures import Estimate
from lamslide_md.analysis.samples import Sample
from lamslide_md.units import whole_frames


@dataclass(frozen=True)
class MemoryCurves:
    """Autocorrelation of every torsion of a sample at common lags, and its relaxation times with bootstrap samples."""

    lags_ps: Float[np.ndarray, " lags"]
    autocorrelation: Float[np.ndarray, "lags torsions"]
    relaxation_ps: Float[np.ndarray, " torsions"]
    autocorrelation_draws: Float[np.ndarray, "draws lags torsions"]
    relaxation_draws_ps: Float[np.ndarray, "draws torsions"]


def common_lags_ps(base_ps: float, longest_ps: float, n_lags: int = 40) -> Float[np.ndarray, " lags"]:
    """Choose lags that are whole numbers of frames on every side, from 0 on, spaced ever wider.

    Parameters
    ----------
    base_ps
        Smallest time that is a whole number of frames on every side, ps.
    longest_ps
        Longest lag, ps.
    n_lags
        At most so many lags after 0.

    Returns
    -------
    np.ndarray
        Lags, ps; the first is 0.
    """
    n_longest = max(1, int(longest_ps / base_ps + 1e-9))
    steps = np.unique(np.geomspace(1, n_longest, n_lags).round().astype(int))
    return np.concatenate([[0.0], steps * base_ps])


def memory_curves(sample: Sample, lags_ps: Float[np.ndarray, " lags"]) -> MemoryCurves:
    """Measure the memory of every torsion of a sample at the given lags.

    Parameters
    ----------
    sample
        One side.
    lags_ps
        Lags, ps, whole numbers of the sample's frames, the first 0.

    Returns
    -------
    MemoryCurves
        Curves and relaxation times.
    """
    lag_frames = [0] + [whole_frames(float(lag), sample.interval_ps, "lag") for lag in lags_ps[1:]]
    memory = block_memory(sample.angles, sample.blocks, sample.n_blocks, lag_frames)
    curve = memory.autocorrelation(np.ones((1, sample.n_blocks)))[0]
    draws = memory.autocorrelation(sample.weights)
    relaxation_draws = np.stack([relaxation_times(draw, lags_ps) for draw in draws])
    return MemoryCurves(lags_ps, curve, relaxation_times(curve, lags_ps), draws, relaxation_draws)


def memory_estimates(sample: MemoryCurves, reference: MemoryCurves) -> dict[str, Estimate]:
    """Compare the memory of two sides.

    Parameters
    ----------
    sample
        Rollout, or independent MD for the floor.
    reference
        Reference at the same lags.

    Returns
    -------
    dict
        Estimates by the key of the measure.
    """
    difference = np.abs(sample.autocorrelation - reference.autocorrelation)[1:]
    draws = np.abs(sample.autocorrelation_draws - reference.autocorrelation_draws)[:, 1:]
    if not np.isfinite(difference).any():
        nothing = Estimate(None, reason="no torsion moves")
        return {"autocorrelation_error": nothing, "relaxation_log_ratio": nothing}
    error = Estimate(float(np.nanmean(difference)), np.nanmean(draws, axis=(1, 2)))
    # What is faster than the first common lag cannot be told apart on the coarser side.
    shortest_ps = reference.lags_ps[1]
    ratios = np.abs(
        np.log(np.maximum(sample.relaxation_ps, shortest_ps) / np.maximum(reference.relaxation_ps, shortest_ps))
    )
    defined = np.isfinite(ratios)
    if not defined.any():
        reason = f"no torsion relaxes within {reference.lags_ps[-1]:g} ps on both sides"
        return {"autocorrelation_error": error, "relaxation_log_ratio": Estimate(None, reason=reason)}
    resolved, reference_resolved = (
        np.maximum(side.relaxation_draws_ps[:, defined], shortest_ps) for side in (sample, reference)
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
