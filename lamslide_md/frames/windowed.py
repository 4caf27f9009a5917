"""`Pose`: where a window stands as a whole; the way into the frame of reference of what is known, and back."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.choices import OF_WINDOWS, Placement
from lamslide_md.data.batch import Batch

Positions = Float[Tensor, "batch frames entities slots dim"]


@dataclass(frozen=True)
class Pose:
    """Place and orientation of every window.

    Attributes
    ----------
    origin
        Mean position of the anchor frame; None: windows stay in their place.
    turn
        Rotation into the window's own axes; None: they are not turned.
    """

    origin: Float[Tensor, "batch 1 1 1 dim"] | None = None
    turn: Float[Tensor, "batch dim dim"] | None = None

    @classmethod
    def of(cls, batch: Batch, anchor: int, placement: Placement, generator: torch.Generator | None = None) -> "Pose":
        """Find the pose of windows; see `frames.base.view_of`."""
        if placement not in OF_WINDOWS:
            return cls()
        weight = batch.slot_mask[:, None, :, :, None].to(batch.positions.dtype)
        total = (batch.positions[:, anchor : anchor + 1] * weight).sum(dim=(2, 3), keepdim=True)
        origin = total / weight.sum(dim=(2, 3), keepdim=True)
        if placement == "anchored":
            return cls(origin)
        points = ((batch.positions[:, : anchor + 1] - origin) * weight).flatten(1, 3).double()
        _, axes = torch.linalg.eigh(points.transpose(1, 2) @ points)
        if generator is not None:
            signs = torch.randint(2, axes.shape[:2], generator=generator) * 2.0 - 1
            axes = axes * signs.to(axes)[:, None]
        # No mirror image: the last axis follows from the others.
        mirrored = torch.linalg.det(axes) < 0
        axes[:, :, -1] = torch.where(mirrored[:, None], -axes[:, :, -1], axes[:, :, -1])
        return cls(origin, axes.to(batch.positions))

    def enter(self, batch: Batch) -> Batch:
        """Express windows in their own frames of reference."""
        if self.origin is None:
            return batch
        moved = batch.positions - self.origin
        return batch.with_positions(moved if self.turn is None else torch.einsum("bfesi,bij->bfesj", moved, self.turn))

    def leave(self, positions: Positions) -> Positions:
        """Undo `enter`."""
        if self.turn is not None:
            positions = torch.einsum("bfesj,bij->bfesi", positions, self.turn)
        return positions if self.origin is None else positions + self.origin


def anchor_of(known: Bool[Tensor, " frames"]) -> int:
    """Index, in a window, of the last of the known frames that it begins with: the first unknown one follows it."""
    return max(0, int(known.long().cumprod(dim=0).sum()) - 1)
