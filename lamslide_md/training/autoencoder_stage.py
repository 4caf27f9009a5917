"""First stage: what the autoencoder is trained on, for, and how well it does on frames it has not seen."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.data.windows import Series, Windows, rotated
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.training.building import build_autoencoder
from lamslide_md.training.engine import Engine, Terms
from lamslide_md.training.losses import distance_loss, kind_loss, masked_mean, position_loss
from lamslide_md.training.presets import AutoencoderSettings

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


def train_autoencoder(
    engine: Engine, fingerprint: str, series: list[Series], settings: AutoencoderSettings
) -> Autoencoder:
    """Train the first stage on single frames.

    Parameters
    ----------
    engine
        The training loop.
    fingerprint
        Hash of data, settings and seed.
    series
        Trajectories.
    settings
        Sizes and weights of the losses.

    Returns
    -------
    Autoencoder
        Frozen, with averaged weights.
    """
    torch.manual_seed(engine.seed)
    autoencoder = build_autoencoder([s.entities for s in series], settings)
    frames = Windows(series, n_frames=1)
    n_samples = settings.optimisation.batch_size
    device = engine.fabric.device

    def loss(terms_of: Terms, generator: torch.Generator) -> Tensor:
        index = frames.draw(n_samples, generator)
        batch = prepare(frames.batch(index), autoencoder, settings, generator).to(device)
        weights = frames.pair_weights(index, settings.stiffness).to(device)
        decoded = terms_of(batch, settings.latent_noise, generator)
        return (
            position_loss(decoded, batch)
            + settings.distance_weight * distance_loss(decoded, batch, weights)
            + settings.kind_weight * kind_loss(decoded, batch)
        )

    return engine.train("autoencoder", fingerprint, autoencoder, loss, settings.optimisation)


@torch.no_grad()
def reconstruction_rmsd(autoencoder: Autoencoder, series: list[Series], settings: AutoencoderSettings) -> float:
    """Root-mean-square deviation of decoded from encoded points over frames of several trajectories.

    Parameters
    ----------
    autoencoder
        Trained.
    series
        Trajectories; at most `TEST_FRAMES` frames are drawn.
    settings
        Identifiers and rotation as in training.

    Returns
    -------
    float
        In length scales.
    """
    frames = Windows(series, n_frames=1)
    generator = torch.Generator().manual_seed(0)
    index = np.sort(frames.draw(min(TEST_FRAMES, len(frames)), generator))
    batch = prepare(frames.batch(index), autoencoder, settings, generator).to(next(autoencoder.parameters()).device)
    decoded = autoencoder.decode(autoencoder.encode(batch), batch)
    squared = (decoded.positions - batch.positions).square().sum(dim=-1)
    return float(masked_mean(squared, batch.slot_mask[:, None].expand_as(squared)).sqrt())
