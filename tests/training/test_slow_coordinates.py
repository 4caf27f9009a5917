import numpy as np
import pytest
import torch

from lamslide_md.training.slow_coordinates import LAG, slow_coordinates

MEMORY = torch.tensor([0.99, 0.5, 0.0])


# In equilibrium, each latent with unit variance and a memory of its own.
def windows(n, seed):
    generator = torch.Generator().manual_seed(seed)
    frames = [torch.randn(n, 3, generator=generator)]
    for _ in range(LAG):
        fresh = torch.randn(n, 3, generator=generator)
        frames.append(MEMORY * frames[-1] + (1 - MEMORY**2).sqrt() * fresh)
    return torch.stack(frames, dim=1)[:, :, None]


def test_an_error_counts_by_what_is_left_of_its_direction_after_the_lag():
    projection = slow_coordinates(windows(20_000, 0), np.zeros(20_000, dtype=int))
    seen = projection.square().sum(dim=1)
    left = MEMORY**LAG
    assert seen.tolist() == pytest.approx((left**2 / left.square().sum()).tolist(), abs=0.02)


def test_systems_are_centred_each_on_its_own_mean():
    latents, owners = windows(20_000, 0), np.repeat([0, 1], 10_000)
    latents[10_000:, :, :, 2] += 10
    projection = slow_coordinates(latents, owners)
    assert projection.square().sum(dim=1)[2] < 0.05


def test_latents_that_never_move_are_no_coordinates():
    latents = windows(20_000, 0)
    latents = torch.cat([latents, latents[..., :1], torch.zeros_like(latents[..., :1])], dim=-1)
    projection = slow_coordinates(latents, np.zeros(20_000, dtype=int))
    assert torch.isfinite(projection).all()
    assert projection[4].abs().max() < 1e-3


def test_windows_of_two_frames_have_one_lag():
    projection = slow_coordinates(windows(20_000, 0)[:, :2], np.zeros(20_000, dtype=int))
    seen = projection.square().sum(dim=1)
    assert seen[0] > seen[1] > seen[2]
