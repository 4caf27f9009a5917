"""What entities hold, by their identifiers, and back: for first stages that learn nothing."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.models.autoencoder import Decoded

Contents = Float[Tensor, "batch frames identifiers held"]


@dataclass(frozen=True)
class HeldContents:
    """Coordinates and kinds of entities, side by side.

    A kind is one number, (place in its vocabulary + 1) / size: one-hot kinds would be most of what is held.

    Attributes
    ----------
    vocabulary_sizes
        Number of kinds in each column of `Batch.kinds`.
    n_slots
        Slots of an entity.
    dim
        Dimensions of space.
    """

    vocabulary_sizes: tuple[int, ...]
    n_slots: int
    dim: int

    @property
    def n_held(self) -> int:
        """Numbers of an entity."""
        return self.n_slots * self.dim + len(self.vocabulary_sizes)

    def of(self, batch: Batch, n_identifiers: int) -> Contents:
        """Put what every entity holds where its identifier is; other identifiers hold nothing."""
        moving = batch.contents(())
        kinds = (batch.kinds + 1) / torch.tensor(self.vocabulary_sizes, device=batch.kinds.device)
        held = torch.cat([moving, kinds[:, None].expand(-1, moving.shape[1], -1, -1)], dim=-1)
        held = held * batch.entity_mask[:, None, :, None]
        contents = held.new_zeros(*held.shape[:2], n_identifiers, held.shape[-1])
        return contents.scatter_add(2, _places(batch).expand(held.shape), held)

    def decoded(self, contents: Contents, entities: Batch) -> Decoded:
        """Take what entities hold from where their identifiers are."""
        index = _places(entities).expand(-1, contents.shape[1], -1, contents.shape[-1])
        held = contents.gather(2, index) * entities.entity_mask[:, None, :, None]
        positions, kinds = held.split([self.n_slots * self.dim, len(self.vocabulary_sizes)], dim=-1)
        positions = positions.unflatten(-1, (self.n_slots, self.dim))
        levels = [torch.arange(1, size + 1, device=contents.device) / size for size in self.vocabulary_sizes]
        logits = tuple(-(kinds[..., i, None] - level).square() for i, level in enumerate(levels))
        return Decoded(positions * entities.slot_mask[:, None, :, :, None], logits)


def _places(batch: Batch) -> Int[Tensor, "batch 1 entities 1"]:
    return batch.identifiers[:, None, :, None]
