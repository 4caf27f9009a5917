import pytest
import torch

from lamslide_md.models.linear_code import LinearCode
from tests.models.conftest import make_batch


@pytest.mark.parametrize(("n_entities", "n_latents"), [(5, 5), (16, 4), (10, 3)])
@pytest.mark.parametrize("channels_for_kinds", [0, 3])
def test_nothing_is_lost_where_channels_are_as_many_as_coordinates(
    n_entities, n_latents, channels_for_kinds, generator
):
    n_sharing = -(-n_entities // n_latents)
    code = LinearCode((3,), n_entities, 3, n_latents, (3 + channels_for_kinds) * n_sharing)
    batch = make_batch(4, n_entities, generator, n_frames=2, pool_size=n_entities)
    read = code.read(code.write(batch), batch)
    torch.testing.assert_close(read, batch.positions.flatten(3), atol=1e-5, rtol=0)


def test_kinds_are_held_where_there_are_channels_for_them(generator):
    batch = make_batch(2, 5, generator, pool_size=5)
    other = type(batch)(batch.positions, batch.slot_mask, (batch.kinds + 1) % 3, batch.identifiers)
    roomy, narrow = LinearCode((3,), 5, 3, 5, 6), LinearCode((3,), 5, 3, 5, 5)
    assert (roomy.write(batch) - roomy.write(other)).abs().max() > 0.1
    torch.testing.assert_close(narrow.write(batch), narrow.write(other))


def test_few_channels_keep_what_they_can(generator):
    code = LinearCode((3,), 16, 3, 2, 12)
    batch = make_batch(64, 16, generator)
    written = code.write(batch)
    assert written.shape == (64, 1, 2, 12)
    lost = (code.read(written, batch) - batch.positions.flatten(3)).square().mean()
    assert 0.2 < lost < 0.8


def test_every_entity_starts_in_one_latent_in_directions_that_homes_share(generator):
    code = LinearCode((3,), 6, 3, 3, 12)
    batch = make_batch(1, 1, generator, pool_size=6)
    written = code.write(batch)[0, 0].square().sum(dim=1)
    assert (written > 0).sum() == 1
    assert written[int(batch.identifiers[0, 0]) % 3] > 0
    torch.testing.assert_close(code.write_by[0, :, 0], code.write_by[2, :, 2])
