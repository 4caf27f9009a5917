"""What is fitted on the reference, and only on it: TICA, clusters, an MSM and its metastable states."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from deeptime.clustering import ClusterModel, KMeans
from deeptime.decomposition import TICA, TransferOperatorModel
from jaxtyping import Float, Int
from threadpoolctl import threadpool_limits

from lamslide_md.analysis.features import torsion_features
from lamslide_md.analysis.msm.counts import NotEstimableError
from lamslide_md.analysis.msm.model import MarkovModel, fit_markov_model
from lamslide_md.analysis.msm.states import find_states
from lamslide_md.errors import InputError, option

KINETIC_VARIANCE = 0.95
"""TICs are kept for clustering up to this fraction of the kinetic variance, and at least two of them."""

AT_ONCE = 10_000
"""Frames that TICA sees at once: what it sees is twice as large as the angles, or more."""

CLUSTERED_FRAMES = 50_000
"""Cluster centres are fitted on at most so many frames, evenly spread: more of them do not move the centres."""

Trajectories = Sequence[Float[np.ndarray, "_ _"]]
ToFeatures = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class ReferenceModel:
    """Coordinates, clusters and metastable states of the reference, to which every dataset is projected.

    `state_of_cluster` (clusters,) numbers the states by falling population; `notes` say what was cut back and why.
    """

    tica: TransferOperatorModel
    n_tics: int
    centres: Float[np.ndarray, "clusters tics"]
    msm: MarkovModel | None
    state_of_cluster: Int[np.ndarray, " clusters"]
    n_states: int
    notes: tuple[str, ...]
    to_features: ToFeatures = torsion_features

    def tics(self, coordinates: Float[np.ndarray, "frames coordinates"]) -> Float[np.ndarray, "frames tics"]:
        """Project torsion angles, rad, or what else it was fitted on, onto the TICs (kinetic-map scaling)."""
        return project_on(self.tica, self.n_tics, coordinates, self.to_features)

    def clusters(self, tics: Float[np.ndarray, "frames tics"]) -> Int[np.ndarray, " frames"]:
        """Assign every frame to its nearest cluster centre."""
        return assign(self.centres, tics)


def fit_tica(
    coordinates: Trajectories, lag_frames: int, to_features: ToFeatures = torsion_features
) -> tuple[TransferOperatorModel, int]:
    """Fit TICA with kinetic-map scaling, on the cosines and sines of torsions if nothing else is said.

    Parameters
    ----------
    coordinates
        Torsion angles of every trajectory, rad, or other coordinates.
    lag_frames
        Lag, in frames.
    to_features
        What TICA sees of the coordinates.

    Returns
    -------
    tuple
        deeptime's model, and how many TICs hold 95 % of the kinetic variance (at least 2).

    Raises
    ------
    InputError
        If no trajectory is longer than the lag, or no torsion moves.
    """
    estimator = TICA(lagtime=lag_frames, scaling="kinetic_map")
    used = [trajectory for trajectory in coordinates if len(trajectory) > lag_frames]
    if not used:
        longest = max(map(len, coordinates))
        raise InputError(f"TICA at a lag of {lag_frames} frames needs a longer trajectory than {longest}")
    at_once = max(AT_ONCE, lag_frames)
    for trajectory in used:
        for first in range(0, len(trajectory) - lag_frames, at_once):
            features = to_features(trajectory[first : first + at_once + lag_frames])
            estimator.partial_fit((features[:-lag_frames], features[lag_frames:]))
    try:
        model = estimator.fetch_model()
        variance = np.asarray(model.singular_values) ** 2
    except (ValueError, RuntimeError, np.linalg.LinAlgError) as error:
        raise InputError(f"TICA found no moving torsion or distance in the reference: {error}") from error
    n_tics = int(np.searchsorted(np.cumsum(variance) / variance.sum(), KINETIC_VARIANCE) + 1)
    return model, min(max(n_tics, 2), len(variance))


def project_on(
    tica: TransferOperatorModel,
    n_tics: int,
    coordinates: Float[np.ndarray, "frames coordinates"],
    to_features: ToFeatures,
) -> Float[np.ndarray, "frames tics"]:
    """Project coordinates on the first TICs, some frames at a time."""
    tics = np.empty((len(coordinates), n_tics))
    for first in range(0, len(coordinates), AT_ONCE):
        some = slice(first, first + AT_ONCE)
        tics[some] = np.asarray(tica.transform(to_features(coordinates[some])))[:, :n_tics]
    return tics


def fit_reference_model(
    coordinates: Trajectories,
    *,
    tica_lag_frames: int,
    lag_frames: int,
    lag_ps: float,
    n_clusters: int,
    n_states: int,
    seed: int,
    to_features: ToFeatures = torsion_features,
) -> ReferenceModel:
    """Fit TICA, k-means, the MSM and its metastable states on the reference.

    Parameters
    ----------
    coordinates
        Torsion angles of the reference's trajectories, rad, or other coordinates.
    tica_lag_frames
        Lag of TICA, in frames.
    lag_frames
        Lag of the MSM, in frames.
    lag_ps
        Lag of the MSM, ps.
    n_clusters
        Number of k-means clusters.
    n_states
        Number of metastable states asked for.
    seed
        Seed of k-means.
    to_features
        What TICA sees of the coordinates.

    Returns
    -------
    ReferenceModel
        With notes on everything that was cut back.
    """
    tica, n_tics = fit_tica(coordinates, tica_lag_frames, to_features)
    tics = [project_on(tica, n_tics, part, to_features) for part in coordinates]
    centres = fit_centres(np.concatenate(tics), n_clusters, seed)
    clusters = [assign(centres, part) for part in tics]
    state_of_cluster = np.zeros(n_clusters, dtype=int)
    try:
        msm = fit_markov_model(clusters, n_clusters, lag_frames, lag_ps)
    except NotEstimableError as error:
        failed = (f"MSM of the reference failed: {error}",)
        return ReferenceModel(tica, n_tics, centres, None, state_of_cluster, 1, failed, to_features)
    states, notes = find_states(msm, n_states)
    if len(msm.active) < n_clusters:
        notes += (
            f"{n_clusters - len(msm.active)} of {n_clusters} clusters are outside of the reference's connected set",
        )
    # A cluster outside of the connected set takes the state of the nearest one inside.
    distances = np.linalg.norm(centres[:, None] - centres[msm.active][None], axis=-1)
    state_of_cluster = states[distances.argmin(axis=1)]
    return ReferenceModel(tica, n_tics, centres, msm, state_of_cluster, int(states.max()) + 1, notes, to_features)


def _threads_kept() -> threadpool_limits:
    """Give OpenMP its threads back: deeptime's clustering sets their number to n_jobs for the whole process."""
    return threadpool_limits(1, user_api="openmp")


def _in_32_bits(seed: int) -> int:
    """Fold a seed that deeptime would replace by chance; smaller ones stay, as do results of before."""
    return int(seed) if seed < 2**32 else int(np.random.SeedSequence(int(seed)).generate_state(1)[0])


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
        raise InputError(
            f"the reference has {len(tics)} frames for {n_clusters} clusters; lower {option('n_clusters')}"
        )
    stride = -(-len(tics) // CLUSTERED_FRAMES)
    sample = np.ascontiguousarray(tics[::stride])
    with _threads_kept():
        return np.asarray(KMeans(n_clusters, fixed_seed=_in_32_bits(seed), n_jobs=1).fit_fetch(sample).cluster_centers)


def assign(
    centres: Float[np.ndarray, "clusters tics"], tics: Float[np.ndarray, "frames tics"]
) -> Int[np.ndarray, " frames"]:
    """Assign every frame to its nearest cluster centre."""
    with _threads_kept():
        return np.asarray(ClusterModel(centres).transform(np.ascontiguousarray(tics), n_jobs=1)).astype(int)
