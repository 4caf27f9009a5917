"""Residues beside a reference: nothing is lost, and an error stays where it is made, however long the chain."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lamslide_md.data.batch import Batch, pad
from lamslide_md.frames.residue_poses import ResiduePoses
from lamslide_md.systems.core import with_core
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.system import System
from lamslide_md.training.windows import random_rotations

N_SLOTS = 6


def chain(n_residues: int, seed: int = 0) -> Batch:
    """Three frames of a chain beside its reference; the last residue has but two atoms."""
    generator = torch.Generator().manual_seed(seed)
    steps = torch.nn.functional.normalize(torch.randn(n_residues, 3, generator=generator), dim=-1)
    alpha = 0.38 * steps.cumsum(dim=0)
    reference = alpha[:, None] + 0.15 * torch.randn(n_residues, N_SLOTS, 3, generator=generator)
    moved = reference + 0.03 * torch.randn(3, n_residues, N_SLOTS, 3, generator=generator)
    batch = Batch.of_positions(moved[None])
    batch.slot_mask[:, -1, 2:] = False
    return replace(batch, reference=reference[None]).with_positions(batch.positions)


@pytest.mark.parametrize("n_residues", [4, 400])
def test_the_way_back_leads_to_where_the_atoms_were(n_residues: int) -> None:
    batch = chain(n_residues)
    fitted = ResiduePoses().fit(batch)
    back = batch.with_positions(fitted.inverse(fitted.transform(batch).positions))
    assert torch.allclose(back.positions, batch.positions, atol=1e-5)


def test_an_error_in_one_residue_moves_no_other() -> None:
    batch = chain(400)
    fitted = ResiduePoses().fit(batch)
    seen = fitted.transform(batch).positions.clone()
    seen[:, :, 200] += 0.01
    moved = (fitted.inverse(seen) - fitted.inverse(fitted.transform(batch).positions)).norm(dim=-1).amax(dim=(0, 1, 3))
    assert moved[200] > 0.01
    assert float(torch.cat([moved[:200], moved[201:]]).max()) < 1e-6


def test_a_side_chain_is_seen_alike_wherever_its_backbone_goes() -> None:
    batch = chain(5)
    turn = random_rotations(1, 3, torch.Generator().manual_seed(1))[0]
    positions = batch.positions.clone()
    positions[:, :, 2] = positions[:, :, 2] @ turn + 0.3
    fitted = ResiduePoses().fit(batch)
    here, there = (fitted.transform(batch.with_positions(p)).positions for p in (batch.positions, positions))
    assert torch.allclose(here[:, :, 2, 3:], there[:, :, 2, 3:], atol=1e-5)
    assert (here[:, :, 2, :3] - there[:, :, 2, :3]).abs().max() > 0.05


def test_the_reference_itself_has_its_backbones_at_rest() -> None:
    batch = chain(6)
    at_rest = replace(batch, positions=batch.reference[:, None] * batch.slot_mask[:, None, :, :, None])
    middle = ResiduePoses().fit(at_rest).transform(at_rest).positions[:, :, :-1, 1]
    assert middle.abs().max() < 1e-6


def test_chains_of_different_length_share_a_batch() -> None:
    short, long = chain(4), chain(9, seed=1)
    both = pad([short, long])
    fitted = ResiduePoses().fit(both)
    seen = fitted.transform(both)
    assert torch.allclose(seen.positions[:1, :, :4], ResiduePoses().fit(short).transform(short).positions, atol=1e-6)
    assert torch.isfinite(seen.positions).all()
    back = both.with_positions(fitted.inverse(seen.positions))
    assert torch.allclose(back.positions, both.positions, atol=1e-5)


def test_gradients_are_finite_where_a_decoder_begins() -> None:
    batch = chain(4)
    fitted = ResiduePoses().fit(batch)
    decoded = torch.zeros_like(batch.positions, requires_grad=True)
    fitted.inverse(decoded).square().sum().backward()
    assert isinstance(decoded.grad, Tensor)
    assert torch.isfinite(decoded.grad).all()


def test_the_core_leaves_out_a_mobile_tail() -> None:
    rng = np.random.default_rng(0)
    body = rng.normal(size=(30, 3))
    frames = body + 0.01 * rng.normal(size=(200, 30, 3))
    frames[:, 24:] += rng.normal(size=(200, 1, 3))
    system = System(Entities.points(["bead"] * 30, dim=3), frames[0].astype(np.float32))
    own = with_core(system, frames.astype(np.float32))
    assert own.fit is not None
    assert set(own.fit.tolist()).isdisjoint(range(24, 30))
    assert len(own.fit) >= 10
