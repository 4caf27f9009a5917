"""First stage: what the autoencoder is trained on, for, and how well it does on frames it has not seen."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from lamslide_md.config import AutoencoderSettings, Settings
from lamslide_md.data.batch import Batch
from lamslide_md.data.masks import context_frames
from lamslide_md.frames import from_settings
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.training.building import build_autoencoder
from lamslide_md.training.losses import distance_loss, kind_loss, masked_mean, position_loss
from lamslide_md.training.pair_lists import PairLists
from lamslide_md.training.trainer import Trainer, TrainingStep
from lamslide_md.training.windows import SystemDataset, Windows, rotated

TEST_FRAMES = 2000

FIT_FRAMES = 20_000
"""From which a first stage in closed form is estimated."""

FRAMES_AT_ONCE = 1024
"""Of them: bounds memory."""


def prepare(batch: Batch, autoencoder: Autoencoder, settings: AutoencoderSettings, generator: torch.Generator) -> Batch:
    """Assign identifiers to a batch and rotate it, as the settings say.

    Parameters
    ----------
    batch
        Windows with canonical identifiers.
    autoencoder
        Holds the pool.
    settings
        Which augmentation.
    generator
        Source of randomness.

    Returns
    -------
    Batch
        Ready to be encoded.
    """
    n_samples, n_entities = batch.identifiers.shape
    identifiers = autoencoder.pool.assign(n_samples, n_entities, settings.identifiers, generator)
    batch = replace(batch, identifiers=identifiers)
    return rotated(batch, generator) if settings.rotate else batch


class Frames:
    """Single frames of trajectories, placed as the second stage will see them.

    Parameters
    ----------
    datasets
        Trajectories.
    settings
        Placement, and the windows of the second stage.
    """

    def __init__(self, datasets: list[SystemDataset], settings: Settings) -> None:
        self.settings, self.transform = settings, from_settings(settings.placement).windows
        self.windows = Windows(datasets, settings.flow.n_frames if self.transform.per_window else 1)
        self.pairs = PairLists(self.windows, self.transform, settings.autoencoder.stiffness)

    def batch(self, index: Int[np.ndarray, " frames"], generator: torch.Generator) -> Batch:
        """Take frames; of windows that are placed as a whole any frame, where it stands beside the anchor."""
        batch = self.windows.batch(index)
        if self.windows.n_frames == 1:
            return self.transform.apply(batch)
        batch = self.transform.apply(batch, context_frames(self.settings.flow.n_known), generator)
        chosen = torch.randint(self.windows.n_frames, (len(index),), generator=generator)
        return batch.with_positions(batch.positions[torch.arange(len(index)), chosen][:, None])

    def sample(self, seed: int) -> Iterator[Batch]:
        """Yield frames that speak for all, in parts."""
        generator = torch.Generator().manual_seed(seed)
        index = np.sort(self.windows.draw(min(FIT_FRAMES, len(self.windows)), generator))
        for part in np.array_split(index, -(-len(index) // FRAMES_AT_ONCE)):
            yield self.batch(part, generator)


def train_autoencoder(
    trainer: Trainer, fingerprint: str, datasets: list[SystemDataset], settings: Settings
) -> Autoencoder:
    """Train the first stage on single frames.

    Parameters
    ----------
    trainer
        The training loop.
    fingerprint
        Hash of data, settings and seed.
    datasets
        Trajectories.
    settings
        Sizes and weights of the losses.

    Returns
    -------
    Autoencoder
        Frozen, with averaged weights.
    """
    torch.manual_seed(trainer.seed)
    own = settings.autoencoder
    autoencoder = build_autoencoder([s.entities for s in datasets], own, settings.placement)
    frames = Frames(datasets, settings)
    autoencoder.fit(frames.sample(trainer.seed))
    if not list(autoencoder.parameters()):
        return autoencoder.to(trainer.fabric.device)
    n_samples = own.optimisation.batch_size
    device, share = trainer.fabric.device, trainer.share

    def loss(training_step: TrainingStep, generator: torch.Generator) -> Tensor:
        index = frames.windows.draw(n_samples, generator)
        batch = prepare(frames.batch(index, generator), autoencoder, own, generator).to(device)
        pairs = frames.pairs.draw(index, generator).to(device)
        decoded = share.joined(training_step(share.part(batch), own.latent_noise, generator))
        answer, truth = (frames.transform.in_one_frame(p, batch) for p in (decoded.positions, batch.positions))
        return (
            position_loss(decoded, batch)
            + own.distance_weight * distance_loss(answer, truth, pairs)
            + own.kind_weight * kind_loss(decoded, batch)
        )

    return trainer.train("autoencoder", fingerprint, autoencoder, loss, own.optimisation)


@torch.no_grad()
def reconstruction_rmsd(autoencoder: Autoencoder, datasets: list[SystemDataset], settings: Settings) -> float:
    """Root-mean-square deviation of decoded from encoded points over frames of several trajectories.

    Parameters
    ----------
    autoencoder
        Trained.
    datasets
        Trajectories; at most `TEST_FRAMES` frames are drawn.
    settings
        Placement, identifiers and rotation as in training.

    Returns
    -------
    float
        In length scales.
    """
    frames = Frames(datasets, settings)
    generator = torch.Generator().manual_seed(0)
    index = np.sort(frames.windows.draw(min(TEST_FRAMES, len(frames.windows)), generator))
    batch = prepare(frames.batch(index, generator), autoencoder, settings.autoencoder, generator)
    batch = batch.to(autoencoder.pool.embeddings.device)
    decoded = autoencoder.decode(autoencoder.encode(batch), batch)
    squared = (decoded.positions - batch.positions).square().sum(dim=-1)
    return float(masked_mean(squared, batch.slot_mask[:, None].expand_as(squared)).sqrt())
