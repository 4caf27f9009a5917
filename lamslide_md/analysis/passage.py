"""From an MSM of clusters to metastable states: populations, transitions, mean first passage times."""

import numpy as np
from jaxtyping import Float, Int


def coarse_grain(
    transition_matrix: Float[np.ndarray, "active active"],
    stationary: Float[np.ndarray, " active"],
    states: Int[np.ndarray, " active"],
    n_states: int,
) -> tuple[Float[np.ndarray, " states"], Float[np.ndarray, "states states"]]:
    """Sum an MSM over the clusters of every metastable state.

    Parameters
    ----------
    transition_matrix
        Transition probabilities between the active clusters.
    stationary
        Stationary distribution of the active clusters.
    states
        Metastable state of every active cluster.
    n_states
        Number of metastable states.

    Returns
    -------
    tuple
        Populations of the states, and transition probabilities between them (NaN from a state without population).
    """
    member = np.eye(n_states)[states]
    populations = stationary @ member
    flux = member.T @ (stationary[:, None] * transition_matrix) @ member
    with np.errstate(invalid="ignore", divide="ignore"):
        return populations, flux / np.where(populations > 0, populations, np.nan)[:, None]


def mean_first_passage_times(
    transition_matrix: Float[np.ndarray, "active active"],
    stationary: Float[np.ndarray, " active"],
    states: Int[np.ndarray, " active"],
    n_states: int,
    lag_ps: float,
) -> Float[np.ndarray, "states states"]:
    """Compute the mean time from equilibrium within one metastable state to the first visit of another.

    The times m of the clusters outside of the target solve m = lag + T m; their average over a state is weighted by the
    stationary distribution.

    Parameters
    ----------
    transition_matrix
        Transition probabilities between the active clusters.
    stationary
        Stationary distribution of the active clusters.
    states
        Metastable state of every active cluster.
    n_states
        Number of metastable states.
    lag_ps
        Lag, ps.

    Returns
    -------
    np.ndarray
        Times (from, to), ps; 0 on the diagonal, NaN where a state has no cluster or the target is not reached.

    References
    ----------
    Hoel, Port & Stone, Introduction to Stochastic Processes, Waveland 1986.
    """
    times_ps = np.full((n_states, n_states), np.nan)
    member = np.eye(n_states)[states]
    populations = stationary @ member
    for target in np.flatnonzero(populations > 0):
        outside = states != target
        from_cluster = np.zeros(len(states))
        inner = np.eye(int(outside.sum())) - transition_matrix[np.ix_(outside, outside)]
        try:
            from_cluster[outside] = np.linalg.solve(inner, np.full(len(inner), lag_ps))
        except np.linalg.LinAlgError:
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            times_ps[:, target] = ((stationary * from_cluster) @ member) / np.where(
                populations > 0, populations, np.nan
            )
    return times_ps
