"""Distances between distributions: histograms, Jensen-Shannon distances, free energies."""

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.distance import jensenshannon

from lamslide_md.errors import InputError

MAX_JS_DISTANCE = float(np.sqrt(np.log(2.0)))
"""The Jensen-Shannon distance of two distributions that do not overlap, 0.8326."""
N_TORSION_BINS = 100
N_TIC_BINS = 100
N_TIC_BINS_2D = 50
MIN_POPULATION = 1e-4
"""Populations below it count as it: the free energy of an empty state would be infinite."""


def js_distance(first: Float[np.ndarray, "*bins"], second: Float[np.ndarray, "*bins"]) -> float:
    """Jensen-Shannon distance between two histograms.

    The square root of the divergence with natural logarithms, between 0 and 0.8326 (disjoint).

    Parameters
    ----------
    first
        Counts or probabilities; normalised here.
    second
        The same bins of another dataset.

    Returns
    -------
    float
        The distance, dimensionless.

    Raises
    ------
    InputError
        If one of the histograms is empty.

    References
    ----------
    Endres & Schindelin, IEEE Trans. Inf. Theory 49, 1858 (2003).
    """
    if not (first.sum() > 0 and second.sum() > 0):
        raise InputError("a histogram without counts has no Jensen-Shannon distance")
    return float(jensenshannon(first.ravel(), second.ravel()))


def js_distances(
    first: Float[np.ndarray, "*batch bins"], second: Float[np.ndarray, "*batch bins"]
) -> Float[np.ndarray, "*batch"]:
    """Jensen-Shannon distances of many pairs of histograms at once; NaN where one is empty.

    Parameters
    ----------
    first
        Counts or probabilities, bins along the last axis.
    second
        Those of another dataset, same shape.

    Returns
    -------
    np.ndarray
        One distance per pair.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(jensenshannon(first, second, axis=-1))


def angle_bins(angles: Float[np.ndarray, "*shape"], n_bins: int = N_TORSION_BINS) -> Int[np.ndarray, "*shape"]:
    """Bin index of every angle in n_bins equal bins on (-pi, pi).

    Parameters
    ----------
    angles
        Angles in [-pi, pi], rad.
    n_bins
        Number of bins.

    Returns
    -------
    np.ndarray
        Indices from 0 to n_bins - 1.
    """
    return np.clip(((angles + np.pi) / (2 * np.pi) * n_bins).astype(int), 0, n_bins - 1)


def joint_edges(values: list[Float[np.ndarray, " _"]], n_bins: int) -> Float[np.ndarray, " edges"]:
    """Edges of n_bins equal bins over the range that all given values cover together.

    Parameters
    ----------
    values
        Values of the same quantity on several datasets.
    n_bins
        Number of bins.

    Returns
    -------
    np.ndarray
        n_bins + 1 edges.
    """
    low, high = min(float(v.min()) for v in values), max(float(v.max()) for v in values)
    return np.linspace(low, high if high > low else low + 1.0, n_bins + 1)


def bins_of(values: Float[np.ndarray, " frames"], edges: Float[np.ndarray, " edges"]) -> Int[np.ndarray, " frames"]:
    """Bin index of every value; those on or beyond the outer edges go to the outer bins."""
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def torsion_js_distances(
    first: Float[np.ndarray, "frames torsions"],
    second: Float[np.ndarray, "frames2 torsions"],
    n_bins: int = N_TORSION_BINS,
) -> Float[np.ndarray, " torsions"]:
    """Jensen-Shannon distance of every torsion's distribution.

    Parameters
    ----------
    first
        Angles of a dataset, rad.
    second
        Angles of another dataset, rad.
    n_bins
        Bins on (-pi, pi).

    Returns
    -------
    np.ndarray
        One distance per torsion.
    """
    return js_distances(angle_histograms(first, n_bins), angle_histograms(second, n_bins))


def angle_histograms(
    angles: Float[np.ndarray, "frames torsions"], n_bins: int = N_TORSION_BINS
) -> Float[np.ndarray, "torsions bins"]:
    """Count the frames of every torsion in equal bins on (-pi, pi)."""
    # One torsion at a time: bins of all of them would need as much memory as the angles.
    return np.stack([np.bincount(angle_bins(column, n_bins), minlength=n_bins) for column in angles.T]).astype(float)


def free_energies_kt(populations: Float[np.ndarray, "*batch states"]) -> Float[np.ndarray, "*batch states"]:
    """G = -ln max(p, 1e-4) of every state, in units of kT."""
    return -np.log(np.maximum(populations, MIN_POPULATION))


def free_energy_errors_kt(
    first: Float[np.ndarray, "*batch states"], second: Float[np.ndarray, "*batch states"]
) -> Float[np.ndarray, "*batch"]:
    """Mean over the states of the absolute difference of their free energies, kT.

    Parameters
    ----------
    first
        State populations of a dataset, each summing to 1.
    second
        State populations of another dataset.

    Returns
    -------
    np.ndarray
        One error per pair of populations, kT.
    """
    return np.asarray(np.abs(free_energies_kt(first) - free_energies_kt(second)).mean(axis=-1))
