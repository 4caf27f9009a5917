"""Automatic choice of the lag: the shortest at which the implied timescales of the reference have levelled off."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.features import torsion_features
from lamslide_md.analysis.kinetics.autocorrelation import common_lags_ps
from lamslide_md.analysis.msm.counts import NotEstimableError
from lamslide_md.analysis.msm.model import fit_markov_model
from lamslide_md.analysis.msm.states import supported_states
from lamslide_md.analysis.reference_model import ToFeatures, assign, fit_centres, fit_tica, project_on
from lamslide_md.units import whole_frames

TOLERANCE = 0.1
"""Timescales have levelled off when they change by less than this fraction up to three times the lag."""
REACH = 3.0
N_CANDIDATES = 14
LENGTH_PER_LAG = 10.0
"""Lags are considered up to a tenth of the longest trajectory."""


@dataclass(frozen=True)
class LagChoice:
    """The lag, ps, and in words why."""

    lag_ps: float
    reason: str


def choose_lag(
    coordinates: Sequence[Float[np.ndarray, "_ coordinates"]],
    interval_ps: float,
    *,
    base_ps: float,
    longest_ps: float,
    relaxation_ps: float | None,
    n_clusters: int,
    seed: int,
    to_features: ToFeatures = torsion_features,
) -> LagChoice:
    """Choose the lag of TICA and MSMs from the reference.

    Parameters
    ----------
    coordinates
        Torsion angles of the reference's trajectories, rad, or other coordinates.
    interval_ps
        Time between frames of the reference, ps.
    base_ps
        Shortest time that is a whole number of frames in every dataset, ps.
    longest_ps
        Duration of the longest trajectory of the shorter dataset, ps.
    relaxation_ps
        Slowest torsion relaxation time of the reference, ps, or None.
    n_clusters
        Number of k-means clusters.
    seed
        Seed of k-means.
    to_features
        What TICA sees of the coordinates.

    Returns
    -------
    LagChoice
        A whole number of frames in every dataset.
    """
    candidates_ps = common_lags_ps(base_ps, longest_ps / LENGTH_PER_LAG, N_CANDIDATES)[1:]
    start_ps = float(candidates_ps[0])
    if relaxation_ps is not None:
        start_ps = float(
            candidates_ps[max(0, int(np.searchsorted(candidates_ps, relaxation_ps / 2, side="right")) - 1)]
        )
    tica, n_tics = fit_tica(coordinates, whole_frames(start_ps, interval_ps, "lag"), to_features)
    tics = [project_on(tica, n_tics, part, to_features) for part in coordinates]
    centres = fit_centres(np.concatenate(tics), n_clusters, seed)
    paths = [assign(centres, part) for part in tics]
    timescales_ps = np.full(len(candidates_ps), np.nan)
    for row, lag_ps in enumerate(candidates_ps):
        try:
            model = fit_markov_model(paths, n_clusters, whole_frames(float(lag_ps), interval_ps, "lag"), float(lag_ps))
        except NotEstimableError:
            continue
        above_noise = supported_states(model, 3) - 1
        known = [
            value for value, _ in (model.timescale(process) for process in range(above_noise)) if value is not None
        ]
        timescales_ps[row] = max(known) if known else np.nan
    return _first_level(candidates_ps, timescales_ps, start_ps)


def _first_level(candidates_ps: np.ndarray, timescales_ps: np.ndarray, start_ps: float) -> LagChoice:
    for row, (lag_ps, timescale_ps) in enumerate(zip(candidates_ps, timescales_ps, strict=True)):
        later = timescales_ps[row + 1 :][candidates_ps[row + 1 :] <= REACH * lag_ps]
        later = later[np.isfinite(later)]
        if np.isfinite(timescale_ps) and len(later) and lag_ps < timescale_ps:
            change = float(np.abs(later / timescale_ps - 1).max())
            if change <= TOLERANCE:
                return LagChoice(
                    float(lag_ps),
                    f"the slowest resolved timescale of MD, {timescale_ps:.4g} ps at this lag, changes by {change:.0%} "
                    f"up to {REACH:g} times the lag",
                )
    resolved = np.isfinite(timescales_ps) & (candidates_ps < timescales_ps)
    if not resolved.any():
        return LagChoice(
            start_ps, "no timescale of MD is resolved at any lag; half of its slowest torsion relaxation time is used"
        )
    longest = int(np.flatnonzero(resolved)[-1])
    return LagChoice(
        float(candidates_ps[longest]),
        f"the slowest resolved timescale of MD, {timescales_ps[longest]:.4g} ps, does not level off; the longest lag "
        "below it is used",
    )
