import math
from functools import partial

import numpy as np
import pytest
import torch

from lamslide_md.errors import InputError
from lamslide_md.flow.dynamics import Dynamics
from lamslide_md.flow.interpolant import DataPrediction, NoisePrediction, interpolant_of
from lamslide_md.flow.scheduler import SCHEDULERS
from lamslide_md.flow.solvers import SOLVERS, Euler, Heun, solver_of

MEAN, DEVIATION = 1.5, 0.4
N_SAMPLES = 20_000


def gaussian_prediction(interpolant, mean=MEAN, variance=DEVIATION**2):
    """Posterior means of data and noise for Gaussian data, from which every kind of prediction follows exactly."""

    def predict(state, tau):
        alpha = interpolant.scheduler.alpha(tau)[:, None, None, None]
        sigma = interpolant.scheduler.sigma(tau)[:, None, None, None]
        total = alpha**2 * variance + sigma**2
        data = mean + alpha * variance / total * (state - alpha * mean)
        noise = sigma / total * (state - alpha * mean)
        if isinstance(interpolant, DataPrediction):
            return data
        if isinstance(interpolant, NoisePrediction):
            return noise
        return interpolant.velocity(data, noise, tau)

    return predict


@pytest.mark.parametrize("path", list(SCHEDULERS))
@pytest.mark.parametrize("prediction", ["velocity", "data"])
@pytest.mark.parametrize(
    ("solver", "n_steps"),
    [("euler", 200), ("heun", 40), ("dopri5", 1), ("sde", 200), ("ddim", 200), ("dpm", 40)],
)
def test_a_gaussian_is_sampled_with_its_mean_and_variance(path, prediction, solver, n_steps, generator):
    if path == "vp" and (solver == "dopri5" or prediction == "velocity"):
        pytest.skip("the rate of sigma is unbounded at the end of the diffusion path")
    interpolant = interpolant_of(path, prediction)

    def noise():
        return torch.randn(N_SAMPLES, 1, 1, 1, generator=generator)

    samples = solver_of(solver, n_steps).solve(Dynamics(interpolant, gaussian_prediction(interpolant), noise))
    discretisation = 2.0 / n_steps if solver in ("euler", "sde", "ddim") else 0.01
    assert float(samples.mean()) == pytest.approx(MEAN, abs=4 * DEVIATION / math.sqrt(N_SAMPLES) + discretisation)
    spread = 4 * DEVIATION / math.sqrt(2 * N_SAMPLES)
    assert float(samples.std()) == pytest.approx(DEVIATION, abs=spread + discretisation)


@pytest.mark.parametrize("n_steps", [1, 2, 5, 20])
@pytest.mark.parametrize("solver", ["euler", "heun", "sde", "ddim", "dpm"])
@pytest.mark.parametrize("path", ["linear", "gvp"])
def test_errors_of_a_predicted_frame_are_not_magnified(path, solver, n_steps):
    interpolant = interpolant_of(path, "data")
    exact = gaussian_prediction(interpolant)

    def sampled(error):
        noise, errors = (torch.Generator().manual_seed(seed) for seed in (0, 1))
        draw = partial(torch.randn, 1000, 1, 1, 1)
        dynamics = Dynamics(
            interpolant,
            lambda state, tau: exact(state, tau) + error * draw(generator=errors),
            lambda: draw(generator=noise),
        )
        return solver_of(solver, n_steps).solve(dynamics)

    assert float((sampled(0.01) - sampled(0.0)).std()) < 0.03


@pytest.mark.parametrize(("solver", "order"), [(Euler, 1), (Heun, 2)])
def test_a_fixed_step_solver_has_its_order(solver, order):
    def velocity(state, tau):
        return state * math.cos(5 * tau)

    exact = math.exp(math.sin(5.0) / 5.0)
    counts = np.array([32, 64, 128, 256])
    start = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    errors = [abs(float(solver(int(n)).integrate(velocity, start)) - exact) for n in counts]
    slope = np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert -slope == pytest.approx(order, abs=0.1)


def test_an_unknown_solver_and_no_steps_are_refused():
    with pytest.raises(InputError, match=f"'rk9'.*{next(iter(SOLVERS))}"):
        solver_of("rk9", 10)
    with pytest.raises(InputError, match="n_solver_steps is 0"):
        solver_of("euler", 0)
