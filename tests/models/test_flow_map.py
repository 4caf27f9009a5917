"""The map of a flow leads to the end of its path in one evaluation."""

import pytest
import torch

from lamslide_md.errors import InputError
from lamslide_md.flow.data_solvers import MapSolver
from lamslide_md.flow.interpolant import interpolant_of
from lamslide_md.flow.prior import WhitePrior
from lamslide_md.flow.solvers import Heun
from lamslide_md.models.flow_map import FlowMap
from lamslide_md.models.flow_network import NetworkSizes
from lamslide_md.models.latent_flow import LatentFlow

SIZES = NetworkSizes(2, 16, 3, 32, 2, 4)
CONTEXT = torch.arange(3) < 1


def make_flow(prediction="data"):
    torch.manual_seed(2)
    flow = LatentFlow(SIZES, interpolant_of("gvp", prediction), WhitePrior())
    torch.nn.init.normal_(flow.out.weight, std=0.1)
    return flow.eval().requires_grad_(False)


def sample(flow, solver, windows):
    return flow.sample(windows, CONTEXT, solver, torch.Generator().manual_seed(5))


def test_without_a_map_it_is_refused_by_name(generator):
    with pytest.raises(InputError, match="has no map; choose another solver, such as heun"):
        sample(make_flow(), MapSolver(1), torch.randn(3, 3, 2, 16, generator=generator))


def test_frames_are_those_of_the_map_and_of_its_number_of_evaluations(generator):
    windows, flow = torch.randn(3, 3, 2, 16, generator=generator), make_flow()
    before = sample(flow, Heun(2), windows)
    flow.map = FlowMap(SIZES).eval()
    torch.nn.init.normal_(flow.map.out.weight, std=0.1)
    asked = []
    flow.map.embed_tau.register_forward_hook(lambda _, inputs, __: asked.append(float(inputs[0][0])))
    once = sample(flow, MapSolver(1), windows)
    assert asked == pytest.approx([0.001])
    twice = sample(flow, MapSolver(), windows)
    assert asked == pytest.approx([0.001, 0.001, 0.5])
    assert torch.equal(sample(flow, Heun(2), windows), before)
    assert torch.equal(once[:, 0], windows[:, 0])
    assert not torch.allclose(once, before, atol=1e-2)
    assert not torch.allclose(once, twice, atol=1e-4)


@pytest.mark.parametrize("prediction", ["data", "velocity"])
def test_a_map_with_the_answers_of_a_straight_path_ends_where_it_does(generator, prediction):
    windows, flow = torch.randn(4, 3, 2, 16, generator=generator), make_flow(prediction)
    flow.map = FlowMap(SIZES).eval().requires_grad_(False)
    # A network that answers with the same data wherever it is asked has a path whose end is known.
    flow.map.out.bias.fill_(0.3)
    expected = 0.3 if prediction == "data" else 0.3 / (torch.pi / 2)
    for n_steps in (1, 2):
        made = flow.standardise(sample(flow, MapSolver(n_steps), windows))[:, 1:]
        if prediction == "data" or n_steps == 1:
            assert made.mean() == pytest.approx(expected, abs=1e-3)
            assert made.std() < 1e-3


def test_the_prior_is_kept_once(generator):
    flow = make_flow()
    flow.map = FlowMap(SIZES)
    assert not [name for name in flow.state_dict() if name.startswith("map.prior")]
    assert "map.error" in flow.state_dict()
    assert not flow.map.is_trusted
    flow.map.error.fill_(0.05)
    assert flow.map.is_trusted
