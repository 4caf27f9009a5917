"""Solvers of the sampling ODE and SDE, from tau = 0 (noise) to tau = 1 (data)."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torchdiffeq import odeint

from lamslide_md.errors import InputError
from lamslide_md.flow.scheduler import Interpolant

Latents = Float[Tensor, "batch frames tokens channels"]
FlowTimes = Float[Tensor, " batch"]
Predict = Callable[[Latents, FlowTimes], Latents]
Velocity = Callable[[Latents, float], Latents]
SOLVERS = ("euler", "heun", "dopri5", "sde")
DEFAULT_SOLVER, DEFAULT_STEPS = "heun", 5
"""Nine evaluations of the network, nearer to the limit of many than ten steps of `euler` (docs/checks.md)."""

NEAR_END = 1e-3
"""Distance kept from tau = 0 and 1 where converting a prediction divides by alpha or sigma."""

DOPRI5_TOLERANCE = 1e-4


def check_solver(solver: str, n_steps: int) -> None:
    """Refuse an unknown solver or a number of steps below one.

    Parameters
    ----------
    solver
        Name of the solver.
    n_steps
        Steps of the fixed-step solvers.

    Raises
    ------
    InputError
        Naming the value and what is possible.
    """
    if solver not in SOLVERS:
        raise InputError(f"unknown solver {solver!r}; choose one of {', '.join(SOLVERS)}")
    if n_steps < 1:
        raise InputError(f"n_solver_steps is {n_steps}; it must be at least 1")


def euler(velocity: Velocity, state: Latents, n_steps: int) -> Latents:
    """First-order steps of equal length, one evaluation each."""
    for i in range(n_steps):
        state = state + velocity(state, i / n_steps) / n_steps
    return state


def heun(velocity: Velocity, state: Latents, n_steps: int) -> Latents:
    """Second-order steps of equal length by the trapezoidal rule, two evaluations each; the last is one of `euler`.

    A velocity at tau = 1 has the error of a predicted frame divided by a sigma of nearly zero. The order is kept.

    References
    ----------
    Karras et al., arXiv 2206.00364, algorithm 1.
    """
    for i in range(n_steps - 1):
        at_start = velocity(state, i / n_steps)
        at_end = velocity(state + at_start / n_steps, (i + 1) / n_steps)
        state = state + (at_start + at_end) / (2 * n_steps)
    return state + velocity(state, 1 - 1 / n_steps) / n_steps


def dopri5(velocity: Velocity, state: Latents) -> Latents:
    """Adaptive fifth-order Runge-Kutta of torchdiffeq."""
    taus = torch.tensor([0.0, 1.0], device=state.device)
    path = odeint(
        lambda tau, o: velocity(o, float(tau)),
        state,
        taus,
        method="dopri5",
        rtol=DOPRI5_TOLERANCE,
        atol=DOPRI5_TOLERANCE,
    )
    return path[-1]


def solve(
    interpolant: Interpolant, predict: Predict, noise: Callable[[], Latents], solver: str, n_steps: int
) -> Latents:
    """Carry noise to data.

    The SDE is dX = (v - eps) dtau + sqrt(2 sigma) dW with the predicted noise eps: the score of the state is
    -eps / sigma, and dW has the covariance of the prior, so that every marginal is the ODE's.

    Parameters
    ----------
    interpolant
        Meaning of the prediction.
    predict
        Network output for a state and its flow times.
    noise
        Draws from the prior.
    solver
        Name of the solver.
    n_steps
        Steps of the fixed-step solvers; `dopri5` chooses its own.

    Returns
    -------
    Tensor
        Samples at tau = 1.

    References
    ----------
    Ma et al., arXiv 2401.08740, equation 4.
    """
    check_solver(solver, n_steps)
    singular = interpolant.prediction != "velocity"
    low, high = (NEAR_END, 1 - NEAR_END) if singular else (0.0, 1.0)

    def predicted(state: Latents, tau: float) -> tuple[Latents, FlowTimes]:
        taus = torch.full((len(state),), min(max(tau, low), high), device=state.device)
        return predict(state, taus), taus

    def velocity(state: Latents, tau: float) -> Latents:
        prediction, taus = predicted(state, tau)
        return interpolant.to_velocity(prediction, state, taus)

    state = noise()
    if solver == "euler":
        return euler(velocity, state, n_steps)
    if solver == "heun":
        return heun(velocity, state, n_steps)
    if solver == "dopri5":
        return dopri5(velocity, state)
    for i in range(n_steps):
        prediction, taus = predicted(state, i / n_steps)
        drift = interpolant.to_velocity(prediction, state, taus) - interpolant.to_noise(prediction, state, taus)
        kick = math.sqrt(2 * float(interpolant.path.sigma(taus[:1])) / n_steps)
        state = state + drift / n_steps + (kick * noise() if i + 1 < n_steps else 0)
    return state
