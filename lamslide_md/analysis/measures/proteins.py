"""Measures of proteins: fluctuations, size, contacts, secondary structure, principal components, drift."""

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.bootstrap import block_sums
from lamslide_md.analysis.distributions import bins_of, joint_edges, js_distances
from lamslide_md.analysis.features import pair_distances
from lamslide_md.analysis.measures.measure import Estimate
from lamslide_md.analysis.measures.transport import component_estimate
from lamslide_md.analysis.proteins.frames import ProteinFrames
from lamslide_md.analysis.proteins.rules import ProteinRules
from lamslide_md.analysis.proteins.secondary import CLASSES
from lamslide_md.units import ANGSTROM_PER_NM

N_BINS = 100
PAIRS_AT_ONCE = 50
"""Distances computed at once: bounds memory."""
MIN_OCCUPANCY = 0.01
"""Contacts that are rarer on both sides are noise, and as many as one likes."""
MIN_DRIFT_FRAMES = 20
"""A trajectory of fewer frames has no tenth to speak of."""


def protein_estimates(rules: ProteinRules, dataset: ProteinFrames, reference: ProteinFrames) -> dict[str, Estimate]:
    """Compare a protein in two datasets.

    Parameters
    ----------
    rules
        Learnt from the reference.
    dataset
        Rollout, or independent MD for the floor.
    reference
        Reference.

    Returns
    -------
    dict
        Estimates by the key of the measure.
    """
    return (
        _rmsf_estimates(dataset, reference)
        | _series_estimates("rmsd", dataset, reference, "rmsd_nm")
        | _series_estimates("gyration", dataset, reference, "gyration_nm")
        | {
            "js_distance_alpha_pairs": _pair_estimate(rules, dataset, reference),
            "wasserstein_components": component_estimate(dataset, reference),
            "rmsd_drift": _drift_estimate(dataset),
        }
        | _contact_estimates(dataset, reference)
        | _secondary_estimates(rules, dataset, reference)
    )


def reference_estimates(rules: ProteinRules, reference: ProteinFrames) -> dict[str, Estimate]:
    """Give the reference's own values, by the key of the measure, for those that have one."""
    all_blocks = np.ones((1, reference.n_blocks))
    own = {
        "rmsf_error": float(reference.rmsf_nm(all_blocks).mean()) * ANGSTROM_PER_NM,
        "rmsd_error": float(reference.rmsd_nm.mean()) * ANGSTROM_PER_NM,
        "gyration_error": float(reference.gyration_nm.mean()) * ANGSTROM_PER_NM,
        "rmsd_drift": _drift_estimate(reference).value,
    }
    touching = reference.contacts.frequent(MIN_OCCUPANCY)
    if len(touching) and reference.contacts.change_sizes.any():
        own["exchange_error"] = float(reference.contacts.exchange(touching, all_blocks).mean())
    if rules.complete.any():
        contents = propensities(rules, reference, all_blocks)[0].mean(axis=0)
        own |= {f"{name}_error": float(content) for name, content in zip(CLASSES, contents, strict=True)}
    return {key: Estimate(value) for key, value in own.items()}


def propensities(
    rules: ProteinRules, dataset: ProteinFrames, weights: Float[np.ndarray, "draws blocks"]
) -> Float[np.ndarray, "draws complete 3"]:
    """Part of the frames in which residues with a whole backbone are helix, strand, coil, for every row of weights."""
    counts = np.tensordot(weights, dataset.secondary[:, rules.complete], axes=1)
    return counts / counts.sum(axis=-1, keepdims=True)


def _both(dataset: ProteinFrames) -> np.ndarray:
    """Weights of the sample itself, then of the bootstrap samples."""
    return np.concatenate([np.ones((1, dataset.n_blocks)), dataset.weights])


def _estimate(values: np.ndarray) -> Estimate:
    """From the value of the sample itself, and those of the bootstrap samples after it."""
    return Estimate(float(values[0]), values[1:])


def _rmsf_estimates(dataset: ProteinFrames, reference: ProteinFrames) -> dict[str, Estimate]:
    own, other = (side.rmsf_nm(_both(side)) for side in (dataset, reference))
    error = _estimate(np.abs(own - other).mean(axis=1) * ANGSTROM_PER_NM)
    if min(float(np.ptp(own[0])), float(np.ptp(other[0]))) == 0.0:
        nothing = Estimate(None, reason="all residues fluctuate alike")
        return {"rmsf_decorrelation": nothing, "rmsf_error": error}
    own, other = (side - side.mean(axis=1, keepdims=True) for side in (own, other))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (own * other).sum(axis=1) / np.sqrt((own**2).sum(axis=1) * (other**2).sum(axis=1))
    return {"rmsf_decorrelation": _estimate(1.0 - np.minimum(correlation, 1.0)), "rmsf_error": error}


def _series_estimates(name: str, dataset: ProteinFrames, reference: ProteinFrames, series: str) -> dict[str, Estimate]:
    """Distance of the distributions of a number per frame, and of their means."""
    own, other = (getattr(side, series) for side in (dataset, reference))
    means = [
        _both(side)
        @ np.bincount(side.blocks, weights=values, minlength=side.n_blocks)
        / (_both(side) @ side.block_sizes)
        for side, values in ((dataset, own), (reference, other))
    ]
    return {
        f"js_distance_{name}": _estimate(_js_samples(dataset, reference, own, other)),
        f"{name}_error": _estimate(np.abs(means[0] - means[1]) * ANGSTROM_PER_NM),
    }


def _js_samples(dataset: ProteinFrames, reference: ProteinFrames, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Jensen-Shannon distance of the samples themselves, then of the bootstrap samples."""
    edges = joint_edges([own, other], N_BINS)
    counts = [
        _both(side) @ block_sums((bins_of(values, edges),), (side.blocks,), side.n_blocks, N_BINS)
        for side, values in ((dataset, own), (reference, other))
    ]
    return js_distances(*counts)


def _pair_estimate(rules: ProteinRules, dataset: ProteinFrames, reference: ProteinFrames) -> Estimate:
    distances = []
    for start in range(0, len(rules.pairs), PAIRS_AT_ONCE):
        pairs = rules.pairs[start : start + PAIRS_AT_ONCE]
        own, other = (pair_distances(side.fitted_nm, pairs) for side in (dataset, reference))
        distances += [_js_samples(dataset, reference, *columns) for columns in zip(own.T, other.T, strict=True)]
    return _estimate(np.mean(distances, axis=0))


def _contact_estimates(dataset: ProteinFrames, reference: ProteinFrames) -> dict[str, Estimate]:
    keys = np.union1d(dataset.contacts.frequent(MIN_OCCUPANCY), reference.contacts.frequent(MIN_OCCUPANCY))
    if len(keys) == 0:
        nothing = Estimate(None, reason="no two residues three or more apart touch in 1 % of the frames")
        return {"contact_error": nothing, "exchange_error": nothing}
    own, other = (side.contacts.occupancy(keys, _both(side)) for side in (dataset, reference))
    found = {"contact_error": _estimate(np.abs(own - other).mean(axis=1))}
    if not all(side.contacts.change_sizes.any() for side in (dataset, reference)):
        return found | {"exchange_error": Estimate(None, reason="no trajectory is longer than the lag")}
    own, other = (side.contacts.exchange(keys, _both(side)) for side in (dataset, reference))
    return found | {"exchange_error": _estimate(np.abs(own - other).mean(axis=1))}


def _secondary_estimates(rules: ProteinRules, dataset: ProteinFrames, reference: ProteinFrames) -> dict[str, Estimate]:
    if not rules.complete.any():
        nothing = Estimate(None, reason="DSSP needs N, CA, C and O of the backbone, which no residue has")
        return dict.fromkeys([*(f"{name}_error" for name in CLASSES), "propensity_error"], nothing)
    own, other = (propensities(rules, side, _both(side)) for side in (dataset, reference))
    contents = np.abs(own.mean(axis=1) - other.mean(axis=1))
    return {f"{name}_error": _estimate(contents[:, column]) for column, name in enumerate(CLASSES)} | {
        "propensity_error": _estimate(np.abs(own - other).mean(axis=(1, 2)))
    }


def _drift_estimate(dataset: ProteinFrames) -> Estimate:
    """Take the change from first to last tenth of every trajectory; trajectories are what is resampled."""
    changes = []
    for part in np.split(dataset.rmsd_nm, np.cumsum(dataset.lengths)[:-1]):
        tenth = len(part) // 10
        if len(part) >= MIN_DRIFT_FRAMES:
            changes.append(float(part[-tenth:].mean() - part[:tenth].mean()) * ANGSTROM_PER_NM)
    if not changes:
        return Estimate(None, reason=f"no trajectory has {MIN_DRIFT_FRAMES} frames")
    value = abs(float(np.mean(changes)))
    if len(changes) == 1:
        return Estimate(value)
    n_draws = len(dataset.weights)
    drawn = np.random.default_rng(n_draws).integers(len(changes), size=(n_draws, len(changes)))
    return Estimate(value, np.abs(np.array(changes)[drawn].mean(axis=1)))
