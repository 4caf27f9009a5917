from dataclasses import replace

import torch

from lamslide_md.models.coordinates import Coordinates
from tests.models.conftest import make_batch


def test_decoding_the_coordinates_gives_them_back_whatever_the_identifiers(generator):
    stage, batch = Coordinates((3,), n_identifiers=16, n_slots=1, dim=3), make_batch(4, 5, generator, n_frames=2)
    latents = stage.encode(batch)
    assert latents.shape == (4, 2, 16, 3 + 1)
    decoded = stage.decode(latents, batch)
    torch.testing.assert_close(decoded.positions, batch.positions)
    assert torch.equal(decoded.kind_logits[0].argmax(dim=-1)[:, 0], batch.kinds[..., 0])
    assert not list(stage.parameters())


def test_padding_does_not_reach_the_latents(generator):
    stage, batch = Coordinates((3,), n_identifiers=16, n_slots=1, dim=3), make_batch(2, 5, generator)
    mask = batch.slot_mask.clone()
    mask[:, 3:] = False
    garbage = batch.positions + 100 * ~mask[:, None, :, :, None]
    shown = torch.where(mask.any(dim=-1), batch.identifiers, 0)
    latents = stage.encode(replace(batch, slot_mask=mask))
    assert torch.equal(latents, stage.encode(replace(batch, positions=garbage, slot_mask=mask, identifiers=shown)))
