"""`Autoencoder`: what the flow asks of whatever turns entities into latents and back."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lamslide_md.data.batch import Batch
from lamslide_md.models.identifiers import IdentifierPool
from lamslide_md.shares import mean_of_batch, normal

Latents = Float[Tensor, "batch frames tokens channels"]


@dataclass(frozen=True)
class Decoded:
    """What the decoder answers for every queried identifier.

    Attributes
    ----------
    positions
        Coordinates, in units of the length scale of the model; 0 where masked.
    kind_logits
        Unnormalised log-probabilities of the entity's kind, one tensor per vocabulary.
    """

    positions: Float[Tensor, "batch frames entities slots dim"]
    kind_logits: tuple[Float[Tensor, "batch frames entities _"], ...]


class Autoencoder(nn.Module, ABC):
    """Encoder and decoder of single frames.

    Parameters
    ----------
    pool
        Identifiers that entities are given.
    n_latents
        Tokens of the latent state of one frame, L.
    n_channels
        Channels of a token, C.
    """

    def __init__(self, pool: IdentifierPool, n_latents: int, n_channels: int) -> None:
        super().__init__()
        self.pool, self.n_latents, self.n_channels = pool, n_latents, n_channels

    def fit(self, batches: Iterable[Batch]) -> None:
        """Estimate what has a closed form, from frames in some parts; nothing, unless a first stage says otherwise."""

    @abstractmethod
    def encode(self, batch: Batch) -> Latents:
        """Encode every frame of every window on its own; padding may hold anything."""

    @abstractmethod
    def decode(self, latents: Latents, entities: Batch) -> Decoded:
        """Ask the latents for the entities of a batch by their identifiers; positions and kinds are not looked at.

        Parameters
        ----------
        latents
            One latent state per frame.
        entities
            Which identifiers to ask for, and their masks; its frames may differ in number.

        Returns
        -------
        Decoded
            Positions and kinds of the entities.
        """

    def training_step(self, batch: Batch, latent_noise: float, generator: torch.Generator | None) -> Decoded:
        """Encode, disturb the latents, decode: one training sample.

        Parameters
        ----------
        batch
            Placed windows.
        latent_noise
            Standard deviation of the disturbance, in root mean squares of the latents.
        generator
            Source of the disturbance, on the CPU.

        Returns
        -------
        Decoded
            To be compared with the batch.
        """
        latents = self.encode(batch)
        if latent_noise:
            size = latent_noise * mean_of_batch(latents.detach().square().mean(), generator).sqrt()
            latents = latents + size * normal(latents.shape, generator).to(latents)
        return self.decode(latents, batch)
