"""Solvers of the sampling ODE and SDE, by their names."""

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torchdiffeq import odeint

from lamslide_md.errors import InputError
from lamslide_md.flow.data_solvers import Ddim, DpmMultistep, MapSolver
from lamslide_md.flow.dynamics import Dynamics, Solver
from lamslide_md.flow.interpolant import Latents

Velocity = Callable[[Latents, float], Latents]
DEFAULT_SOLVER, MAP_SOLVER = "heun", "map"
"""Of models without a map, and with one. The first takes nine evaluations of the network, and is nearer to the limit of
many than ten steps of `euler` (docs/checks.md)."""

DOPRI5_TOLERANCE = 1e-4


@dataclass(frozen=True)
class OdeSolver(Solver):
    """Solves the ODE of the velocity."""

    def solve(self, dynamics: Dynamics) -> Latents:
        """Draw noise, and let it move."""
        return self.integrate(dynamics.velocity, dynamics.noise())

    @abstractmethod
    def integrate(self, velocity: Velocity, state: Latents) -> Latents:
        """Integrate from tau = 0 to 1."""


@dataclass(frozen=True)
class Euler(OdeSolver):
    """First-order steps of equal length, one evaluation each."""

    def integrate(self, velocity: Velocity, state: Latents) -> Latents:
        """Integrate from tau = 0 to 1."""
        for i in range(self.n_steps):
            state = state + velocity(state, i / self.n_steps) / self.n_steps
        return state


@dataclass(frozen=True)
class Heun(OdeSolver):
    """Second-order steps of equal length by the trapezoidal rule, two evaluations each; the last is one of `Euler`.

    A velocity at tau = 1 has the error of a predicted frame divided by a sigma of nearly zero. The order is kept.

    References
    ----------
    Karras et al., arXiv 2206.00364, algorithm 1.
    """

    def integrate(self, velocity: Velocity, state: Latents) -> Latents:
        """Integrate from tau = 0 to 1."""
        n_steps = self.n_steps
        for i in range(n_steps - 1):
            at_start = velocity(state, i / n_steps)
            at_end = velocity(state + at_start / n_steps, (i + 1) / n_steps)
            state = state + (at_start + at_end) / (2 * n_steps)
        return state + velocity(state, 1 - 1 / n_steps) / n_steps


@dataclass(frozen=True)
class Dopri5(OdeSolver):
    """Adaptive fifth-order Runge-Kutta of torchdiffeq, which chooses its own steps."""

    def integrate(self, velocity: Velocity, state: Latents) -> Latents:
        """Integrate from tau = 0 to 1."""
        path = odeint(
            lambda tau, o: velocity(o, float(tau)),
            state,
            torch.tensor([0.0, 1.0], device=state.device),
            method="dopri5",
            rtol=DOPRI5_TOLERANCE,
            atol=DOPRI5_TOLERANCE,
        )
        return path[-1]


@dataclass(frozen=True)
class EulerMaruyama(Solver):
    """First-order steps of the SDE, with fresh noise after each but the last.

    The SDE is dX = (v - eps) dtau + sqrt(2 sigma) dW with the predicted noise eps: the score of the state is
    -eps / sigma, and dW has the covariance of the prior, so that every marginal is the ODE's.

    References
    ----------
    Ma et al., arXiv 2401.08740, equation 4.
    """

    def solve(self, dynamics: Dynamics) -> Latents:
        """Draw noise, and let it move and diffuse."""
        state, interpolant = dynamics.noise(), dynamics.interpolant
        for i in range(self.n_steps):
            prediction, taus = dynamics.predicted(state, i / self.n_steps)
            drift = interpolant.to_velocity(prediction, state, taus) - interpolant.to_noise(prediction, state, taus)
            kick = math.sqrt(2 * float(interpolant.scheduler.sigma(taus[:1])) / self.n_steps)
            state = state + drift / self.n_steps + (kick * dynamics.noise() if i + 1 < self.n_steps else 0)
        return state


SOLVERS: dict[str, type[Solver]] = {
    "map": MapSolver,
    "euler": Euler,
    "heun": Heun,
    "dopri5": Dopri5,
    "sde": EulerMaruyama,
    "ddim": Ddim,
    "dpm": DpmMultistep,
}
"""Solvers by the names that users give them."""


def solver_of(name: str, n_steps: int | None = None) -> Solver:
    """Make the solver of a name.

    Parameters
    ----------
    name
        One of `SOLVERS`.
    n_steps
        Steps of the fixed-step solvers; None: as many as the solver usually takes.

    Returns
    -------
    Solver
        Ready to be used.

    Raises
    ------
    InputError
        If it is unknown, or has less than one step; naming the value and what is possible.
    """
    if not isinstance(name, str) or name not in SOLVERS:
        raise InputError(f"unknown solver {name!r}; choose one of {', '.join(SOLVERS)}")
    if n_steps is None:
        return SOLVERS[name]()
    if n_steps < 1:
        raise InputError(f"n_solver_steps is {n_steps}; it must be at least 1")
    return SOLVERS[name](n_steps)
