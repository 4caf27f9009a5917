"""Second stage: the flow on latent windows of the frozen first stage."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lamslide_md.config import FlowSettings, NumberType, Settings
from lamslide_md.data.masks import draw_context
from lamslide_md.errors import note
from lamslide_md.flow.prior import WhitePrior
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.shares import Share
from lamslide_md.training.building import build_flow
from lamslide_md.training.latent_windows import LatentWindows
from lamslide_md.training.losses import distance_loss, position_loss
from lamslide_md.training.slow_coordinates import slow_coordinates
from lamslide_md.training.trainer import Trainer, TrainingStep
from lamslide_md.training.windows import SystemDataset

SAMPLE_NUMBERS = 250_000_000
"""Numbers in all the windows of the sample: bounds memory, of windows of large systems there are fewer in it."""

SAMPLE_WINDOWS = 20_000
"""Windows from which the normalisation, the Gaussian prior and the slow coordinates are estimated."""


def train_flow(
    trainer: Trainer,
    fingerprint: str,
    autoencoder: Autoencoder,
    datasets: list[SystemDataset],
    settings: Settings,
) -> LatentFlow:
    """Train the second stage on latent windows of the frozen first.

    Parameters
    ----------
    trainer
        The training loop.
    fingerprint
        Hash of data, settings, seed and first stage.
    autoencoder
        Frozen first stage.
    datasets
        Trajectories.
    settings
        Of both stages: the first's augmentation matters here too.

    Returns
    -------
    LatentFlow
        Frozen, with averaged weights.
    """
    torch.manual_seed(trainer.seed)
    source, own = LatentWindows(autoencoder, datasets, settings), settings.flow
    flow = build_flow(autoencoder, settings)
    n_samples, device, share = own.optimisation.batch_size, trainer.fabric.device, trainer.share
    sample, owners = _draw_sample(source, own, torch.Generator().manual_seed(trainer.seed))
    _fit_normalisation(flow, sample, own)
    bfloat16 = multiplies_in_bfloat16(own, trainer.fast_type("flow", fingerprint, own.optimisation))
    if own.bfloat16 and not bfloat16:
        note(
            "flow.bfloat16=true is left aside: this device is slower in bfloat16 than in float32; "
            "flow.optimisation.iteration_dtype=bfloat16 insists on it"
        )
    slow = slow_coordinates(flow.standardise(sample), owners).to(device) if own.slow_weight else None

    def loss(training_step: TrainingStep, generator: torch.Generator) -> Tensor:
        context = draw_context(own, generator)
        # As many frames in every batch: of shorter windows there are more.
        index = source.windows.draw(max(1, n_samples * own.n_frames // len(context)), generator)
        latents, batch = source.encode(index, context, generator, share, with_batch=own.decoded_weight > 0)
        tau = share.part(torch.rand(len(index), generator=generator)).to(device)
        output = training_step(latents, context.to(device), tau, generator, own.known_noise, bfloat16)
        errors = output.prediction - output.target
        total = errors.square().mean()
        if slow is not None:
            total = total + own.slow_weight * (errors.flatten(2) @ slow).square().sum(dim=-1).mean()
        total = share.weighted(total)
        if batch is not None and own.decoded_weight:
            decoded = share.joined(autoencoder.decode(flow.restore(output.data), share.part(batch)))
            total = total + own.decoded_weight * (position_loss(decoded, batch) + distance_loss(decoded, batch))
        return total

    return trainer.train("flow", fingerprint, flow, loss, own.optimisation)


def multiplies_in_bfloat16(settings: FlowSettings, fast: NumberType) -> bool:
    """Tell whether the network multiplies in bfloat16.

    Parameters
    ----------
    settings
        Of the flow; an ``iteration_dtype`` of bfloat16 insists on what is wanted.
    fast
        The number type in which the device is faster.

    Returns
    -------
    bool
        Whether it is wanted, and of use.
    """
    return settings.bfloat16 and "bfloat16" in (fast, settings.optimisation.iteration_dtype)


def _draw_sample(
    source: LatentWindows, settings: FlowSettings, generator: torch.Generator
) -> tuple[Float[Tensor, "windows frames tokens channels"], Int[np.ndarray, " windows"]]:
    """Draw windows that speak for all, on the CPU, and the dataset that each is of."""
    n_numbers = settings.n_frames * source.autoencoder.n_latents * source.autoencoder.n_channels
    n_windows = min(SAMPLE_WINDOWS, len(source.windows), max(1, SAMPLE_NUMBERS // n_numbers))
    index, context = source.windows.draw(n_windows, generator), torch.arange(settings.n_frames) < settings.n_known
    parts = np.array_split(index, -(-n_windows // 256))
    latents = torch.cat([source.encode(part, context, generator, Share())[0].cpu() for part in parts])
    return latents, np.concatenate([np.sort(source.windows.owners(part)) for part in parts])


def _fit_normalisation(
    flow: LatentFlow, sample: Float[Tensor, "windows frames tokens channels"], settings: FlowSettings
) -> None:
    """Estimate the mean and scale of the latents, and the Gaussian prior."""
    mean = sample.mean(dim=(0, 1))
    flow.latent_mean.copy_(mean)
    flow.latent_scale.copy_((sample - mean).square().mean().sqrt())
    if not isinstance(flow.prior, WhitePrior):
        flow.prior.fit(flow.standardise(sample), settings.reverse_time)
