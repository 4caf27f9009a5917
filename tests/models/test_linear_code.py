import pytest
import torch

from lamslide_md.models.linear_code import LinearCode
from tests.models.conftest import make_batch


@pytest.mark.parametrize(("n_entities", "n_latents"), [(5, 5), (16, 4), (10, 3)])
def test_nothing_is_lost_where_channels_are_as_many_as_coordinates(n_entities, n_latents, generator):
    per_latent = -(-n_entities // n_latents)
    code = LinearCode(n_entities, 3, n_latents, 3 * per_latent)
    batch = make_batch(4, n_entities, generator, n_frames=2, pool_size=n_entities)
    read = code.read(code.write(batch), batch.identifiers)
    torch.testing.assert_close(read, batch.positions.flatten(3), atol=1e-5, rtol=0)


def test_few_channels_keep_what_they_can(generator):
    code = LinearCode(16, 3, 2, 12)
    batch = make_batch(64, 16, generator)
    written = code.write(batch)
    assert written.shape == (64, 1, 2, 12)
    lost = (code.read(written, batch.identifiers) - batch.positions.flatten(3)).square().mean()
    assert 0.2 < lost < 0.8


def test_every_entity_starts_in_one_latent(generator):
    code = LinearCode(6, 3, 3, 6)
    batch = make_batch(1, 1, generator, pool_size=6)
    written = code.write(batch)[0, 0].square().sum(dim=1)
    assert (written > 0).sum() == 1
    assert written[int(batch.identifiers[0, 0]) % 3] > 0
