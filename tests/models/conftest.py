import numpy as np
import pytest
import torch

from lamslide_md.data.batch import Batch
from lamslide_md.flow.solvers import Euler
from lamslide_md.frames import from_settings
from lamslide_md.models.attention_autoencoder import AttentionAutoencoder
from lamslide_md.sampling.propagator import Propagator
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.system import System


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def make_batch(n_samples, n_entities, generator, n_frames=1, n_slots=1, dim=3, pool_size=16):
    positions = torch.randn(n_samples, n_frames, n_entities, n_slots, dim, generator=generator)
    mask = torch.ones(n_samples, n_entities, n_slots, dtype=torch.bool)
    kinds = torch.randint(0, 3, (n_samples, n_entities, 1), generator=generator)
    order = torch.rand(n_samples, pool_size, generator=generator).argsort(dim=1)[:, :n_entities]
    return Batch(positions, mask, kinds, order)


def propagator_of(autoencoder, flow, placement="superposed"):
    """Both stages at work on five points of three kinds, in three Euler steps."""
    system = System(Entities.points(list("ABCAB"), 3), np.zeros((5, 3), dtype=np.float32))
    return Propagator(autoencoder, flow, flow.n_frames, from_settings(placement), system, 1.0, Euler(3))


@pytest.fixture(params=[False, True], ids=["network alone", "linear code"])
def autoencoder(request):
    torch.manual_seed(0)
    network = AttentionAutoencoder(
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
