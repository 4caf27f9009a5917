"""Attention in blocks: nobody is left out, blocks are compact, and what one block reads is what all would."""

import pytest
import torch
from torch.nn import functional

from lamslide_md.flow.interpolant import interpolant_of
from lamslide_md.flow.prior import WhitePrior
from lamslide_md.flow.solvers import Euler
from lamslide_md.models import neighbourhoods
from lamslide_md.models.flow_network import NetworkSizes
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.models.neighbourhoods import BLOCK, N_GLOBAL, Blocks, Neighbourhoods


def cube(n_tokens: int) -> torch.Tensor:
    return torch.rand(n_tokens, 3, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("n_tokens", [129, 300, 448])
def test_every_token_is_in_a_block_of_the_size_asked_for(n_tokens: int) -> None:
    hoods = Neighbourhoods(n_tokens, 16)
    hoods.fit(cube(n_tokens))
    for level in range(4):
        blocks = hoods.blocks(level)
        assert blocks is not None
        assert blocks.members.shape[1] <= BLOCK
        assert torch.equal(blocks.members.flatten()[blocks.home], torch.arange(n_tokens))


def test_blocks_are_compact_and_cut_otherwise_at_every_level() -> None:
    hoods, places = Neighbourhoods(448, 16), cube(448)
    hoods.fit(places)
    together = []
    for level in range(3):
        members = hoods.blocks(level).members
        of_block = places[members]
        spread = (of_block - of_block.mean(dim=1, keepdim=True)).square().sum(dim=-1).mean().sqrt()
        assert spread < 0.6 * (places - places.mean(dim=0)).square().sum(dim=-1).mean().sqrt()
        same = torch.zeros(448, 448, dtype=torch.bool)
        for block in members:
            same[block[:, None], block] = True
        together.append(same)
    for one, two in ((0, 1), (1, 2)):
        # Of the pairs that share a block at one level, many do not at the next.
        assert (together[one] & together[two]).sum() < 0.7 * together[one].sum()


def test_a_single_block_reads_what_all_would() -> None:
    generator = torch.Generator().manual_seed(1)
    q, k, v = (torch.randn(2, 3, 10 + N_GLOBAL, 4, 8, generator=generator) for _ in range(3))
    order = torch.randperm(10, generator=generator)
    blocks = Blocks(order[None], torch.argsort(order))
    whole = functional.scaled_dot_product_attention(*(t.transpose(2, 3) for t in (q, k, v))).transpose(2, 3)
    torch.testing.assert_close(blocks.attend(q, k, v), whole)


def test_a_token_hears_of_its_block_at_once_and_of_all_others_by_the_global_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbourhoods, "ALL_TO_ALL", 16)
    monkeypatch.setattr(neighbourhoods, "BLOCK", 8)
    torch.manual_seed(0)
    context = torch.tensor([True, False])
    windows = torch.randn(1, 2, 32, 4)
    changed = windows.clone()
    changed[:, 0, 0] += 1
    for depth in (1, 2):
        flow = LatentFlow(
            NetworkSizes(32, 4, 2, 32, depth, 4, tokens="windows"), interpolant_of("gvp", "data"), WhitePrior()
        ).requires_grad_(False)
        flow.neighbourhoods.fit(cube(32))
        for block in flow.over_latents:
            torch.nn.init.normal_(block.modulation.weight, std=0.3)
        torch.nn.init.normal_(flow.out.weight)
        one, two = (flow.sample(w, context, Euler(1), torch.Generator().manual_seed(5)) for w in (windows, changed))
        heard = ((one - two)[0, 1].abs() > 1e-6).any(dim=-1)
        members = flow.neighbourhoods.blocks(0).members
        own = members[(members == 0).any(dim=1)].flatten().unique()
        expected = torch.zeros(32, dtype=torch.bool)
        expected[own] = True
        assert torch.equal(heard, expected if depth == 1 else torch.ones_like(expected))


def test_few_tokens_all_attend_to_all_and_cost_nothing_more() -> None:
    hoods = Neighbourhoods(neighbourhoods.ALL_TO_ALL, 16)
    assert hoods.blocks(0) is None
    assert not hoods.state_dict()
