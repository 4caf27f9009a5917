import math

import numpy as np
import pytest
import torch

from lamslide_md.flow.interpolant import interpolant_of
from lamslide_md.flow.prior import GaussianPrior, WhitePrior
from lamslide_md.flow.solvers import Euler, solver_of
from lamslide_md.models.flow_network import NetworkSizes
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.sampling.chain_state import ChainState
from tests.models.conftest import propagator_of

N_FRAMES = 5


def make_flow(prior, prediction="velocity"):
    torch.manual_seed(1)
    flow = LatentFlow(NetworkSizes(2, 16, N_FRAMES, 32, 2, 4), interpolant_of("gvp", prediction), prior)
    return flow.eval().requires_grad_(False)


def test_an_untrained_flow_from_a_gaussian_prior_samples_that_gaussian(generator):
    prior = GaussianPrior(N_FRAMES, 32)
    start = torch.randn(20_000, 1, 2, 16, generator=generator)
    windows = start + 0.3 * torch.randn(20_000, N_FRAMES, 2, 16, generator=generator)
    prior.fit(windows, reversible=True)
    flow = make_flow(prior)
    context = torch.arange(N_FRAMES) < 1
    samples = flow.sample(windows, context, Euler(3), generator)
    at_start, at_end = samples[:, 0].flatten(), samples[:, -1].flatten()
    correlation = (at_start * at_end).mean() / (at_start.std() * at_end.std())
    assert float(at_end.var()) == pytest.approx(1.09, abs=0.02)
    assert float(correlation) == pytest.approx(1 / 1.09, abs=0.02)


@pytest.mark.parametrize("prior", [WhitePrior(), GaussianPrior(N_FRAMES, 32)])
@pytest.mark.parametrize("solver", ["euler", "heun", "dopri5", "sde"])
def test_context_frames_are_returned_unchanged(prior, solver, generator):
    windows = torch.randn(3, N_FRAMES, 2, 16, generator=generator)
    context = torch.tensor([True, False, False, True, False])
    samples = make_flow(prior).sample(windows, context, solver_of(solver, 3), generator)
    assert torch.equal(samples[:, context], windows[:, context])
    assert not torch.equal(samples[:, ~context], windows[:, ~context])


def test_all_latents_of_a_frame_may_be_one_token(generator):
    flow = LatentFlow(
        NetworkSizes(2, 16, N_FRAMES, 32, 2, 4, tokens="frames"), interpolant_of("gvp", "data"), WhitePrior()
    )
    torch.nn.init.normal_(flow.out.weight)
    windows = torch.randn(3, N_FRAMES, 2, 16, generator=generator)
    context = torch.arange(N_FRAMES) < 1
    output = flow.training_step(windows, context, torch.full((3,), 0.5), generator)
    assert output.prediction.shape == windows.shape
    assert len(flow.over_latents) == 0
    # One latent of the context frame is seen by both latents of the next.
    changed = windows.clone()
    changed[:, 0, 0] += 1
    one, two = (flow.sample(w, context, Euler(2), torch.Generator().manual_seed(5)) for w in (windows, changed))
    assert ((one - two)[:, 1].abs() > 1e-4).any(dim=-1).all()


def test_what_stands_in_target_frames_is_not_seen(generator):
    flow = make_flow(GaussianPrior(N_FRAMES, 32))
    windows = torch.randn(2, N_FRAMES, 2, 16, generator=generator)
    context = torch.arange(N_FRAMES) < 2
    garbage = torch.where(context[:, None, None], windows, 1e3)
    one = flow.sample(windows, context, Euler(4), torch.Generator().manual_seed(5))
    two = flow.sample(garbage, context, Euler(4), torch.Generator().manual_seed(5))
    assert torch.equal(one, two)


@pytest.mark.parametrize("prediction", ["velocity", "data", "noise"])
@pytest.mark.parametrize("prior", [WhitePrior(), GaussianPrior(N_FRAMES, 32)])
def test_a_perfect_prediction_meets_the_target_and_implies_the_data(prior, prediction, generator):
    flow = make_flow(prior, prediction)
    windows = torch.randn(4, N_FRAMES, 2, 16, generator=generator)
    context, tau = torch.arange(N_FRAMES) < 1, torch.tensor([0.2, 0.4, 0.6, 0.8])
    untrained = flow.training_step(windows, context, tau, torch.Generator().manual_seed(7))
    assert (untrained.prediction - untrained.target).abs().max() > 1
    flow.register_forward_hook(lambda *_: untrained.target)
    perfect = flow.training_step(windows, context, tau, torch.Generator().manual_seed(7))
    assert torch.equal(perfect.prediction, perfect.target)
    torch.testing.assert_close(perfect.data, flow.standardise(windows), atol=1e-5, rtol=1e-5)


def test_context_frames_are_not_asked_for_and_velocities_have_the_scale_of_the_path(generator):
    flow = make_flow(WhitePrior())
    windows = torch.randn(4, N_FRAMES, 2, 16, generator=generator)
    context = torch.arange(N_FRAMES) < 1
    output = flow.training_step(windows, context, torch.full((4,), 0.5), generator)
    assert output.prediction[:, 0].abs().max() == 0
    assert output.target[:, 0].abs().max() == 0
    torch.testing.assert_close(output.data[:, 0], flow.standardise(windows)[:, 0])
    assert float(output.target[:, 1:].var()) == pytest.approx(2 * (math.pi / 2) ** 2 / 2, rel=0.2)


def test_noise_on_context_frames_is_seen_but_not_asked_for(generator):
    flow, conditioning = make_flow(WhitePrior(), "data"), []
    flow.register_forward_pre_hook(lambda _, given: conditioning.append(given[2]))
    windows = torch.randn(500, N_FRAMES, 2, 16, generator=generator)
    context, tau = torch.arange(N_FRAMES) < 1, torch.full((500,), 0.5)
    exact = flow.training_step(windows, context, tau, torch.Generator().manual_seed(0))
    noisy = flow.training_step(windows, context, tau, torch.Generator().manual_seed(0), known_noise=0.1)
    assert float((conditioning[1] - conditioning[0])[:, 0].std()) == pytest.approx(0.1, rel=0.05)
    torch.testing.assert_close(noisy.data[:, 0], exact.data[:, 0])
    torch.testing.assert_close(noisy.target, exact.target)


def test_bfloat16_rounds_what_the_network_says_and_nothing_else(generator):
    flow = make_flow(GaussianPrior(N_FRAMES, 32), "data").requires_grad_(True)
    torch.nn.init.normal_(flow.out.weight)
    windows = torch.randn(8, N_FRAMES, 2, 16, generator=generator)
    context, tau = torch.arange(N_FRAMES) < 1, torch.full((8,), 0.5)
    exact, rounded = (
        flow.training_step(windows, context, tau, torch.Generator().manual_seed(0), bfloat16=bfloat16)
        for bfloat16 in (False, True)
    )
    assert torch.equal(rounded.target, exact.target)
    assert rounded.prediction.dtype == torch.float32
    said, heard = rounded.prediction.detach(), exact.prediction.detach()
    off = float((said - heard).norm() / heard.norm())
    assert 1e-4 < off < 2e-2
    rounded.prediction.square().mean().backward()
    assert {parameter.grad.dtype for parameter in flow.parameters() if parameter.grad is not None} == {torch.float32}


def test_a_chain_continues_from_its_last_frame_as_if_it_had_not_stopped(autoencoder, generator):
    propagator = propagator_of(autoencoder, make_flow(GaussianPrior(N_FRAMES, 32)))
    start = torch.randn(2, 1, 5, 3, generator=generator).numpy()
    first, state = propagator.step(ChainState(start, seed=7))
    second, _ = propagator.step(state)
    later, _ = propagator.step(ChainState(first[:, -1:], window=1, seed=7))
    np.testing.assert_array_equal(later, second)
    assert first.shape[1] == N_FRAMES - 1


def test_a_latent_in_all_frames_of_a_window_may_be_one_token():
    flow = LatentFlow(
        NetworkSizes(3, 16, N_FRAMES, 32, 2, 4, tokens="windows"), interpolant_of("gvp", "data"), WhitePrior()
    )
    assert not len(flow.over_frames)
    torch.nn.init.normal_(flow.out.weight)
    for block in flow.over_latents:
        torch.nn.init.normal_(block.modulation.weight, std=0.1)
    whole = torch.randn(4, N_FRAMES, 3, 16)
    tau = torch.rand(4)
    for n_frames in (2, N_FRAMES):
        context = torch.arange(n_frames) < 1
        answer = flow(whole[:, :n_frames], tau, whole[:, :n_frames], context)
        assert answer.shape == (4, n_frames, 3, 16)
    # A frame of the context changes the answer for the last one, and so does which frames are context.
    other = whole.clone()
    other[:, 0] += 1
    one_context = torch.arange(N_FRAMES) < 1
    before = flow(whole, tau, whole, one_context)[:, -1]
    assert (flow(whole, tau, other, one_context)[:, -1] - before).abs().max() > 1e-3
    assert (flow(whole, tau, whole, torch.arange(N_FRAMES) < 2)[:, -1] - before).abs().max() > 1e-3


@pytest.mark.parametrize("prediction", ["data", "velocity"])
def test_a_whitened_network_writes_in_units_of_the_noise(prediction, generator):
    prior = GaussianPrior(N_FRAMES, 32)
    scale = torch.tensor([1.0, 1e-2]).repeat(16).view(2, 16)
    windows = scale * torch.randn(500, N_FRAMES, 2, 16, generator=generator)
    prior.fit(windows, reversible=True)
    flow = LatentFlow(NetworkSizes(2, 16, N_FRAMES, 32, 2, 4, whitened=True), interpolant_of("gvp", prediction), prior)
    torch.nn.init.normal_(flow.out.weight, std=0.1)
    context = torch.arange(N_FRAMES) < 1
    with torch.no_grad():
        output = flow.training_step(windows, context, torch.full((500,), 0.5), generator)
    said = output.prediction[:, 1:].square().mean(dim=(0, 1))
    assert float(said[:, 1::2].mean() / said[:, ::2].mean()) == pytest.approx(1e-4, rel=0.5)


def test_codes_let_tokens_be_treated_each_in_its_own_way():
    torch.manual_seed(2)
    flow = LatentFlow(
        NetworkSizes(3, 16, N_FRAMES, 32, 2, 4, tokens="windows", code_width=8),
        interpolant_of("gvp", "data"),
        WhitePrior(),
    )
    torch.nn.init.normal_(flow.out.weight)
    for block in flow.over_latents:
        torch.nn.init.normal_(block.modulation.weight, std=0.1)
    flow.latent_places.data.zero_()
    one = torch.randn(4, N_FRAMES, 1, 16).expand(-1, -1, 3, -1)
    context, tau = torch.arange(N_FRAMES) < 1, torch.rand(4)
    alike = flow(one, tau, one, context)
    assert torch.allclose(alike[:, :, 0], alike[:, :, 1], atol=1e-5)
    for block in flow.over_latents:
        torch.nn.init.normal_(block.of_code.weight, std=0.1)
    told_apart = flow(one, tau, one, context)
    assert not torch.allclose(told_apart[:, :, 0], told_apart[:, :, 1], atol=1e-2)
