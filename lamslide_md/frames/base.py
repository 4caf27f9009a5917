"""`FrameTransform`: how the stages see positions; and `Fitted`, the same fixed to windows, with the way back."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.data.batch import Batch

Positions = Float[Tensor, "batch frames entities slots dim"]
Context = Bool[Tensor, " window"]
"""Which frames of a window are given, from the first on."""


class Fitted(ABC):
    """A transform whose origin and axes are fixed for the windows of one batch."""

    @abstractmethod
    def transform(self, batch: Batch) -> Batch:
        """Express windows in the frame of reference."""

    @abstractmethod
    def inverse(self, positions: Positions) -> Positions:
        """Lead positions out of the frame of reference; they may be of other frames of the same windows."""


class FrameTransform(ABC):
    """One way to see positions.

    Attributes
    ----------
    per_window
        Whether windows are moved as a whole, so that the same frame looks different in another window.
    cacheable
        Whether a frame always looks the same, so that its latents may be kept.
    extra_slots
        Slots that entities are given in addition to their own.
    pairs_within_entities
        Whether distances are only defined between slots of the same entity.
    keeps_orientation
        Whether `Fitted.inverse` leads back to where the molecule stood, and not just to its shape.
    """

    per_window: bool = False
    cacheable: bool = True
    extra_slots: int = 0
    pairs_within_entities: bool = False
    keeps_orientation: bool = True

    @abstractmethod
    def fit(self, batch: Batch, context: Context | None = None, generator: torch.Generator | None = None) -> Fitted:
        """Fix the frame of reference for windows.

        Parameters
        ----------
        batch
            Windows, or only their context frames.
        context
            Which frames of the windows are given; None: the first one.
        generator
            For training: draws what nothing determines, such as the sense of principal axes. None: as it comes.

        Returns
        -------
        Fitted
            For these windows.
        """

    def apply(self, batch: Batch, context: Context | None = None, generator: torch.Generator | None = None) -> Batch:
        """Fit and transform, where no way back is needed."""
        return self.fit(batch, context, generator).transform(batch)

    def in_one_frame(self, positions: Positions, batch: Batch) -> Positions:
        """Lead transformed or decoded positions to where distances between entities are those of the molecule.

        Of transforms with `pairs_within_entities` there is no such place.

        Parameters
        ----------
        positions
            Of the slots of a batch.
        batch
            Transformed windows.

        Returns
        -------
        Tensor
            The positions themselves, where the transform moves all entities as one.
        """
        return positions


@dataclass(frozen=True)
class Unchanged(FrameTransform, Fitted):
    """Positions are seen as they are stored."""

    def fit(self, batch: Batch, context: Context | None = None, generator: torch.Generator | None = None) -> Fitted:
        """Nothing has to be fixed."""
        return self

    def transform(self, batch: Batch) -> Batch:
        """Give back the batch itself."""
        return batch

    def inverse(self, positions: Positions) -> Positions:
        """Give back the positions themselves."""
        return positions


@dataclass(frozen=True)
class RigidMotion(Fitted):
    """Moves windows, or each of their frames, as a whole.

    Attributes
    ----------
    origin
        What becomes the origin.
    turn
        Rotation, applied from the right; None: nothing is turned.
    """

    origin: Float[Tensor, "batch #frames 1 1 dim"]
    turn: Float[Tensor, "batch #frames dim dim"] | None = None

    def transform(self, batch: Batch) -> Batch:
        """Shift the origin away, then turn."""
        moved = batch.positions.to(self.origin) - self.origin
        if self.turn is not None:
            moved = (moved.flatten(2, 3) @ self.turn).view_as(moved)
        return batch.with_positions(moved.to(batch.positions))

    def inverse(self, positions: Positions) -> Positions:
        """Turn back, then shift back."""
        moved = positions.to(self.origin)
        if self.turn is not None:
            moved = (moved.flatten(2, 3) @ self.turn.mT).view_as(moved)
        return (moved + self.origin).to(positions)


def mean_position(
    positions: Positions, weight: Float[Tensor, "#batch 1 entities slots 1"]
) -> Float[Tensor, "batch frames 1 1 dim"]:
    """Mean over the slots that have a weight, frame by frame."""
    return (positions * weight).sum(dim=(2, 3), keepdim=True) / weight.sum(dim=(2, 3), keepdim=True)
