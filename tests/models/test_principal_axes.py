"""The first stage in closed form: what its components leave out is as small as it can be."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.models.principal_axes import PrincipalAxes
from tests.models.conftest import make_batch

N_ENTITIES, N_SLOTS = 5, 4


def moving(n_frames: int, n_directions: int, seed: int = 0) -> Batch:
    """Entities that each move along a few directions of their own, about a place of their own."""
    generator = torch.Generator().manual_seed(seed)
    ways = torch.randn(N_ENTITIES, n_directions, N_SLOTS * 3, generator=torch.Generator().manual_seed(9))
    sizes = torch.randn(n_frames, N_ENTITIES, n_directions, generator=generator)
    positions = torch.einsum("fek,ekc->fec", sizes, ways) + ways[:, 0] + 1
    batch = Batch.of_positions(positions.unflatten(-1, (N_SLOTS, 3))[:, None])
    return replace(batch, kinds=torch.tensor([0, 1, 2, 0, 1]).view(1, -1, 1).expand(n_frames, -1, -1))


def fitted(batch: Batch, n_channels: int, n_latents: int = N_ENTITIES) -> PrincipalAxes:
    stage = PrincipalAxes((3,), N_ENTITIES, N_SLOTS, 3, n_latents, n_channels)
    parts = (t.split(100) for t in (batch.positions, batch.slot_mask, batch.kinds, batch.identifiers))
    stage.fit([Batch(*part) for part in zip(*parts, strict=True)])
    return stage


def error(stage: PrincipalAxes, batch: Batch) -> Tensor:
    return (stage.decode(stage.encode(batch), batch).positions - batch.positions).square().mean()


def test_frames_of_as_many_directions_as_components_come_back() -> None:
    batch = moving(500, 3)
    stage = fitted(batch, n_channels=3)
    assert stage.encode(batch).shape == (500, 1, N_ENTITIES, 3)
    assert error(stage, moving(50, 3, seed=1)) < 1e-4
    assert not list(stage.parameters())


def test_kinds_that_never_change_come_back_without_a_component() -> None:
    batch = moving(500, 3)
    stage = fitted(batch, n_channels=3)
    decoded = stage.decode(stage.encode(batch), batch)
    assert torch.equal(decoded.kind_logits[0].argmax(dim=-1)[:, 0], batch.kinds[..., 0])


def test_with_too_few_components_the_smallest_directions_are_lost() -> None:
    batch = moving(2000, 3)
    of_all = batch.positions[:, 0].flatten(2)
    for n_channels in (1, 2):
        left_out = sum(
            torch.linalg.eigvalsh(of_all[:, i].T.cov())[:-n_channels].clamp(min=0).sum() for i in range(N_ENTITIES)
        )
        expected = left_out / (N_ENTITIES * N_SLOTS * 3)
        assert float(error(fitted(batch, n_channels), batch)) == pytest.approx(float(expected), rel=0.02)


def test_neighbours_share_a_latent_where_there_are_fewer() -> None:
    batch = moving(500, 2)
    stage = fitted(batch, n_channels=4, n_latents=3)
    assert stage.encode(batch).shape == (500, 1, 3, 4)
    assert error(stage, batch) < 1e-4
    changed = batch.positions.clone()
    changed[:, :, 1] += 1
    moved = (stage.encode(batch.with_positions(changed)) - stage.encode(batch)).abs().amax(dim=(0, 1, 3))
    assert (moved > 0.1).tolist() == [True, False, False]


def test_padding_and_masked_slots_do_not_reach_the_latents(generator: torch.Generator) -> None:
    stage = PrincipalAxes((3,), n_identifiers=16, n_slots=2, dim=3, n_latents=16, n_channels=8)
    batch = make_batch(2, 5, generator, n_slots=2)
    mask = batch.slot_mask.clone()
    mask[:, 3:], mask[:, 0, 1] = False, False
    garbage = batch.positions + 100 * ~mask[:, None, :, :, None]
    latents = stage.encode(replace(batch, slot_mask=mask))
    assert torch.equal(latents, stage.encode(replace(batch, positions=garbage, slot_mask=mask)))


def test_axes_are_such_that_half_precision_keeps_them() -> None:
    stage = fitted(moving(300, 3), n_channels=3)
    for name in stage.half_precision:
        buffer = getattr(stage, name)
        assert torch.equal(buffer, buffer.half().float())
