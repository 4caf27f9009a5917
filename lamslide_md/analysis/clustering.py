"""Clusters in TICA space: k-means centres of the reference, and the nearest centre of any frame."""

import numpy as np
from deeptime.clustering import ClusterModel, KMeans
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from lamslide_md.errors import InputError

CLUSTERED_FRAMES = 50_000
"""Cluster centres are fitted on at most so many frames, evenly spread: more of them do not move the centres."""


def _threads_kept() -> threadpool_limits:
    """Give OpenMP its threads back: deeptime's clustering sets their number to n_jobs for the whole process."""
    return threadpool_limits(1, user_api="openmp")


def fit_centres(
    tics: Float[np.ndarray, "frames tics"], n_clusters: int, seed: int
) -> Float[np.ndarray, "clusters tics"]:
    """Fit k-means cluster centres (k-means++ start).

    Parameters
    ----------
    tics
        Frames of the reference in TICA space.
    n_clusters
        Number of clusters.
    seed
        Seed of the start.

    Returns
    -------
    np.ndarray
        Centres.

    Raises
    ------
    InputError
        If there are fewer frames than clusters.
    """
    if len(tics) < n_clusters:
        raise InputError(f"the reference has {len(tics)} frames for {n_clusters} clusters; lower n_clusters")
    stride = -(-len(tics) // CLUSTERED_FRAMES)
    sample = np.ascontiguousarray(tics[::stride])
    with _threads_kept():
        return np.asarray(KMeans(n_clusters, fixed_seed=seed, n_jobs=1).fit_fetch(sample).cluster_centers)


def assign(
    centres: Float[np.ndarray, "clusters tics"], tics: Float[np.ndarray, "frames tics"]
) -> Int[np.ndarray, " frames"]:
    """Assign every frame to its nearest cluster centre."""
    with _threads_kept():
        return np.asarray(ClusterModel(centres).transform(np.ascontiguousarray(tics), n_jobs=1)).astype(int)
