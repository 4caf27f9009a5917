"""Transitions of discrete trajectories: counting them, connectedness, passages between the cores of a process."""

from collections.abc import Sequence

import numpy as np
from deeptime.markov.tools.estimation import connected_sets
from jaxtyping import Float, Int

CORE_FRACTION = 0.5
"""A frame is in the core of a process where its eigenvector exceeds this fraction of its mean on that side."""


class NotEstimableError(Exception):
    """The data cannot give this quantity; the message is the reason shown beside the empty entry."""


def block_counts(
    clusters: Sequence[Int[np.ndarray, " _"]],
    blocks: Sequence[Int[np.ndarray, " _"]],
    n_blocks: int,
    n_clusters: int,
    lag_frames: int,
) -> Float[np.ndarray, "blocks clusters clusters"]:
    """Count transitions with a sliding window, by the block in which they begin.

    Parameters
    ----------
    clusters
        Cluster of every frame, per trajectory.
    blocks
        Block of every frame, per trajectory.
    n_blocks
        Number of blocks.
    n_clusters
        Number of clusters.
    lag_frames
        Lag, in frames.

    Returns
    -------
    np.ndarray
        Counts; their sum over the blocks is the count matrix.
    """
    flat = [np.empty(0, dtype=int)]
    for path, block in zip(clusters, blocks, strict=True):
        if len(path) > lag_frames:
            pairs = path[:-lag_frames] * n_clusters + path[lag_frames:]
            flat.append(block[:-lag_frames] * n_clusters**2 + pairs)
    counts = np.bincount(np.concatenate(flat), minlength=n_blocks * n_clusters**2)
    return counts.reshape(n_blocks, n_clusters, n_clusters).astype(float)


def count_transitions(
    clusters: Sequence[Int[np.ndarray, " _"]], n_clusters: int, lag_frames: int
) -> Float[np.ndarray, "clusters clusters"]:
    """Count transitions between clusters at a lag, in frames, with a sliding window."""
    blocks = [np.zeros(len(path), dtype=int) for path in clusters]
    return block_counts(clusters, blocks, 1, n_clusters, lag_frames)[0]


def largest_connected_set(counts: Float[np.ndarray, "clusters clusters"]) -> Int[np.ndarray, " active"]:
    """Find the strongly connected clusters that hold most counts.

    Parameters
    ----------
    counts
        Count matrix.

    Returns
    -------
    np.ndarray
        Sorted indices of the clusters.

    Raises
    ------
    NotEstimableError
        If fewer than two clusters are connected.
    """
    # deeptime's own choice is the set of most clusters, however few frames these have.
    active = np.sort(max(connected_sets(counts), key=lambda inside: counts[np.ix_(inside, inside)].sum()))
    if len(active) < 2:
        raise NotEstimableError("no two clusters are connected by transitions in both directions at this lag")
    return active


def core_transitions(
    clusters: Sequence[Int[np.ndarray, " _"]],
    eigenvectors: Float[np.ndarray, "clusters processes"],
    stationary: Float[np.ndarray, " clusters"],
    max_processes: int = 10,
) -> Int[np.ndarray, " processes"]:
    """Count how often trajectories pass from one core of a process to the other.

    The cores are the clusters where the right eigenvector is well on either side of zero; a frame between them belongs
    to the core visited last, so that recrossing of the barrier is not counted.

    Parameters
    ----------
    clusters
        Cluster of every frame, per trajectory.
    eigenvectors
        Right eigenvectors, one column per process, slowest first.
    stationary
        Stationary distribution.
    max_processes
        Processes counted; those beyond have zero.

    Returns
    -------
    np.ndarray
        Transitions per process, both directions together.
    """
    n_transitions = np.zeros(eigenvectors.shape[1], dtype=int)
    for process in range(min(max_processes, eigenvectors.shape[1])):
        vector = eigenvectors[:, process]
        core = np.zeros(len(vector), dtype=int)
        for sign in (1, -1):
            side = (sign * vector > 0) & (stationary > 0)
            if side.any():
                mean = np.average(sign * vector[side], weights=stationary[side])
                core[side & (sign * vector > CORE_FRACTION * mean)] = sign
        for path in clusters:
            visits = core[path]
            visits = visits[visits != 0]
            n_transitions[process] += int((np.diff(visits) != 0).sum())
    return n_transitions


def state_entries(
    states: Sequence[Int[np.ndarray, " _"]], n_states: int, stride_frames: int
) -> Int[np.ndarray, " states"]:
    """Count how often trajectories, looked at once per lag, enter every state.

    Parameters
    ----------
    states
        State of every frame, per trajectory.
    n_states
        Number of states.
    stride_frames
        The lag, in frames: shorter excursions are not seen.

    Returns
    -------
    np.ndarray
        Entries per state.
    """
    entries = np.zeros(n_states, dtype=int)
    for path in states:
        seen = path[::stride_frames]
        changed = np.flatnonzero(np.diff(seen))
        entries += np.bincount(seen[changed + 1], minlength=n_states)
    return entries
