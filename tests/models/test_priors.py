import math

import pytest
import torch

from lamslide_md.flow.prior import GaussianPrior, WhitePrior

N_FRAMES, MEMORY = 6, 0.8


@pytest.fixture
def autoregressive(generator):
    """Windows of two independent AR(1) processes of unit variance, lag-one correlation 0.8 and 0.2, mean 3."""
    n = 40_000
    rates = torch.tensor([MEMORY, 0.2])
    x = torch.randn(n, 2, generator=generator)
    frames = [x]
    for _ in range(N_FRAMES - 1):
        x = rates * x + torch.sqrt(1 - rates**2) * torch.randn(n, 2, generator=generator)
        frames.append(x)
    return 3 + torch.stack(frames, dim=1)[:, :, None, :]


def test_the_conditional_mean_of_a_markov_process_decays_from_the_context_frame(autoregressive):
    prior = GaussianPrior(N_FRAMES, 2)
    prior.fit(autoregressive, reversible=True)
    context = torch.arange(N_FRAMES) < 1
    window = torch.full((1, N_FRAMES, 1, 2), 4.0)
    mean = prior.mean(window, context)[0, :, 0, 0]
    expected = 3 + MEMORY ** torch.arange(N_FRAMES)
    torch.testing.assert_close(mean, expected, atol=4 / math.sqrt(40_000) * 2, rtol=0)


def test_noise_has_the_conditional_variance_and_none_on_context_frames(autoregressive, generator):
    prior = GaussianPrior(N_FRAMES, 2)
    prior.fit(autoregressive, reversible=True)
    context = torch.arange(N_FRAMES) < 1
    n = 40_000
    noise = prior.sample_noise(torch.zeros(n, N_FRAMES, 1, 2), context, generator)
    expected = 1 - MEMORY ** (2 * torch.arange(N_FRAMES))
    torch.testing.assert_close(noise[:, :, 0, 0].var(dim=0), expected, atol=8 * math.sqrt(2 / n), rtol=0)
    assert noise[:, 0].abs().max() == 0


def test_between_two_context_frames_the_mean_is_the_bridge_of_the_process(autoregressive):
    prior = GaussianPrior(N_FRAMES, 2)
    prior.fit(autoregressive, reversible=True)
    context = torch.tensor([True] + [False] * (N_FRAMES - 2) + [True])
    window = torch.full((1, N_FRAMES, 1, 2), 4.0)
    mean = prior.mean(window, context)[0, :, 0, 0] - 3
    torch.testing.assert_close(mean, mean.flip(0), atol=0.02, rtol=0)
    steps = torch.arange(N_FRAMES)
    bridge = (MEMORY**steps + MEMORY ** (N_FRAMES - 1 - steps)) / (1 + MEMORY ** (N_FRAMES - 1))
    torch.testing.assert_close(mean, bridge, atol=0.03, rtol=0)


def test_the_white_prior_conditions_target_frames_on_the_mean_of_the_context():
    latents = torch.arange(4.0)[None, :, None, None].expand(1, 4, 2, 3)
    context = torch.tensor([True, False, True, False])
    conditioning = WhitePrior().condition(latents, context)
    assert conditioning[0, :, 0, 0].tolist() == [0.0, 1.0, 2.0, 1.0]
