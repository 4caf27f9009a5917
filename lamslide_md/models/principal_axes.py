"""`PrincipalAxes`, the first stage of long chains: each residue along the directions in which it moves most."""

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.models.autoencoder import Autoencoder, Decoded, Latents
from lamslide_md.models.held_contents import HeldContents
from lamslide_md.models.identifiers import IdentifierPool


class PrincipalAxes(Autoencoder):
    """Latents are the leading principal components of what one entity, or a few that follow each other, hold.

    Found from the data in closed form, and read back by the same axes: what the components leave out is as it is on
    average. An entity holds its positions and its kinds (see `HeldContents`); the latter cost nothing where they never
    change. Identifiers that follow each other share a latent where there are fewer latents than identifiers.

    Parameters
    ----------
    vocabulary_sizes
        Number of kinds in each column of `Batch.kinds`.
    n_identifiers
        At least the number of entities of any system.
    n_slots
        Slots of an entity.
    dim
        Dimensions of space.
    n_latents
        Tokens of the latent state of one frame.
    n_channels
        Components of a token that are kept.
    """

    half_precision = ("centre", "axes")
    centre: Tensor
    axes: Tensor

    def __init__(
        self,
        vocabulary_sizes: tuple[int, ...],
        n_identifiers: int,
        n_slots: int,
        dim: int,
        n_latents: int,
        n_channels: int,
    ) -> None:
        self.n_sharing = -(-n_identifiers // n_latents)
        self.held = HeldContents(vocabulary_sizes, n_slots, dim)
        n_held = self.n_sharing * self.held.n_held
        super().__init__(
            IdentifierPool(n_identifiers, dim=1), -(-n_identifiers // self.n_sharing), min(n_channels, n_held)
        )
        self.register_buffer("centre", torch.zeros(self.n_latents, n_held))
        self.register_buffer("axes", torch.eye(n_held, self.n_channels).repeat(self.n_latents, 1, 1))

    @torch.no_grad()
    def fit(self, batches: Iterable[Batch]) -> None:
        """Find the axes.

        Parameters
        ----------
        batches
            Frames, in some parts.
        """
        n, total = 0, torch.zeros(self.centre.shape, dtype=torch.float64)
        products = torch.zeros(*self.centre.shape, self.centre.shape[1], dtype=torch.float64)
        for batch in batches:
            held = self._held(batch).flatten(0, 1).cpu().double()
            n, total = n + len(held), total + held.sum(dim=0)
            products += torch.einsum("fti,ftj->tij", held, held)
        mean = total / n
        vectors = torch.linalg.eigh(products / n - mean[:, :, None] * mean[:, None]).eigenvectors
        self.centre.copy_(mean.half())
        self.axes.copy_(vectors.flip(-1)[..., : self.n_channels].half())

    def encode(self, batch: Batch) -> Latents:
        """Project what every token's entities hold on its axes."""
        return torch.einsum("bfti,tic->bftc", self._held(batch) - self.centre, self.axes)

    def decode(self, latents: Latents, entities: Batch) -> Decoded:
        """Read back what the axes of a token tell of its entities."""
        of_tokens = torch.einsum("bftc,tic->bfti", latents, self.axes) + self.centre
        return self.held.decoded(of_tokens.unflatten(-1, (self.n_sharing, -1)).flatten(2, 3), entities)

    def _held(self, batch: Batch) -> Float[Tensor, "batch frames tokens held"]:
        """What the entities of every token hold, side by side."""
        contents = self.held.of(batch, self.n_latents * self.n_sharing)
        return contents.unflatten(2, (self.n_latents, self.n_sharing)).flatten(3)
