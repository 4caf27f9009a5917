"""Frames of a rollout from which MD is worth starting: the first half of surrogate-guided sampling."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int

from lamslide_md.analysis.features import find_torsions, torsion_angles, torsion_features
from lamslide_md.analysis.msm.counts import NotEstimableError, count_transitions
from lamslide_md.analysis.msm.model import estimate_transition_matrix
from lamslide_md.analysis.reference_model import assign, fit_centres, fit_tica
from lamslide_md.errors import InputError
from lamslide_md.sampling.settings import check_whole
from lamslide_md.units import MOST_PS, MOST_SEED, check_count, check_quantity, whole_frames

METHODS = ("msm", "uniform")
FRAMES_PER_CLUSTER, MOST_CLUSTERS = 20, 200
LAG_FRAMES = 10
"""Lag when none is given, in frames; a tenth of the longest chain if that is shorter."""


@dataclass(frozen=True)
class Seeds:
    """Chosen frames, in the order in which they are worth starting.

    Attributes
    ----------
    chain, frame
        Where each stands: index of the chain, and of the frame in it.
    cluster
        Cluster that each stands for.
    n_transitions
        Transitions counted out of that cluster at the lag, with those that stay.
    population
        Stationary probability of that cluster in the rollout's MSM; NaN outside of its largest connected set.
    """

    chain: Int[np.ndarray, " seeds"]
    frame: Int[np.ndarray, " seeds"]
    cluster: Int[np.ndarray, " seeds"]
    n_transitions: Int[np.ndarray, " seeds"]
    population: Float[np.ndarray, " seeds"]


def seed_frames(
    chunks: Callable[[], Iterator[Float[np.ndarray, "chains _ atoms 3"]]],
    topology: md.Topology,
    reference_nm: Float[np.ndarray, "atoms 3"],
    times_ps: Sequence[Float[np.ndarray, " frames"]],
    frame_interval_ps: float,
    n: int,
    method: str,
    *,
    lag_ps: float | None = None,
    seed: int = 0,
) -> md.Trajectory:
    """Choose frames of chains that come in chunks and need not fit into memory.

    Parameters
    ----------
    chunks
        Gives the frames from the beginning, as often as it is called, nm.
    topology
        Atoms of a frame.
    reference_nm
        One frame, by which torsions are found.
    times_ps
        Of the frames of each chain.
    frame_interval_ps
        Time between two frames.
    n
        Seeds.
    method
        See `choose_seeds`.
    lag_ps
        See `choose_seeds`.
    seed
        See `choose_seeds`.

    Returns
    -------
    md.Trajectory
        Chosen frames with their times.
    """
    torsions = find_torsions(topology, reference_nm[None])
    torsions_by_chunk = [np.stack([torsion_angles(chain, torsions) for chain in chunk]) for chunk in chunks()]
    angles = list(np.concatenate(torsions_by_chunk, axis=1))
    chosen = choose_seeds(angles, n, method, frame_interval_ps=frame_interval_ps, lag_ps=lag_ps, seed=seed)
    positions_nm = np.empty((n, topology.n_atoms, 3), dtype=np.float32)
    done = 0
    for chunk in chunks():
        here = np.flatnonzero((chosen.frame >= done) & (chosen.frame < done + chunk.shape[1]))
        positions_nm[here] = chunk[chosen.chain[here], chosen.frame[here] - done]
        done += chunk.shape[1]
    return md.Trajectory(positions_nm, topology, time=np.stack(times_ps)[chosen.chain, chosen.frame])


def choose_seeds(
    angles: Sequence[Float[np.ndarray, "_ torsions"]],
    n: int,
    method: str,
    *,
    frame_interval_ps: float,
    lag_ps: float | None = None,
    seed: int = 0,
) -> Seeds:
    """Choose frames to start MD from.

    Torsions are projected by TICA (kinetic map) and clustered by k-means, with about 20 frames for each cluster, at
    most 200 clusters, and at least `n`. A cluster is represented by the frame nearest to its centre.

    - ``msm``: *least counts*. Clusters outside of the largest connected set of the MSM come first, which nobody knows
      the way back from; then those with the fewest transitions counted out of them at the lag, whose row of the
      transition matrix is the least certain. Where `n` exceeds the clusters, the next nearest frames follow, in the
      same order of clusters.
    - ``uniform``: clusters evenly spread over what was visited, however often: the most visited one, then always the
      one farthest from all chosen (k-centres on the centres, so that a stray frame is not taken for a region).

    Parameters
    ----------
    angles
        Torsion angles of every chain, rad.
    n
        Seeds.
    method
        How they are chosen.
    frame_interval_ps
        Time between two frames.
    lag_ps
        Lag of TICA and the MSM; 10 frames, or a tenth of the longest chain, when left out.
    seed
        Of k-means.

    Returns
    -------
    Seeds
        Exactly `n`, none twice.

    Raises
    ------
    InputError
        If the method is unknown, there are fewer frames than seeds, or no torsion moves.

    References
    ----------
    Bowman, Ensign, Pande, J. Chem. Theory Comput. 6, 787 (2010): adaptive sampling of MSMs. Weber, Pande, ibid. 7, 3405
    (2011): choosing states by their counts. Gonzalez, Theor. Comput. Sci. 38, 293 (1985): k-centres.
    """
    n_frames = sum(map(len, angles))
    if method not in METHODS:
        raise InputError(f"method={method!r} is unknown; use {' or '.join(METHODS)}")
    check_whole(n=n)
    check_count("seed", seed, 0, MOST_SEED)
    if lag_ps is not None:
        check_quantity("lag_ps", lag_ps, MOST_PS, "ps")
    if not 1 <= n <= n_frames:
        raise InputError(f"n={n} seeds cannot be chosen from {n_frames} frames; ask for 1 to {n_frames}")
    longest = max(map(len, angles))
    lag = (
        max(1, min(LAG_FRAMES, longest // 10)) if lag_ps is None else whole_frames(lag_ps, frame_interval_ps, "lag_ps")
    )
    tica, n_tics = fit_tica(angles, lag)
    tics = [np.asarray(tica.transform(torsion_features(chain)))[:, :n_tics] for chain in angles]
    joined = np.concatenate(tics)
    n_clusters = max(2, n, min(MOST_CLUSTERS, n_frames // FRAMES_PER_CLUSTER))
    centres = fit_centres(joined, min(n_clusters, n_frames), seed)
    clusters = [assign(centres, chain) for chain in tics]
    counts = count_transitions(clusters, len(centres), lag)
    population = _populations(counts)
    visited = np.bincount(np.concatenate(clusters), minlength=len(centres))
    least_counts = np.lexsort((counts.sum(axis=1), np.isfinite(population)))
    order = least_counts if method == "msm" else _spread(centres, visited)
    order = order[visited[order] > 0]
    picked = _pick(joined, centres, np.concatenate(clusters), order, n)
    chain = np.repeat(np.arange(len(angles)), list(map(len, angles)))[picked]
    first = np.concatenate([[0], np.cumsum(list(map(len, angles)))])[chain]
    cluster = np.concatenate(clusters)[picked]
    n_transitions = counts.sum(axis=1).astype(int)[cluster]
    return Seeds(chain, picked - first, cluster, n_transitions, population[cluster])


def _populations(counts: Float[np.ndarray, "clusters clusters"]) -> Float[np.ndarray, " clusters"]:
    population = np.full(len(counts), np.nan)
    try:
        model, active = estimate_transition_matrix(counts)
    except NotEstimableError:
        return population
    population[active] = model.stationary_distribution
    return population


def _spread(centres: Float[np.ndarray, "clusters tics"], visited: Int[np.ndarray, " clusters"]) -> np.ndarray:
    """Order clusters by k-centres, from the most visited one on; those without a frame come last."""
    order = [int(visited.argmax())]
    distance = np.linalg.norm(centres - centres[order[0]], axis=1)
    distance[visited == 0] = -1.0
    while len(order) < (visited > 0).sum():
        distance[order[-1]] = -1.0
        order.append(int(distance.argmax()))
        farther = np.minimum(distance, np.linalg.norm(centres - centres[order[-1]], axis=1))
        distance = np.where(distance < 0, distance, farther)
    return np.array(order)


def _pick(
    tics: Float[np.ndarray, "frames tics"],
    centres: Float[np.ndarray, "clusters tics"],
    clusters: Int[np.ndarray, " frames"],
    order: Int[np.ndarray, " _"],
    n: int,
) -> Int[np.ndarray, " seeds"]:
    """Take the frame nearest to each centre, then the second nearest of each, until there are enough."""
    distance = np.linalg.norm(tics - centres[clusters], axis=1)
    nearest_first = {
        c: (members := np.flatnonzero(clusters == c))[np.argsort(distance[members])] for c in order.tolist()
    }
    most = max(map(len, nearest_first.values()))
    rounds = (frames[i] for i in range(most) for frames in nearest_first.values() if i < len(frames))
    return np.array([next(rounds) for _ in range(n)])
