"""Windows placed as a whole: their motion is seen, their place (and, aligned, their orientation) is not."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lamslide_md.flow.interpolant import interpolant_of
from lamslide_md.flow.prior import GaussianPrior
from lamslide_md.frames import from_settings
from lamslide_md.frames.base import Unchanged
from lamslide_md.frames.windowed import Aligned, Anchored, anchor_of
from lamslide_md.models.flow_network import NetworkSizes
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.sampling.chain_state import ChainState
from lamslide_md.training.windows import random_rotations
from tests.models.conftest import make_batch, propagator_of

N_FRAMES, N_KNOWN = 6, 2
CONTEXT = torch.arange(N_FRAMES) < N_KNOWN


@pytest.fixture(params=["anchored", "aligned"])
def propagator(autoencoder, request):
    torch.manual_seed(1)
    prior = GaussianPrior(N_FRAMES, 32, stationary=False)
    flow = LatentFlow(NetworkSizes(2, 16, N_FRAMES, 32, 1, 4), interpolant_of("gvp", "velocity"), prior)
    return propagator_of(autoencoder, flow.eval().requires_grad_(False), request.param)


def test_the_centre_of_the_anchor_frame_becomes_the_origin_and_differences_stay(generator):
    batch = make_batch(4, 5, generator, n_frames=N_KNOWN)
    moved = Anchored().apply(batch, CONTEXT)
    assert moved.positions[:, 1].mean(dim=(1, 2)).abs().max() < 1e-5
    torch.testing.assert_close(moved.positions.diff(dim=1), batch.positions.diff(dim=1))


@pytest.mark.parametrize("placement", ["centred", "anchored", "aligned"])
@pytest.mark.parametrize("dim", [2, 3])
def test_leaving_a_frame_of_reference_undoes_entering_it(generator, placement, dim):
    batch = make_batch(4, 5, generator, n_frames=N_FRAMES, dim=dim)
    transform = from_settings(placement).windows
    fitted = transform.fit(batch, CONTEXT, generator)
    if isinstance(transform, Aligned):
        torch.testing.assert_close(torch.linalg.det(fitted.turn), torch.ones(4, 1))
    else:
        assert isinstance(transform, Unchanged) or fitted.turn is None
    torch.testing.assert_close(fitted.inverse(fitted.transform(batch).positions), batch.positions, atol=1e-5, rtol=0)


def test_windows_that_differ_by_a_rotation_look_alike_up_to_the_sense_of_the_axes(generator):
    batch = make_batch(4, 5, generator, n_frames=N_FRAMES)
    turned = batch.with_positions(
        torch.einsum("bfesi,bij->bfesj", batch.positions, random_rotations(4, 3, generator)) + 3.0
    )
    one, two = (Aligned().apply(b, CONTEXT).positions for b in (batch, turned))
    torch.testing.assert_close(one.abs(), two.abs(), atol=1e-4, rtol=0)


def test_target_frames_and_padding_do_not_change_where_windows_stand(generator):
    batch = make_batch(4, 5, generator, n_frames=N_FRAMES)
    mask = batch.slot_mask.clone()
    mask[:, 4:] = False
    batch = replace(batch, slot_mask=mask)
    other = batch.positions.clone()
    other[:, N_KNOWN:] = 7.0
    other[:, :, 4:] = 9.0
    one, two = (Aligned().fit(b, CONTEXT) for b in (batch, replace(batch, positions=other)))
    torch.testing.assert_close(one.turn, two.turn)
    torch.testing.assert_close(one.origin, two.origin)


@pytest.mark.parametrize(
    ("context", "anchor"),
    [([1, 1, 1, 0, 0], 2), ([1, 1, 0, 0, 1], 1), ([1, 0, 1, 0, 1], 0), ([1, 0, 0, 0, 0], 0)],
)
def test_the_anchor_is_the_last_context_frame_before_the_first_target_frame(context, anchor):
    assert anchor_of(torch.tensor(context, dtype=torch.bool)) == anchor


def test_a_forecast_moves_with_its_history(propagator, generator):
    """Over two windows, each placed by its own anchor; rounding grows with the distance from the origin."""
    start = torch.randn(3, N_KNOWN, 5, 3, generator=generator).numpy()
    shift = np.float32([4.0, -2.0, 8.0])
    here, there = ChainState(start, seed=2), ChainState(start + shift, seed=2)
    for _ in range(2):
        frames, here = propagator.step(here)
        moved, there = propagator.step(there)
        np.testing.assert_allclose(moved, frames + shift, atol=1e-3, rtol=0)


def test_the_prior_of_anchored_windows_is_the_gaussian_of_their_frames(generator):
    """Random walks from the anchor: the variance of the k-th step after the last context frame is k."""
    n = 40_000
    steps = torch.randn(n, N_FRAMES, 1, 1, generator=generator)
    windows = steps.cumsum(dim=1)
    windows = windows - windows[:, N_KNOWN - 1 : N_KNOWN]
    prior = GaussianPrior(N_FRAMES, 1, stationary=False)
    prior.fit(windows, reversible=False)
    context = torch.arange(N_FRAMES) < N_KNOWN
    noise = prior.sample_noise(torch.zeros(n, N_FRAMES, 1, 1), context, generator)[:, :, 0, 0]
    ahead = torch.arange(1.0, N_FRAMES - N_KNOWN + 1)
    torch.testing.assert_close(noise[:, N_KNOWN:].var(dim=0), ahead, atol=0, rtol=8 * (2 / n) ** 0.5)
    mean = prior.mean(windows[:5], context)
    assert mean[:, N_KNOWN:].abs().max() < 0.1
    assert torch.equal(mean[:, context], windows[:5, context])
