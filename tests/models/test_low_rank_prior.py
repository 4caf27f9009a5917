"""The prior of many latents: right in what moves together, linear in the rest, and never drifting."""

import numpy as np
import pytest
import torch
from torch import Tensor

from lamslide_md.flow import low_rank_prior
from lamslide_md.flow.linked_tokens import SEGMENT, LinkedTokens
from lamslide_md.flow.low_rank_prior import LowRankPrior, leading_components
from lamslide_md.flow.prior import GaussianPrior
from lamslide_md.training.slow_coordinates import slow_coordinates

N_FRAMES = 4


def windows(n: int, n_tokens: int, n_channels: int, seed: int = 0) -> Tensor:
    """Windows of tokens that share one slow coordinate, beside fast motion of their own."""
    generator = torch.Generator().manual_seed(seed)

    def walk(rate: float, *shape: int) -> Tensor:
        frames = [torch.randn(n, *shape, generator=generator)]
        for _ in range(N_FRAMES - 1):
            step = torch.randn(n, *shape, generator=generator)
            frames.append(rate * frames[-1] + (1 - rate**2) ** 0.5 * step)
        return torch.stack(frames, dim=1)

    shared = torch.randn(n_tokens, n_channels, generator=generator)
    return walk(0.9, 1, 1) * shared + 0.3 * walk(0.3, n_tokens, n_channels) + 0.5


def test_with_all_components_it_is_the_dense_prior() -> None:
    data = windows(2000, 3, 4)
    dense, low_rank = GaussianPrior(N_FRAMES, 12), LowRankPrior(N_FRAMES, 3, 4)
    dense.fit(data, reversible=True)
    low_rank.fit(data, reversible=True)
    context = torch.tensor([True, False, False, True])
    some = data[:50]
    assert torch.allclose(low_rank.mean(some, context), dense.mean(some, context), atol=5e-3)  # half precision
    noises = [p.sample_noise(data, context, torch.Generator().manual_seed(1)) for p in (dense, low_rank)]
    spread = [noise[:, 1:3].flatten(2).flatten(0, 1).T.cov() for noise in noises]
    assert torch.allclose(*spread, atol=0.1)


def test_whitened_residuals_are_white_and_come_back() -> None:
    data = windows(4000, 3, 4)
    context = torch.tensor([True, False, False, True])
    dense = GaussianPrior(N_FRAMES, 12)
    dense.fit(data, reversible=True)
    residual = (data - dense.mean(data, context)) * ~context[:, None, None]
    white = dense.whiten(residual, context)
    assert not white[:, context].any()
    covariance = white[:, ~context].flatten(1).T.cov()
    assert (covariance - torch.eye(len(covariance))).abs().max() < 0.12
    assert torch.allclose(dense.colour(white, context), residual, atol=1e-5)


def test_small_motion_is_as_large_as_any_other_in_units_of_linked_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(low_rank_prior, "RANK", 2)
    data = windows(3000, 40, 4)
    data[..., 3] = data[:, :, :1, 3] + 0.02 * data[..., 3].sign().cumsum(dim=2)  # bonds along the tokens
    prior = LowRankPrior(N_FRAMES, 40, 4, linked=True)
    torch.manual_seed(0)
    prior.fit(data, reversible=True)
    context = torch.tensor([True, False])
    residual = (data[:, :2] - prior.mean(data[:, :2], context)) * ~context[:, None, None]
    white = prior.whiten(residual, context)
    share = white[:, 1].square().mean(dim=(0, 1))
    assert (residual[:, 1, 1:, 3] - residual[:, 1, :-1, 3]).square().mean() < 1e-2 * residual[:, 1].square().mean()
    assert torch.allclose(share[:3], torch.ones(3), atol=0.1)
    assert 0.3 < share[3] < 1.1  # in part below the floor of all variances
    back = prior.colour(white, context)
    assert (back - residual).square().mean() < 1e-6 * residual.square().mean()
    assert not white[:, 0].any()


@pytest.mark.parametrize("n_tokens", [1, 63, 64, 65, 200])
def test_segments_of_linked_tokens_are_coloured_side_by_side(n_tokens: int) -> None:
    generator = torch.Generator().manual_seed(0)
    walk = torch.randn(2000, n_tokens, 3, generator=generator).cumsum(dim=1)
    tokens = LinkedTokens(n_tokens, 3)
    tokens.fit(walk, 1e-4)
    white = tokens.whiten(walk[:, None])
    assert float(white.square().mean()) == pytest.approx(1.0, abs=0.01)
    assert torch.allclose(tokens.colour(white)[:, 0], walk, atol=1e-3)
    # What a step adds is all that is left, but for the first token of a segment.
    assert (
        float(tokens.root[SEGMENT - 1 :: SEGMENT].diagonal(dim1=-2, dim2=-1).mean()) == pytest.approx(1.0, abs=0.1)
        or n_tokens < SEGMENT
    )


def test_variances_and_memory_of_a_large_system_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(low_rank_prior, "RANK", 2)
    data = windows(3000, 40, 4)
    prior = LowRankPrior(N_FRAMES, 40, 4)
    torch.manual_seed(0)
    prior.fit(data, reversible=True)
    context = torch.tensor([True, False])
    here = data[:, :1].expand(-1, 2, -1, -1)
    later = prior.mean(here, context) + prior.sample_noise(here, context, torch.Generator().manual_seed(2))
    wanted, made = (x.flatten(2) - data.mean(dim=(0, 1)).flatten() for x in (data, later))
    assert torch.allclose(made[:, 1].var(dim=0), wanted.flatten(0, 1).var(dim=0), rtol=0.15)
    remembered = [(x[:, 0] * x[:, 1]).mean(dim=0) for x in (wanted, made)]
    assert torch.allclose(remembered[0].sum(), remembered[1].sum(), rtol=0.1)


def test_outside_of_the_leading_components_no_variance_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(low_rank_prior, "RANK", 12)
    data = windows(4000, 10, 4)
    prior = LowRankPrior(N_FRAMES, 10, 4)
    torch.manual_seed(0)
    prior.fit(data, reversible=True)
    context = torch.tensor([True, False, False, False])
    noise = prior.sample_noise(data, context, torch.Generator().manual_seed(2))
    made = prior.mean(data, context) + noise
    rests = [
        (x - x @ prior.basis @ prior.basis.T)
        for x in (made[:, 1:].flatten(2) - prior.centre, data.flatten(2) - prior.centre)
    ]
    assert torch.allclose(rests[0].var(dim=(0, 1)).sum(), rests[1].var(dim=(0, 1)).sum(), rtol=0.03)


def test_a_chain_of_ten_thousand_steps_does_not_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(low_rank_prior, "RANK", 3)
    data = windows(1000, 20, 4)
    prior = LowRankPrior(N_FRAMES, 20, 4)
    prior.fit(data, reversible=True)
    context, generator = torch.tensor([True, False]), torch.Generator().manual_seed(3)
    frame, frames = data[:1, :1], []
    for _ in range(10_000):
        pair = torch.cat([frame, frame], dim=1)
        frame = (prior.mean(pair, context) + prior.sample_noise(pair, context, generator))[:, 1:]
        frames.append(frame)
    late = torch.cat(frames[5000:], dim=1)
    assert torch.allclose(late.var(dim=1).sum(), data.flatten(0, 1).var(dim=0).sum(), rtol=0.2)


def test_context_frames_are_left_as_they_are_and_get_no_noise() -> None:
    data = windows(300, 5, 4)
    prior = LowRankPrior(N_FRAMES, 5, 4)
    prior.fit(data, reversible=True)
    context = torch.tensor([True, False, False, False])
    assert torch.equal(prior.mean(data, context)[:, 0], data[:, 0])
    noise = prior.sample_noise(data, context, None)
    assert torch.equal(noise[:, 0], torch.zeros_like(noise[:, 0]))
    assert noise[:, 1:].std() > 0.05


def test_few_samples_still_give_orthonormal_directions() -> None:
    found = leading_components(torch.randn(5, 40), 12)
    assert torch.allclose(found.T @ found, torch.eye(12), atol=1e-4)


def test_four_hundred_residues_take_little_memory() -> None:
    prior = LowRankPrior(16, 400, 16)
    n_bytes = sum(buffer.numel() * buffer.element_size() for buffer in prior.buffers())
    assert n_bytes < 400 * 12_000 + 2_000_000


def test_the_slow_coordinate_of_many_latents_is_the_shared_one() -> None:
    data = windows(1500, 200, 4)
    torch.manual_seed(0)
    slow = slow_coordinates(data - data.mean(dim=(0, 1)), np.zeros(len(data), dtype=int))
    # The first numbers that `windows` draws are the shared direction.
    shared = torch.randn(200, 4, generator=torch.Generator().manual_seed(0)).flatten()
    assert slow.shape[0] == 800
    projected = (data - data.mean(dim=(0, 1))).flatten(2) @ slow
    assert torch.allclose(projected.square().sum(dim=-1).mean(), data.var(dim=(0, 1)).mean(), rtol=0.05)
    made, wanted = ((data.flatten(2) @ direction).flatten() for direction in (slow[:, 0], shared))
    assert torch.corrcoef(torch.stack([made, wanted]))[0, 1].abs() > 0.95
