from dataclasses import replace

import torch

from lamslide_md.data.batch import Batch, pad
from tests.models.conftest import make_batch

TOLERANCE = 2e-5
"""Single precision through a few layers: sums of 16 tokens in another order."""


def permuted(batch: Batch, order: torch.Tensor) -> Batch:
    return Batch(
        batch.positions[:, :, order], batch.slot_mask[:, order], batch.kinds[:, order], batch.identifiers[:, order]
    )


def test_the_latents_do_not_depend_on_the_order_of_entities(autoencoder, generator):
    batch = make_batch(4, 7, generator)
    order = torch.randperm(7, generator=generator)
    torch.testing.assert_close(
        autoencoder.encode(permuted(batch, order)), autoencoder.encode(batch), atol=TOLERANCE, rtol=0
    )


def test_permuting_identifiers_permutes_the_decoded_positions(autoencoder, generator):
    batch = make_batch(4, 7, generator)
    latents = autoencoder.encode(batch)
    order = torch.randperm(7, generator=generator)
    straight = autoencoder.decode(latents, batch).positions
    turned = autoencoder.decode(latents, replace(batch, identifiers=batch.identifiers[:, order])).positions
    torch.testing.assert_close(turned, straight[:, :, order], atol=TOLERANCE, rtol=0)


def test_the_latents_depend_on_which_entity_has_which_identifier(autoencoder, generator):
    batch = make_batch(4, 7, generator)
    swapped = replace(batch, identifiers=batch.identifiers.flip(1))
    assert (autoencoder.encode(batch) - autoencoder.encode(swapped)).abs().max() > 100 * TOLERANCE


def test_padding_changes_neither_latents_nor_positions(autoencoder, generator):
    small, large = make_batch(3, 4, generator), make_batch(3, 9, generator)
    together = pad([small, large])
    alone = autoencoder.encode(small)
    torch.testing.assert_close(autoencoder.encode(together)[:3], alone, atol=TOLERANCE, rtol=0)
    decoded = autoencoder.decode(autoencoder.encode(together), together).positions
    torch.testing.assert_close(decoded[:3, :, :4], autoencoder.decode(alone, small).positions, atol=TOLERANCE, rtol=0)
    assert decoded[:3, :, 4:].abs().max() == 0


def test_what_stands_in_padding_is_not_seen(autoencoder, generator):
    batch = make_batch(2, 6, generator)
    mask = batch.slot_mask.clone()
    mask[:, 4:] = False
    padded = Batch(batch.positions, mask, batch.kinds, batch.identifiers)
    garbage = Batch(padded.positions + 100 * ~mask[:, None, :, :, None], mask, padded.kinds, padded.identifiers)
    torch.testing.assert_close(autoencoder.encode(garbage), autoencoder.encode(padded), atol=TOLERANCE, rtol=0)


def test_frames_of_a_window_are_encoded_independently(autoencoder, generator):
    window = make_batch(2, 5, generator, n_frames=3)
    single = window.with_positions(window.positions)
    middle = Batch(single.positions[:, 1:2], single.slot_mask, single.kinds, single.identifiers)
    torch.testing.assert_close(autoencoder.encode(window)[:, 1:2], autoencoder.encode(middle), atol=TOLERANCE, rtol=0)
