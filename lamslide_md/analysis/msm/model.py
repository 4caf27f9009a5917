"""Markov state models: reversible estimates, and timescales that are refused where data cannot give them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from deeptime.markov.msm import MarkovStateModel, MaximumLikelihoodMSM
from jaxtyping import Float, Int

from lamslide_md.analysis.msm.counts import (
    NotEstimableError,
    core_transitions,
    count_transitions,
    largest_connected_set,
)

MIN_TRANSITIONS = 20
"""A timescale whose process was seen fewer times has no usable error bar (about 1/sqrt(20) = 22 %)."""
MAX_DISCONNECTED = 0.05
"""With more than this fraction of the counts outside of the largest connected set, all is that of a part."""
DRAW_TOLERANCE = 1e-5
"""Convergence of the estimates behind error bars: three times faster than the default, and equal within 0.1 %."""


@dataclass(frozen=True)
class MarkovModel:
    """A reversible maximum-likelihood MSM.

    `stationary` (clusters,) is zero outside of `active`; `eigenvalues` (processes,) exclude 1, largest first;
    `timescales_ps` are NaN where the eigenvalue is not positive; `eigenvectors` (clusters, processes) are right ones,
    zero outside of `active`; `n_transitions` counts how often the trajectories crossed between the cores of a process.
    """

    model: MarkovStateModel
    active: Int[np.ndarray, " active"]
    stationary: Float[np.ndarray, " clusters"]
    eigenvalues: Float[np.ndarray, " processes"]
    timescales_ps: Float[np.ndarray, " processes"]
    eigenvectors: Float[np.ndarray, "clusters processes"]
    n_transitions: Int[np.ndarray, " processes"]
    disconnected_fraction: float
    lag_ps: float

    @property
    def noise(self) -> float:
        """Size of the noise in the eigenvalues.

        The transfer operator of an equilibrium process has no negative eigenvalue (it is the square of that at half the
        lag), so the most negative one of the estimate is noise.
        """
        return max(0.0, -float(self.eigenvalues.min()))

    @property
    def disconnected(self) -> str:
        """How much of the counts is outside of the largest connected set, in words."""
        return f"disconnected: {self.disconnected_fraction:.0%} of the counts outside of the largest set"

    def timescale(self, process: int) -> tuple[float | None, str | None]:
        """Return an implied timescale, or None and the reason.

        Parameters
        ----------
        process
            0 is the slowest.

        Returns
        -------
        tuple
            Timescale in ps or None, and the reason or None.
        """
        if self.disconnected_fraction > MAX_DISCONNECTED:
            return None, self.disconnected
        if process >= len(self.timescales_ps) or not np.isfinite(self.timescales_ps[process]):
            return None, "no such process: eigenvalue not positive"
        if self.eigenvalues[process] <= self.noise:
            return None, f"eigenvalue {self.eigenvalues[process]:.2g} within the noise of {self.noise:.2g}"
        if self.n_transitions[process] < MIN_TRANSITIONS:
            return None, f"only {self.n_transitions[process]} transitions seen, {MIN_TRANSITIONS} needed"
        return float(self.timescales_ps[process]), None


def estimate_transition_matrix(
    counts: Float[np.ndarray, "clusters clusters"], tolerance: float = 1e-8
) -> tuple[MarkovStateModel, np.ndarray]:
    """Estimate the reversible maximum-likelihood MSM on the largest connected set of a count matrix.

    Parameters
    ----------
    counts
        Count matrix.
    tolerance
        Relative change of the stationary distribution at which the iteration stops.

    Returns
    -------
    tuple
        deeptime's model and the active clusters.

    Raises
    ------
    NotEstimableError
        If the counts are not connected or the estimator fails.
    """
    active = largest_connected_set(counts)
    try:
        model = MaximumLikelihoodMSM(reversible=True, maxerr=tolerance).fit_fetch(counts[np.ix_(active, active)])
    except (ValueError, RuntimeError, AssertionError) as error:
        raise NotEstimableError(f"the reversible estimate failed: {error}") from error
    return model, active


def fit_markov_model(
    clusters: Sequence[Int[np.ndarray, " _"]], n_clusters: int, lag_frames: int, lag_ps: float
) -> MarkovModel:
    """Fit a reversible MSM to discrete trajectories.

    Parameters
    ----------
    clusters
        Cluster of every frame, per trajectory.
    n_clusters
        Number of clusters.
    lag_frames
        Lag, in frames.
    lag_ps
        The same lag, ps.

    Returns
    -------
    MarkovModel
        Estimate on the largest connected set.

    Raises
    ------
    NotEstimableError
        If no two clusters are connected.
    """
    counts = count_transitions(clusters, n_clusters, lag_frames)
    if counts.sum() == 0:
        raise NotEstimableError(f"no trajectory is longer than the lag of {lag_ps:g} ps")
    model, active = estimate_transition_matrix(counts)
    stationary = np.zeros(n_clusters)
    stationary[active] = model.stationary_distribution
    # Reversible, hence similar to a symmetric matrix by the square root of the stationary distribution.
    root = np.sqrt(model.stationary_distribution)
    symmetric = root[:, None] * model.transition_matrix / root
    values, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
    order = np.argsort(values)[::-1][1:]
    right = np.zeros((n_clusters, len(order)))
    right[active] = vectors[:, order] / root[:, None]
    eigenvalues = values[order]
    return MarkovModel(
        model=model,
        active=active,
        stationary=stationary,
        eigenvalues=eigenvalues,
        timescales_ps=timescales_from(eigenvalues, lag_ps),
        eigenvectors=right,
        n_transitions=core_transitions(clusters, right, stationary),
        disconnected_fraction=float(1.0 - counts[np.ix_(active, active)].sum() / counts.sum()),
        lag_ps=lag_ps,
    )


def eigenvalues_of(
    transition_matrix: Float[np.ndarray, "active active"], stationary: Float[np.ndarray, " active"]
) -> Float[np.ndarray, " processes"]:
    """Eigenvalues of a reversible transition matrix but for the first, which is 1; largest first."""
    root = np.sqrt(stationary)
    symmetric = root[:, None] * transition_matrix / root
    # Draws are reversible within DRAW_TOLERANCE only; deeptime's reading of one triangle would show it.
    return np.linalg.eigvalsh((symmetric + symmetric.T) / 2)[::-1][1:]


def timescales_from(eigenvalues: Float[np.ndarray, " processes"], lag_ps: float) -> Float[np.ndarray, " processes"]:
    """Implied timescales -lag / ln(eigenvalue), ps; NaN where the eigenvalue is not between 0 and 1."""
    inside = (eigenvalues > 0) & (eigenvalues < 1)
    return np.where(inside, -lag_ps / np.log(np.where(inside, eigenvalues, 0.5)), np.nan)
