"""`FlowLoss`: what the second stage is trained on."""

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from lamslide_md.config import Settings
from lamslide_md.data.batch import Batch
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.flow_terms import FlowOutput
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.shares import Share
from lamslide_md.training.flow_errors import FlowErrors
from lamslide_md.training.latent_windows import LatentWindows
from lamslide_md.training.losses import distance_loss, position_loss
from lamslide_md.training.pair_lists import PairLists
from lamslide_md.training.trainer import TrainingStep


class FlowLoss:
    """Loss of the flow on windows that it draws.

    Parameters
    ----------
    flow
        Its normalisation and prior are estimated.
    autoencoder
        Frozen first stage.
    source
        Windows of latents.
    settings
        Weights.
    errors
        How they are weighed.
    bfloat16
        Whether the network multiplies its matrices in bfloat16.
    share
        This process's part of every batch.
    """

    def __init__(
        self,
        flow: LatentFlow,
        autoencoder: Autoencoder,
        source: LatentWindows,
        settings: Settings,
        errors: FlowErrors,
        bfloat16: bool,
        share: Share,
    ) -> None:
        self.flow, self.autoencoder, self.source, self.settings = flow, autoencoder, source, settings.flow
        self.errors, self.bfloat16, self.share, self.device = errors, bfloat16, share, source.device
        self.pairs = PairLists(source.windows, source.transform, share=0.0)

    def __call__(self, training_step: TrainingStep, generator: torch.Generator) -> Tensor:
        """Draw windows, noise and flow times, and sum up all errors."""
        own = self.settings
        context, index = self.source.draw(own.optimisation.batch_size, generator)
        latents, batch = self.source.encode(index, context, generator, self.share, with_batch=own.decoded_weight > 0)
        tau = self.share.part(torch.rand(len(index), generator=generator)).to(self.device)
        context = context.to(self.device)
        output = training_step(latents, context, tau, generator, own.known_noise, self.bfloat16)
        total = self.share.weighted(self.errors.mean(output.prediction - output.target, context))
        if batch is not None:
            total = total + self._decoded(output, batch, index, generator)
        return total

    def _decoded(
        self, output: FlowOutput, batch: Batch, index: Int[np.ndarray, " windows"], generator: torch.Generator
    ) -> Tensor:
        """Errors of what the implied window is decoded to."""
        own, implied = self.settings, self.flow.restore(output.data)
        decoded = self.share.joined(self.autoencoder.decode(implied, self.share.part(batch)))
        pairs = self.pairs.draw(index, generator).to(self.device)
        distances = distance_loss(decoded.positions, batch.positions, pairs)
        return own.decoded_weight * (position_loss(decoded, batch) + distances)
