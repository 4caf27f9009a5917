"""`Batch`: what every model consumes, with or without chemistry."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Batch:
    """Windows of systems that may differ in their number of entities; a single frame is a window of one.

    Attributes
    ----------
    positions
        Coordinates of the slots of each entity, in units of the length scale of the model; 0 where masked.
    slot_mask
        True where a slot of an entity exists. An entity without slots is padding.
    kinds
        Categorical features of an entity, one column per vocabulary (for an atom: element, name, residue).
    identifiers
        Index of each entity's identifier in the pool; any valid index where the entity is padding.
    reference
        Coordinates of the slots in the structure that a system's frames are superposed on, if there is one.
    """

    positions: Float[Tensor, "batch frames entities slots dim"]
    slot_mask: Bool[Tensor, "batch entities slots"]
    kinds: Int[Tensor, "batch entities columns"]
    identifiers: Int[Tensor, "batch entities"]
    reference: Float[Tensor, "batch entities slots dim"] | None = None

    @classmethod
    def of_positions(cls, positions: Float[Tensor, "batch frames entities slots dim"]) -> "Batch":
        """Make a batch of entities without kinds, of which every slot exists, for transforms of positions."""
        n, _, n_entities, n_slots, _ = positions.shape
        mask = torch.ones(n, n_entities, n_slots, dtype=torch.bool, device=positions.device)
        kinds = torch.zeros(n, n_entities, 0, dtype=torch.long, device=positions.device)
        return cls(positions, mask, kinds, torch.arange(n_entities, device=positions.device).expand(n, -1))

    @property
    def entity_mask(self) -> Bool[Tensor, "batch entities"]:
        """True where an entity exists, False for padding."""
        return self.slot_mask.any(dim=-1)

    def with_positions(self, positions: Float[Tensor, "batch frames entities slots dim"]) -> "Batch":
        """Return the same entities at other positions, padding set to zero."""
        return replace(self, positions=positions * self.slot_mask[:, None, :, :, None])

    def contents(self, vocabulary_sizes: tuple[int, ...]) -> Float[Tensor, "batch frames entities held"]:
        """Join positions and one-hot kinds of every entity, in this order; padding is zero.

        Parameters
        ----------
        vocabulary_sizes
            Number of kinds in each column of `kinds`; without any, positions are all.

        Returns
        -------
        Tensor
            Slots times dimensions, then the kinds of each column.
        """
        moving = self.with_positions(self.positions).positions.flatten(3)
        one_hot = [functional.one_hot(self.kinds[..., i], size) for i, size in enumerate(vocabulary_sizes)]
        static = torch.cat([moving.new_zeros(*self.kinds.shape[:2], 0), *one_hot], dim=-1)
        static = static * self.entity_mask[..., None]
        return torch.cat([moving, static[:, None].expand(-1, moving.shape[1], -1, -1)], dim=-1)

    def to(self, device: torch.device) -> "Batch":
        """Return a copy on a device."""
        reference = None if self.reference is None else self.reference.to(device)
        positions, slot_mask = self.positions.to(device), self.slot_mask.to(device)
        return Batch(positions, slot_mask, self.kinds.to(device), self.identifiers.to(device), reference)


def grown(t: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Enlarge a tensor with zeros at the end of every axis."""
    out = t.new_zeros(shape)
    out[tuple(slice(n) for n in t.shape)] = t
    return out


def pad(batches: list[Batch]) -> Batch:
    """Join batches of systems with different numbers of entities or slots by padding to the largest.

    Parameters
    ----------
    batches
        Batches with equal numbers of frames, dimensions and kind columns.

    Returns
    -------
    Batch
        One batch with as many samples as all of them together.
    """
    if len(batches) == 1:
        return batches[0]
    n_entities = max(b.positions.shape[2] for b in batches)
    n_slots = max(b.positions.shape[3] for b in batches)
    positions, masks, kinds, identifiers, references = [], [], [], [], []
    for b in batches:
        n, n_frames, _, _, dim = b.positions.shape
        positions.append(grown(b.positions, (n, n_frames, n_entities, n_slots, dim)))
        masks.append(grown(b.slot_mask, (n, n_entities, n_slots)))
        kinds.append(grown(b.kinds, (n, n_entities, b.kinds.shape[2])))
        identifiers.append(grown(b.identifiers, (n, n_entities)))
        if b.reference is not None:
            references.append(grown(b.reference, (n, n_entities, n_slots, dim)))
    reference = torch.cat(references) if references else None
    return Batch(torch.cat(positions), torch.cat(masks), torch.cat(kinds), torch.cat(identifiers), reference)
