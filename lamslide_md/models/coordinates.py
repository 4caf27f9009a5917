"""`Coordinates`, the first stage that learns nothing: what a flow without a latent space would see."""

import torch
from jaxtyping import Int
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.models.autoencoder import Autoencoder, Decoded, Latents
from lamslide_md.models.identifiers import MAX_DIM, IdentifierPool


class Coordinates(Autoencoder):
    """One token for each identifier, which holds the coordinates and kinds of its entity: the baseline of the method.

    A kind is one number, (place in its vocabulary + 1) / size: one-hot kinds would be most of a molecule's features,
    and the prior's covariance has the square of them times the frames.

    Parameters
    ----------
    vocabulary_sizes
        Number of kinds in each column of `Batch.kinds`.
    n_identifiers
        Tokens; at least the number of entities of any system.
    n_slots
        Slots of an entity.
    dim
        Dimensions of space.
    """

    def __init__(self, vocabulary_sizes: tuple[int, ...], n_identifiers: int, n_slots: int, dim: int) -> None:
        pool = IdentifierPool(n_identifiers, min(n_identifiers, MAX_DIM))
        super().__init__(pool, n_identifiers, n_slots * dim + len(vocabulary_sizes))
        self.vocabulary_sizes, self.n_slots, self.dim = vocabulary_sizes, n_slots, dim

    def encode(self, batch: Batch) -> Latents:
        """Put every entity's coordinates and kinds into the token of its identifier; other tokens are zero."""
        moving = batch.contents(())
        kinds = (batch.kinds + 1) / torch.tensor(self.vocabulary_sizes, device=batch.kinds.device)
        held = torch.cat([moving, kinds[:, None].expand(-1, moving.shape[1], -1, -1)], dim=-1)
        held = held * batch.entity_mask[:, None, :, None]
        latents = held.new_zeros(*held.shape[:2], self.n_latents, held.shape[-1])
        return latents.scatter_add(2, self._tokens(batch).expand(held.shape), held)

    def decode(self, latents: Latents, entities: Batch) -> Decoded:
        """Take the coordinates of the entities out of their tokens."""
        index = self._tokens(entities).expand(-1, latents.shape[1], -1, latents.shape[-1])
        content = latents.gather(2, index) * entities.entity_mask[:, None, :, None]
        positions, kinds = content.split([self.n_slots * self.dim, len(self.vocabulary_sizes)], dim=-1)
        positions = positions.unflatten(-1, (self.n_slots, self.dim))
        levels = [torch.arange(1, size + 1, device=latents.device) / size for size in self.vocabulary_sizes]
        logits = tuple(-(kinds[..., i, None] - level).square() for i, level in enumerate(levels))
        return Decoded(positions * entities.slot_mask[:, None, :, :, None], logits)

    def _tokens(self, batch: Batch) -> Int[Tensor, "batch 1 entities 1"]:
        """Which token belongs to each entity."""
        return batch.identifiers[:, None, :, None]
