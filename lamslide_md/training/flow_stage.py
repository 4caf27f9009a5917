"""Second stage: the flow on latent windows of the frozen first stage."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lamslide_md.config import FlowSettings, NumberType, Settings
from lamslide_md.errors import InputError, note
from lamslide_md.flow.prior import WhitePrior
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.shares import Share
from lamslide_md.training.building import build_flow
from lamslide_md.training.divergence import LOST
from lamslide_md.training.flow_errors import FlowErrors
from lamslide_md.training.flow_loss import FlowLoss
from lamslide_md.training.latent_windows import LatentWindows
from lamslide_md.training.map_stage import train_map
from lamslide_md.training.slow_coordinates import LAG, slow_coordinates
from lamslide_md.training.trainer import Trainer
from lamslide_md.training.windows import SystemDataset

SAMPLE_NUMBERS = 250_000_000
"""Numbers in all the windows of the sample: bounds memory, of windows of large systems there are fewer in it."""

LEAST_MOTION = 1e-6
"""Of latents, in their root mean square: less is rounding."""

SAMPLE_WINDOWS = 20_000
"""Windows from which the normalisation, the Gaussian prior and the slow coordinates are estimated."""


def train_flow(
    trainer: Trainer,
    fingerprints: dict[str, str],
    autoencoder: Autoencoder,
    datasets: list[SystemDataset],
    settings: Settings,
) -> LatentFlow:
    """Train the second stage on latent windows of the frozen first and, if the settings say so, its map.

    Parameters
    ----------
    trainer
        The training loop.
    fingerprints
        Hashes of data, settings, seed and first stage, for the ``flow`` and, where there is to be one, its ``map``.
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

    Raises
    ------
    InputError
        If a stage is of no use: it has diverged, or went on from a damaged checkpoint.
    """
    torch.manual_seed(trainer.seed)
    source, own = LatentWindows(autoencoder, datasets, settings), settings.flow
    flow = build_flow(autoencoder, settings, with_map=False)
    sample, owners = draw_sample(source, own, torch.Generator().manual_seed(trainer.seed))
    if not torch.isfinite(sample).all():
        raise InputError(
            "the first stage gives latents that are not finite: its training has diverged; lower "
            "autoencoder.optimisation.learning_rate"
        )
    _fit_normalisation(flow, sample, own)
    places = _places_of_tokens(datasets, autoencoder.n_latents)
    if places is not None:
        flow.neighbourhoods.fit(places)
    bfloat16 = multiplies_in_bfloat16(own, trainer.fast_type("flow", fingerprints["flow"], own.optimisation))
    if own.bfloat16 and not bfloat16:
        note(
            "flow.bfloat16=true is left aside: this device is slower in bfloat16 than in float32; "
            "flow.optimisation.iteration_dtype=bfloat16 insists on it"
        )
    errors = errors_of(flow, source, sample, owners, trainer.seed)
    loss = FlowLoss(flow, autoencoder, source, settings, errors, bfloat16, trainer.share)
    trained = trainer.train("flow", fingerprints["flow"], flow, loss, own.optimisation)
    _check_trained(trainer, trained, loss)
    if own.map is not None:
        trained.map = train_map(trainer, fingerprints["map"], trained, source, settings, errors, bfloat16)
    return trained


@torch.no_grad()
def _check_trained(trainer: Trainer, flow: LatentFlow, loss: FlowLoss) -> None:
    """Refuse averaged weights that are lost on a batch of the training data: nothing else looks at them."""
    error = float(trainer.share.averaged(loss(flow.training_step, trainer.generator())))
    if not error < LOST:
        mend = "lower flow.optimisation.learning_rate"
        if trainer.checkpoint_dir is not None:
            mend = f"delete flow-*.safetensors in {trainer.checkpoint_dir} to train this stage afresh, or {mend}"
        raise InputError(
            f"the second stage, the flow, has averaged weights with a loss of {error:.3g} on its training data: its "
            f"training has diverged, or its checkpoint is damaged; {mend}"
        )


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


def draw_sample(
    source: LatentWindows, settings: FlowSettings, generator: torch.Generator
) -> tuple[Float[Tensor, "windows frames tokens channels"], Int[np.ndarray, " windows"]]:
    """Draw windows that speak for all.

    Parameters
    ----------
    source
        Windows of latents.
    settings
        How long they are.
    generator
        Source of randomness.

    Returns
    -------
    Tensor
        Their latents, on the CPU.
    np.ndarray
        The dataset that each is of.
    """
    n_numbers = settings.n_frames * source.autoencoder.n_latents * source.autoencoder.n_channels
    n_windows = min(SAMPLE_WINDOWS, len(source.windows), max(1, SAMPLE_NUMBERS // n_numbers))
    index, context = source.windows.draw(n_windows, generator), torch.arange(settings.n_frames) < settings.n_known
    parts = np.array_split(index, -(-n_windows // 256))
    latents = torch.cat([source.encode(part, context, generator, Share())[0].cpu() for part in parts])
    return latents, np.concatenate([np.sort(source.windows.owners(part)) for part in parts])


def errors_of(
    flow: LatentFlow,
    source: LatentWindows,
    sample: Float[Tensor, "windows frames tokens channels"],
    owners: Int[np.ndarray, " windows"],
    seed: int,
) -> FlowErrors:
    """Weigh errors as the settings say, along slow coordinates of the latents if they matter.

    Parameters
    ----------
    flow
        Its normalisation and prior are estimated.
    source
        Windows of latents.
    sample
        Of the windows, from which slow coordinates are found; where these are shorter than the lag, from pairs.
    owners
        The dataset that each is of.
    seed
        Of the pairs.

    Returns
    -------
    FlowErrors
        On the device of the source.
    """
    own = source.settings.flow
    if not own.slow_weight:
        return FlowErrors(flow.prior, own, None)
    if sample.shape[1] <= LAG and (found := source.pairs(LAG, len(sample), torch.Generator().manual_seed(seed))):
        pairs, owners = found
        sample = pairs.to(sample)
    standardised = flow.standardise(sample.to(flow.latent_mean)).cpu()
    return FlowErrors(flow.prior, own, slow_coordinates(standardised, owners).to(source.device))


def _places_of_tokens(datasets: list[SystemDataset], n_tokens: int) -> Float[Tensor, "tokens 3"] | None:
    """Where the entities of each token are in the reference structure, if there is one system and it has one."""
    entities, reference = datasets[0].entities, datasets[0].reference
    if reference is None or any(dataset.entities is not entities for dataset in datasets):
        return None
    token = entities.entity_of_point // -(-entities.n_entities // n_tokens)
    places = np.zeros((n_tokens, reference.shape[1]))
    np.add.at(places, token, reference)
    return torch.from_numpy(places / np.bincount(token, minlength=n_tokens).clip(1)[:, None]).float()


def _fit_normalisation(
    flow: LatentFlow, sample: Float[Tensor, "windows frames tokens channels"], settings: FlowSettings
) -> None:
    """Estimate the mean and scale of the latents, and the Gaussian prior."""
    mean = sample.mean(dim=(0, 1))
    flow.latent_mean.copy_(mean)
    # Latents that never move are told in their own size.
    least = max(LEAST_MOTION * float(sample.square().mean().sqrt()), torch.finfo(sample.dtype).tiny)
    flow.latent_scale.copy_((sample - mean).square().mean().sqrt().clamp(min=least))
    if not isinstance(flow.prior, WhitePrior):
        flow.prior.fit(flow.standardise(sample), settings.reverse_time)
