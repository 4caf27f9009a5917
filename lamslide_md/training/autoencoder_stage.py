"""First stage: what the autoencoder is trained on, for, and how well it does on frames it has not seen."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lamslide_md.config import AutoencoderSettings, Settings
from lamslide_md.data.batch import Batch, grown
from lamslide_md.data.masks import context_frames
from lamslide_md.frames import from_settings
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.training.building import build_autoencoder
from lamslide_md.training.losses import distance_loss, kind_loss, masked_mean, position_loss
from lamslide_md.training.stiffness import MAX_FRAMES, stiffness_weights
from lamslide_md.training.trainer import Trainer, TrainingStep
from lamslide_md.training.windows import SystemDataset, Windows, rotated

TEST_FRAMES = 2000


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
        self._weights: dict[int, Tensor] = {}
        self.windows = Windows(datasets, settings.flow.n_frames if self.transform.per_window else 1)

    def batch(self, index: Int[np.ndarray, " frames"], generator: torch.Generator) -> Batch:
        """Take frames; of windows that are placed as a whole any frame, where it stands beside the anchor."""
        batch = self.windows.batch(index)
        if self.windows.n_frames == 1:
            return self.transform.apply(batch)
        batch = self.transform.apply(batch, context_frames(self.settings.flow.n_known), generator)
        chosen = torch.randint(self.windows.n_frames, (len(index),), generator=generator)
        return batch.with_positions(batch.positions[torch.arange(len(index)), chosen][:, None])

    def pair_weights(self, index: Int[np.ndarray, " frames"]) -> Float[Tensor, "frames places places"] | None:
        """Weights of the pairs of slots (see `stiffness_weights`), in the order of `batch`; None: all are alike."""
        if not self.settings.autoencoder.stiffness and not self.transform.pairs_within_entities:
            return None
        groups = self.windows.frames_of(index)
        weights = [self._weights_of(i) for i, _ in groups]
        shape = tuple(np.max([w.shape for w in weights], axis=0).tolist())
        parts = [grown(w, shape).expand(len(own), *shape) for w, (_, own) in zip(weights, groups, strict=True)]
        return torch.cat(parts).flatten(3, 4).flatten(1, 2)

    def _weights_of(self, i: int) -> Float[Tensor, "ent slots ent slots"]:
        if i not in self._weights:
            dataset = self.windows.datasets[i]
            batch = dataset.batch(np.arange(0, len(dataset.points), -(-len(dataset.points) // MAX_FRAMES))[:, None])
            batch = self.transform.apply(batch)
            pairs = self.transform.pair_mask(batch.slot_mask[:1])[0]
            self._weights[i] = torch.from_numpy(stiffness_weights(batch, self.settings.autoencoder.stiffness, pairs))
        return self._weights[i]


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
    if not list(autoencoder.parameters()):
        return autoencoder.to(trainer.fabric.device)
    frames = Frames(datasets, settings)
    n_samples = own.optimisation.batch_size
    device, share = trainer.fabric.device, trainer.share

    def loss(training_step: TrainingStep, generator: torch.Generator) -> Tensor:
        index = frames.windows.draw(n_samples, generator)
        batch = prepare(frames.batch(index, generator), autoencoder, own, generator).to(device)
        weights = frames.pair_weights(index)
        decoded = share.joined(training_step(share.part(batch), own.latent_noise, generator))
        return (
            position_loss(decoded, batch)
            + own.distance_weight * distance_loss(decoded, batch, None if weights is None else weights.to(device))
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
