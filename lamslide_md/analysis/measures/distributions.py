"""Measures of stationary distributions: torsions, TICs, state populations."""

import numpy as np

from lamslide_md.analysis.bootstrap import block_sums
from lamslide_md.analysis.datasets.dataset import Projected, block_populations
from lamslide_md.analysis.distributions import (
    N_TIC_BINS,
    N_TIC_BINS_2D,
    N_TORSION_BINS,
    angle_bins,
    bins_of,
    free_energy_errors_kt,
    joint_edges,
    js_distances,
)
from lamslide_md.analysis.features import BACKBONE, SIDE_CHAIN, Torsion
from lamslide_md.analysis.measures.measure import Estimate
from lamslide_md.analysis.reference_model import ReferenceModel


def _js_estimate(
    projected: Projected, reference: Projected, bins: tuple, reference_bins: tuple, n_bins: int
) -> Estimate:
    own = block_sums(bins, projected.blocks, projected.n_blocks, n_bins)
    other = block_sums(reference_bins, reference.blocks, reference.n_blocks, n_bins)
    value = float(js_distances(own.sum(axis=0), other.sum(axis=0)))
    return Estimate(value, js_distances(projected.weights @ own, reference.weights @ other))


def torsion_estimates(projected: Projected, reference: Projected) -> list[Estimate]:
    """Jensen-Shannon distance of every torsion between two datasets, 100 bins on (-pi, pi)."""

    def bins(dataset: Projected, column: int) -> tuple:
        return tuple(angle_bins(part[:, column]) for part in dataset.angles)

    return [
        _js_estimate(projected, reference, bins(projected, column), bins(reference, column), N_TORSION_BINS)
        for column in range(projected.angles[0].shape[1])
    ]


def _mean(estimates: list[Estimate]) -> Estimate:
    if not estimates:
        return Estimate(None, reason="no such torsion")
    values = [estimate.value for estimate in estimates if estimate.value is not None]
    draws = [estimate.draws for estimate in estimates if estimate.draws is not None]
    return Estimate(float(np.mean(values)), np.mean(draws, axis=0))


def _tic_bins(projected: Projected, edges: list[np.ndarray]) -> tuple:
    columns = [tuple(bins_of(part[:, axis], edges[axis]) for part in projected.tics) for axis in range(len(edges))]
    if len(edges) == 1:
        return columns[0]
    return tuple(one * (len(edges[1]) - 1) + two for one, two in zip(*columns, strict=True))


def _tic_estimate(projected: Projected, reference: Projected, n_tics: int, n_bins: int) -> Estimate:
    if projected.tics[0].shape[1] < n_tics:
        return Estimate(None, reason=f"the reference has only {projected.tics[0].shape[1]} TIC")
    edges = [joint_edges([projected.all_of_tic(axis), reference.all_of_tic(axis)], n_bins) for axis in range(n_tics)]
    return _js_estimate(projected, reference, _tic_bins(projected, edges), _tic_bins(reference, edges), n_bins**n_tics)


def _normalised(counts: np.ndarray) -> np.ndarray:
    return counts / counts.sum(axis=-1, keepdims=True)


def distribution_estimates(
    projected: Projected, reference: Projected, torsions: tuple[Torsion, ...], reference_model: ReferenceModel
) -> dict[str, Estimate]:
    """Measure how far the stationary distributions of a dataset are from the reference's.

    Parameters
    ----------
    projected
        Rollout, or independent MD for the floor.
    reference
        Reference.
    torsions
        Torsions of the angles' columns.
    reference_model
        Fitted on the reference.

    Returns
    -------
    dict
        Estimates by the key of the measure.
    """
    each = torsion_estimates(projected, reference)
    of_kind = {
        kind: [estimate for estimate, torsion in zip(each, torsions, strict=True) if torsion.kind == kind]
        for kind in (BACKBONE, SIDE_CHAIN)
    }
    counts, reference_counts = (
        block_populations(projected, reference_model),
        block_populations(reference, reference_model),
    )
    draws, reference_draws = projected.weights @ counts, reference.weights @ reference_counts
    free_energy = free_energy_errors_kt(_normalised(counts.sum(0)), _normalised(reference_counts.sum(0)))
    return {
        "js_distance_torsions_backbone": _mean(of_kind[BACKBONE]),
        "js_distance_torsions_side_chain": _mean(of_kind[SIDE_CHAIN]),
        "js_distance_torsions_all": _mean(each),
        "js_distance_tic0": _tic_estimate(projected, reference, 1, N_TIC_BINS),
        "js_distance_tic01": _tic_estimate(projected, reference, 2, N_TIC_BINS_2D),
        "js_distance_states_occupancy": Estimate(
            float(js_distances(counts.sum(axis=0), reference_counts.sum(axis=0))), js_distances(draws, reference_draws)
        ),
        "free_energy_error": Estimate(
            float(free_energy), free_energy_errors_kt(_normalised(draws), _normalised(reference_draws))
        ),
    }
