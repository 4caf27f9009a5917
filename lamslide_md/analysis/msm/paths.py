"""How likely paths between two ends are under a Markov model of the reference."""

import numpy as np
from jaxtyping import Float, Int

PRIOR_COUNTS = 1.0
"""Counts added to every row of the transition matrix, spread evenly: an unseen jump is unlikely, not impossible."""


def smoothed_transition_matrix(
    counts: Float[np.ndarray, "clusters clusters"],
) -> Float[np.ndarray, "clusters clusters"]:
    """Transition probabilities from symmetrised counts with a uniform prior.

    Parameters
    ----------
    counts
        Of a reversible process.

    Returns
    -------
    np.ndarray
        Row-stochastic, no entry zero.
    """
    smoothed = (counts + counts.T) / 2 + PRIOR_COUNTS / len(counts)
    return smoothed / smoothed.sum(axis=1, keepdims=True)


def path_log_likelihoods(
    transition_matrix: Float[np.ndarray, "clusters clusters"], paths: Int[np.ndarray, "paths frames"]
) -> Float[np.ndarray, " paths"]:
    """Log-probability of what a path does between its ends, for each of its inner frames.

    Parameters
    ----------
    transition_matrix
        Of one frame interval.
    paths
        Cluster of every frame, both ends included; at least three frames.

    Returns
    -------
    np.ndarray
        ln P(inner frames | first, last) / number of inner frames. Its expectation is highest for none but the typical
        paths of the chain itself: a path that jumps straight or dawdles in unlikely places scores lower.
    """
    log_steps = np.log(transition_matrix)[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    bridge = np.linalg.matrix_power(transition_matrix, paths.shape[1] - 1)
    return (log_steps - np.log(bridge[paths[:, 0], paths[:, -1]])) / (paths.shape[1] - 2)
