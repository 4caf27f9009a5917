import pytest
import torch

from lamslide_md.data.batch import Batch
from lamslide_md.models.autoencoder import Autoencoder


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def make_batch(n_samples, n_entities, generator, n_frames=1, n_slots=1, dim=3, pool_size=16):
    positions = torch.randn(n_samples, n_frames, n_entities, n_slots, dim, generator=generator)
    mask = torch.ones(n_samples, n_entities, n_slots, dtype=torch.bool)
    kinds = torch.randint(0, 3, (n_samples, n_entities, 1), generator=generator)
    order = torch.rand(n_samples, pool_size, generator=generator).argsort(dim=1)[:, :n_entities]
    return Batch(positions, mask, kinds, order)


@pytest.fixture(params=[False, True], ids=["network alone", "linear code"])
def autoencoder(request):
    torch.manual_seed(0)
    network = Autoencoder(
        vocabulary_sizes=(3,),
        n_identifiers=16,
        n_slots=1,
        dim=3,
        n_latents=2,
        n_channels=16,
        width=32,
        n_heads=4,
        depth=1,
        linear_code=request.param,
    )
    if request.param:
        torch.nn.init.normal_(network.to_latent.weight, std=0.1)
        torch.nn.init.normal_(network.to_positions.weight, std=0.1)
    return network.eval().requires_grad_(False)
