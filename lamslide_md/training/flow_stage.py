"""Second stage: the flow on latent windows of the frozen first stage."""

import numpy as np
import torch
from torch import Tensor

from lamslide_md.data.windows import Series
from lamslide_md.models.first_stage import FirstStage
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.models.priors import GaussianPrior
from lamslide_md.training.building import build_flow
from lamslide_md.training.engine import Engine, Terms
from lamslide_md.training.latent_windows import LatentWindows
from lamslide_md.training.losses import distance_loss, position_loss
from lamslide_md.training.presets import FlowSettings, Settings
from lamslide_md.training.tasks import draw_known

PRIOR_WINDOWS = 20_000
"""Windows from which the normalisation and the Gaussian prior are estimated."""


def train_flow(
    engine: Engine,
    fingerprint: str,
    autoencoder: FirstStage,
    series: list[Series],
    settings: Settings,
) -> LatentFlow:
    """Train the second stage on latent windows of the frozen first.

    Parameters
    ----------
    engine
        The training loop.
    fingerprint
        Hash of data, settings, seed and first stage.
    autoencoder
        Frozen first stage.
    series
        Trajectories.
    settings
        Of both stages: the first's augmentation matters here too.

    Returns
    -------
    LatentFlow
        Frozen, with averaged weights.
    """
    torch.manual_seed(engine.seed)
    source, own = LatentWindows(autoencoder, series, settings), settings.flow
    flow = build_flow(autoencoder, settings)
    _fit_normalisation(flow, source, own, torch.Generator().manual_seed(engine.seed))
    n_samples, device = own.optimisation.batch_size, engine.fabric.device

    def loss(terms_of: Terms, generator: torch.Generator) -> Tensor:
        known = draw_known(own, generator)
        # As many frames in every batch: of shorter windows there are more.
        index = source.windows.draw(max(1, n_samples * own.n_frames // len(known)), generator)
        latents, batch = source.encode(index, known, generator, with_batch=own.decoded_weight > 0)
        tau = torch.rand(len(latents), generator=generator).to(device)
        terms = terms_of(latents, known.to(device), tau, generator, own.known_noise)
        total = (terms.prediction - terms.target).square().mean()
        if batch is not None and own.decoded_weight:
            decoded = autoencoder.decode(flow.restore(terms.data), batch)
            total = total + own.decoded_weight * (position_loss(decoded, batch) + distance_loss(decoded, batch))
        return total

    return engine.train("flow", fingerprint, flow, loss, own.optimisation)


def _fit_normalisation(
    flow: LatentFlow, source: LatentWindows, settings: FlowSettings, generator: torch.Generator
) -> None:
    """Estimate the mean and scale of the latents, and the Gaussian prior."""
    n_windows = min(PRIOR_WINDOWS, len(source.windows))
    index, known = source.windows.draw(n_windows, generator), torch.arange(settings.n_frames) < settings.n_known
    latents = torch.cat(
        [source.encode(part, known, generator)[0].cpu() for part in np.array_split(index, -(-n_windows // 256))]
    )
    mean = latents.mean(dim=(0, 1))
    flow.latent_mean.copy_(mean)
    flow.latent_scale.copy_((latents - mean).square().mean().sqrt())
    if isinstance(flow.prior, GaussianPrior):
        flow.prior.fit(flow.standardise(latents), settings.reverse_time)
