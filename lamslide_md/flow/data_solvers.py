"""Solvers that step from predicted data to predicted data."""

from dataclasses import dataclass

import torch

from lamslide_md.flow.dynamics import Dynamics, Solver
from lamslide_md.flow.interpolant import Latents


@dataclass(frozen=True)
class Ddim(Solver):
    """Steps that are exact where the predicted data does not change on the way, one evaluation each.

    What ends is the last predicted data itself: no noise is left over by an error of integration.

    References
    ----------
    Song et al., arXiv 2010.02502, deterministic sampling.
    """

    def solve(self, dynamics: Dynamics) -> Latents:
        """Draw noise, and exchange it for predicted data bit by bit."""
        state, before = dynamics.noise(), None
        for i in range(self.n_steps):
            prediction, taus = dynamics.predicted(state, i / self.n_steps)
            data = dynamics.interpolant.to_data(prediction, state, taus)
            state, before = self._step(dynamics, state, self._aim(dynamics, data, before, i), i), data
        return state

    def _aim(self, dynamics: Dynamics, data: Latents, before: Latents | None, i: int) -> Latents:
        """Where a step leads, by what is predicted at its start and was at that of the step before."""
        return data

    def _step(self, dynamics: Dynamics, state: Latents, data: Latents, i: int) -> Latents:
        if i + 1 == self.n_steps:
            return data
        path, ends = dynamics.interpolant.scheduler, torch.tensor([i, i + 1]) / self.n_steps
        (alpha, next_alpha), (sigma, next_sigma) = path.alpha(ends).tolist(), path.sigma(ends).tolist()
        kept = next_sigma / sigma
        return kept * state + (next_alpha - kept * alpha) * data


@dataclass(frozen=True)
class DpmMultistep(Ddim):
    """The same to second order: what changes in the predicted data is taken on from the step before.

    The first two steps and the last one, between which the logarithm of alpha / sigma has no finite difference, are of
    first order.

    References
    ----------
    Lu et al., arXiv 2211.01095, algorithm 2 (DPM-Solver++ 2M).
    """

    def _aim(self, dynamics: Dynamics, data: Latents, before: Latents | None, i: int) -> Latents:
        if before is None or not 1 < i < self.n_steps - 1:
            return data
        return data + (data - before) / (2 * self._ratio(dynamics, i))

    def _ratio(self, dynamics: Dynamics, i: int) -> float:
        """Length of the step before over that of step i, in the logarithm of alpha / sigma."""
        path, ends = dynamics.interpolant.scheduler, torch.tensor([i - 1, i, i + 1]) / self.n_steps
        log_ratio = (path.alpha(ends).double() / path.sigma(ends).double()).log()
        return float((log_ratio[1] - log_ratio[0]) / (log_ratio[2] - log_ratio[1]))


@dataclass(frozen=True)
class MapSolver(Ddim):
    """Asks a map where the path ends, from its start and, with more steps than one, again from on the way.

    How near one and two evaluations come to the flow is told in docs/decisions/map.md.
    """

    n_steps: int = 2
