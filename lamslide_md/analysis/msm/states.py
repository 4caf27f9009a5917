"""Metastable states of an MSM: PCCA+, populations, transitions, mean first passage times."""

import warnings

import numpy as np
from deeptime.markov.tools.analysis import mfpt
from jaxtyping import Float, Int
from numpy.exceptions import ComplexWarning
from scipy.linalg import LinAlgWarning

from lamslide_md.analysis.msm.model import MarkovModel


def supported_states(model: MarkovModel, n_states: int) -> int:
    """Count the metastable states that the spectrum supports.

    A process counts if its eigenvalue stands above the noise.

    Parameters
    ----------
    model
        MSM of the reference.
    n_states
        Number of states asked for.

    Returns
    -------
    int
        Between 1 and n_states.
    """
    return min(n_states, 1 + int((model.eigenvalues > model.noise).sum()))


def find_states(model: MarkovModel, n_states: int) -> tuple[Int[np.ndarray, " active"], tuple[str, ...]]:
    """Group the active clusters to metastable states with PCCA+.

    Parameters
    ----------
    model
        MSM of the reference.
    n_states
        Number of states asked for.

    Returns
    -------
    tuple
        State of every active cluster, by falling population, and notes on what was cut back.
    """
    supported = supported_states(model, n_states)
    for wanted in range(min(max(supported, 2), len(model.active)), 1, -1):
        try:
            with warnings.catch_warnings():
                # Eigenvectors of nearly equal eigenvalues come out complex by rounding.
                warnings.simplefilter("ignore", ComplexWarning)
                assigned = np.asarray(model.model.pcca(wanted).assignments)
        except (ValueError, RuntimeError, AssertionError, np.linalg.LinAlgError):
            continue
        found = np.unique(assigned)
        if len(found) == wanted:
            populations = [model.stationary[model.active[assigned == state]].sum() for state in found]
            rank = np.argsort(np.argsort(populations)[::-1])
            return rank[assigned], _why_fewer(model, n_states, supported, wanted)
    return np.zeros(len(model.active), dtype=int), ("PCCA+ failed for every number of states: all frames are in one",)


def _why_fewer(model: MarkovModel, asked: int, supported: int, found: int) -> tuple[str, ...]:
    if found == asked and supported >= 2:
        return ()
    why = f"above its noise the spectrum of the reference's MSM at a lag of {model.lag_ps:g} ps supports {supported}"
    if supported < 2:
        why += " (the lag is longer than every process): the states are not metastable"
    elif found < supported:
        why += ", of which PCCA+ leaves some empty"
    return (f"{found} metastable states instead of {asked}: {why}",)


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

    Times from the clusters of a state are averaged by the stationary distribution.

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
        try:
            with warnings.catch_warnings():
                # States that are hardly ever left.
                warnings.simplefilter("ignore", LinAlgWarning)
                from_cluster = mfpt(transition_matrix, np.flatnonzero(states == target), tau=lag_ps)
        except np.linalg.LinAlgError:
            continue
        with np.errstate(invalid="ignore", divide="ignore"):
            times_ps[:, target] = ((stationary * from_cluster) @ member) / np.where(
                populations > 0, populations, np.nan
            )
    return times_ps
