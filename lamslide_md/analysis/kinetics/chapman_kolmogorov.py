"""Chapman-Kolmogorov test: whether the MSM at its lag predicts what is seen at multiples of the lag."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.datasets.dataset import Projected
from lamslide_md.analysis.msm.counts import NotEstimableError, block_counts
from lamslide_md.analysis.msm.model import DRAW_TOLERANCE, estimate_transition_matrix
from lamslide_md.analysis.reference_model import ReferenceModel
from lamslide_md.errors import option
from lamslide_md.units import whole_frames

MULTIPLES = (1, 2, 3, 4, 5)
N_DRAWS = 20
LENGTH_PER_LAG = 3.0
"""Multiples of the lag are tested up to a third of the longest trajectory."""


@dataclass(frozen=True)
class ChapmanKolmogorov:
    """Probability to be in a metastable state again after multiples of the lag, given equilibrium within it at first.

    Predicted by powers of the MSM, and estimated from MSMs at the longer lags, with bootstrap errors; NaN where a state
    is not visited.
    """

    lags_ps: Float[np.ndarray, " multiples"]
    predicted: Float[np.ndarray, "multiples states"]
    predicted_error: Float[np.ndarray, "multiples states"]
    estimated: Float[np.ndarray, "multiples states"]
    estimated_error: Float[np.ndarray, "multiples states"]

    @property
    def largest_deviation(self) -> float | None:
        """Give the largest |predicted - estimated| beyond the first lag, where both agree by construction."""
        deviation = np.abs(self.predicted - self.estimated)[1:]
        return float(np.nanmax(deviation)) if np.isfinite(deviation).any() else None


def chapman_kolmogorov(projected: Projected, reference_model: ReferenceModel, lag_ps: float) -> ChapmanKolmogorov:
    """Test the MSM of one dataset.

    Parameters
    ----------
    projected
        One dataset.
    reference_model
        Clusters and states of the reference.
    lag_ps
        Lag of the MSM, ps.

    Returns
    -------
    ChapmanKolmogorov
        Predictions and estimates at up to five multiples of the lag.

    References
    ----------
    Prinz et al., J. Chem. Phys. 134, 174105 (2011).
    """
    lag_frames = whole_frames(lag_ps, projected.interval_ps, option("lag_ps"))
    multiples = [k for k in MULTIPLES if k == 1 or k * lag_ps <= projected.longest_ps / LENGTH_PER_LAG]
    counts = [
        block_counts(
            projected.clusters, projected.blocks, projected.n_blocks, len(reference_model.centres), k * lag_frames
        )
        for k in multiples
    ]
    weights = np.concatenate([np.ones((1, projected.n_blocks)), projected.weights[:N_DRAWS]])
    predicted = np.full((len(weights), len(multiples), reference_model.n_states), np.nan)
    estimated = predicted.copy()
    for draw, weight in enumerate(weights):
        predicted[draw], estimated[draw] = _one_test(
            [np.tensordot(weight, count, axes=1) for count in counts], multiples, reference_model
        )
    with np.errstate(invalid="ignore"):
        return ChapmanKolmogorov(
            lags_ps=np.array(multiples) * lag_ps,
            predicted=predicted[0],
            predicted_error=_spread(predicted[1:]),
            estimated=estimated[0],
            estimated_error=_spread(estimated[1:]),
        )


def _spread(draws: np.ndarray) -> np.ndarray:
    enough = np.isfinite(draws).sum(axis=0) > 1
    spread = np.full(draws.shape[1:], np.nan)
    spread[enough] = np.nanstd(draws[:, enough], axis=0, ddof=1)
    return spread


def _one_test(
    counts: list[np.ndarray], multiples: list[int], reference_model: ReferenceModel
) -> tuple[np.ndarray, np.ndarray]:
    predicted = np.full((len(multiples), reference_model.n_states), np.nan)
    estimated = predicted.copy()
    try:
        model, active = estimate_transition_matrix(counts[0], DRAW_TOLERANCE)
    except NotEstimableError:
        return predicted, estimated
    stationary = np.zeros(len(reference_model.centres))
    stationary[active] = model.stationary_distribution
    matrix = np.asarray(model.transition_matrix)
    for row, k in enumerate(multiples):
        predicted[row] = _staying(np.linalg.matrix_power(matrix, k), active, stationary, reference_model)
        try:
            longer, longer_active = estimate_transition_matrix(counts[row], DRAW_TOLERANCE)
        except NotEstimableError:
            continue
        estimated[row] = _staying(np.asarray(longer.transition_matrix), longer_active, stationary, reference_model)
    return predicted, estimated


def _staying(
    matrix: np.ndarray, active: np.ndarray, stationary: np.ndarray, reference_model: ReferenceModel
) -> np.ndarray:
    member = np.eye(reference_model.n_states)[reference_model.state_of_cluster[active]]
    start = stationary[active][:, None] * member
    with np.errstate(invalid="ignore", divide="ignore"):
        return (start * (matrix @ member)).sum(axis=0) / np.where(start.sum(axis=0) > 0, start.sum(axis=0), np.nan)
