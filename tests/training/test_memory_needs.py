"""What a training needs of memory is told before it is needed."""

import pytest
import torch

from lamslide_md import Surrogate
from lamslide_md.config import preset_settings
from lamslide_md.errors import InputError
from lamslide_md.flow.prior import WhitePrior
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.systems.entities import Entities
from lamslide_md.training import memory_needs
from lamslide_md.training.building import build_autoencoder, build_flow
from lamslide_md.training.windows import SystemDataset
from tests.small import shivering_peptide, tiny_settings


def kept_bytes(flow: LatentFlow, windows: torch.Tensor) -> int:
    """Bytes that one step of the flow keeps for its gradient, besides its weights."""
    seen: dict[int, tuple[int, torch.Tensor]] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes(), tensor  # held, so that no other takes its place
        return tensor

    context = torch.arange(windows.shape[1]) < 1
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        flow.training_step(windows, context, torch.rand(len(windows)), None)
    weights = {p.untyped_storage().data_ptr() for p in flow.parameters()}
    return sum(size for pointer, (size, _) in seen.items() if pointer not in weights)


@pytest.mark.parametrize("preset", ["protein", "quick", "peptide"])
def test_what_is_told_is_enough_for_a_step_of_the_flow_and_not_much_more(preset: str) -> None:
    peptide = shivering_peptide("FKDAGSEV", 30)
    entities = (Entities.per_atom if preset == "quick" else Entities.per_residue)(peptide.topology)
    dataset = SystemDataset(entities, peptide.xyz)
    settings = preset_settings(preset)
    autoencoder = build_autoencoder([entities], settings.autoencoder, settings.placement)
    flow = build_flow(autoencoder, settings)
    flow.prior = WhitePrior()
    own = settings.flow
    windows = torch.randn(own.optimisation.batch_size, own.n_frames, autoencoder.n_latents, autoencoder.n_channels)
    told = memory_needs.needed_bytes(autoencoder, [dataset], settings)
    assert 1.0 < told["gradients"] / kept_bytes(flow, windows) < 2.5


def test_a_training_that_does_not_fit_is_refused_with_the_numbers_and_the_mend(butane, monkeypatch) -> None:
    monkeypatch.setattr(memory_needs, "available_bytes", lambda: 1e6)
    with pytest.raises(InputError, match=r"training needs about 0\.\d GiB of memory \(.*has 0\.0; use preset protein"):
        Surrogate.fit(butane, settings=tiny_settings())
