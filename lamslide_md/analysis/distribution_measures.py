"""Measures of stationary distributions: torsions, TICs, state populations."""

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.bootstrap import block_sums
from lamslide_md.analysis.distances import (
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
from lamslide_md.analysis.landscape import Landscape
from lamslide_md.analysis.measures import Estimate
from lamslide_md.analysis.samples import Sample


def _js_estimate(sample: Sample, reference: Sample, bins: tuple, reference_bins: tuple, n_bins: int) -> Estimate:
    own = block_sums(bins, sample.blocks, sample.n_blocks, n_bins)
    other = block_sums(reference_bins, reference.blocks, reference.n_blocks, n_bins)
    value = float(js_distances(own.sum(axis=0), other.sum(axis=0)))
    return Estimate(value, js_distances(sample.weights @ own, reference.weights @ other))


def torsion_estimates(sample: Sample, reference: Sample) -> list[Estimate]:
    """Jensen-Shannon distance of every torsion between two samples, 100 bins on (-pi, pi)."""
    bins, reference_bins = ([angle_bins(part) for part in side.angles] for side in (sample, reference))
    return [
        _js_estimate(
            sample,
            reference,
            tuple(part[:, column] for part in bins),
            tuple(part[:, column] for part in reference_bins),
            N_TORSION_BINS,
        )
        for column in range(sample.angles[0].shape[1])
    ]


def _mean(estimates: list[Estimate]) -> Estimate:
    if not estimates:
        return Estimate(None, reason="no such torsion")
    values = [estimate.value for estimate in estimates if estimate.value is not None]
    draws = [estimate.draws for estimate in estimates if estimate.draws is not None]
    return Estimate(float(np.mean(values)), np.mean(draws, axis=0))


def _tic_bins(sample: Sample, edges: list[np.ndarray]) -> tuple:
    columns = [tuple(bins_of(part[:, axis], edges[axis]) for part in sample.tics) for axis in range(len(edges))]
    if len(edges) == 1:
        return columns[0]
    return tuple(one * (len(edges[1]) - 1) + two for one, two in zip(*columns, strict=True))


def _tic_estimate(sample: Sample, reference: Sample, n_tics: int, n_bins: int) -> Estimate:
    if sample.tics[0].shape[1] < n_tics:
        return Estimate(None, reason=f"the reference has only {sample.tics[0].shape[1]} TIC")
    edges = [joint_edges([sample.all_tics[:, axis], reference.all_tics[:, axis]], n_bins) for axis in range(n_tics)]
    return _js_estimate(sample, reference, _tic_bins(sample, edges), _tic_bins(reference, edges), n_bins**n_tics)


def block_populations(sample: Sample, landscape: Landscape) -> Float[np.ndarray, "blocks states"]:
    """Count the frames of every block in every metastable state."""
    states = tuple(landscape.state_of_cluster[part] for part in sample.clusters)
    return block_sums(states, sample.blocks, sample.n_blocks, landscape.n_states)


def _normalised(counts: np.ndarray) -> np.ndarray:
    return counts / counts.sum(axis=-1, keepdims=True)


def distribution_estimates(
    sample: Sample, reference: Sample, torsions: tuple[Torsion, ...], landscape: Landscape
) -> dict[str, Estimate]:
    """Measure how far the stationary distributions of a sample are from the reference's.

    Parameters
    ----------
    sample
        Rollout, or independent MD for the floor.
    reference
        Reference.
    torsions
        Torsions of the angles' columns.
    landscape
        Fitted on the reference.

    Returns
    -------
    dict
        Estimates by the key of the measure.
    """
    each = torsion_estimates(sample, reference)
    of_kind = {
        kind: [estimate for estimate, torsion in zip(each, torsions, strict=True) if torsion.kind == kind]
        for kind in (BACKBONE, SIDE_CHAIN)
    }
    counts, reference_counts = block_populations(sample, landscape), block_populations(reference, landscape)
    draws, reference_draws = sample.weights @ counts, reference.weights @ reference_counts
    free_energy = free_energy_errors_kt(_normalised(counts.sum(0)), _normalised(reference_counts.sum(0)))
    return {
        "js_distance_torsions_backbone": _mean(of_kind[BACKBONE]),
        "js_distance_torsions_side_chain": _mean(of_kind[SIDE_CHAIN]),
        "js_distance_torsions_all": _mean(each),
        "js_distance_tic0": _tic_estimate(sample, reference, 1, N_TIC_BINS),
        "js_distance_tic01": _tic_estimate(sample, reference, 2, N_TIC_BINS_2D),
        "js_distance_states_occupancy": Estimate(
            float(js_distances(counts.sum(axis=0), reference_counts.sum(axis=0))), js_distances(draws, reference_draws)
        ),
        "free_energy_error": Estimate(
            float(free_energy), free_energy_errors_kt(_normalised(draws), _normalised(reference_draws))
        ),
    }
