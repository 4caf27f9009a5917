import pytest
import torch

from lamslide_md.flow.interpolant import interpolant_of
from lamslide_md.flow.scheduler import SCHEDULERS

TAUS = torch.linspace(0.05, 0.95, 7, dtype=torch.float64)


@pytest.mark.parametrize("name", ["linear", "gvp"])
def test_a_path_begins_in_noise_and_ends_in_data(name):
    path, ends = SCHEDULERS[name](), torch.tensor([0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(path.alpha(ends), torch.tensor([0.0, 1.0], dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(path.sigma(ends), torch.tensor([1.0, 0.0], dtype=torch.float64), atol=1e-12, rtol=0)


def test_the_diffusion_path_ends_in_data_and_begins_with_less_than_a_hundredth_of_it():
    path = SCHEDULERS["vp"]()
    start, end = torch.tensor([0.0], dtype=torch.float64), torch.tensor([1.0], dtype=torch.float64)
    assert 0 < float(path.alpha(start)) < 0.01
    assert float(path.alpha(end)) == 1
    assert float(path.sigma(end)) == 0


@pytest.mark.parametrize("name", list(SCHEDULERS))
def test_rates_are_the_derivatives_of_the_path(name):
    path = SCHEDULERS[name]()
    taus = TAUS.clone().requires_grad_(True)
    for coefficient, rate in ((path.alpha, path.alpha_rate), (path.sigma, path.sigma_rate)):
        (derivative,) = torch.autograd.grad(coefficient(taus).sum(), taus)
        torch.testing.assert_close(rate(TAUS), derivative, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("name", ["gvp", "vp"])
def test_variance_is_preserved(name):
    path = SCHEDULERS[name]()
    torch.testing.assert_close(path.alpha(TAUS) ** 2 + path.sigma(TAUS) ** 2, torch.ones_like(TAUS))


@pytest.mark.parametrize("name", list(SCHEDULERS))
@pytest.mark.parametrize("prediction", ["velocity", "data", "noise"])
def test_a_perfect_prediction_converts_to_the_true_velocity_data_and_noise(name, prediction, generator):
    interpolant = interpolant_of(name, prediction)
    data = torch.randn(7, 3, 2, 4, dtype=torch.float64, generator=generator)
    noise = torch.randn(7, 3, 2, 4, dtype=torch.float64, generator=generator)
    state = interpolant.state(data, noise, TAUS)
    perfect = interpolant.target(data, noise, TAUS)
    torch.testing.assert_close(interpolant.to_velocity(perfect, state, TAUS), interpolant.velocity(data, noise, TAUS))
    torch.testing.assert_close(interpolant.to_data(perfect, state, TAUS), data)
    torch.testing.assert_close(interpolant.to_noise(perfect, state, TAUS), noise)
