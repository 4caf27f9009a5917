"""`Pose`: where a window stands as a whole; the way into the frame of reference of what is known, and back."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.data.placement import Placement

Positions = Float[Tensor, "batch frames entities slots dim"]


@dataclass(frozen=True)
class Pose:
    """Place and orientation of every window.

    Attributes
    ----------
    origin
        Mean position of the anchor frame.
    turn
        Rotation into the window's own axes.
    """

    origin: Float[Tensor, "batch 1 1 1 dim"]
    turn: Float[Tensor, "batch dim dim"]

    def enter(self, batch: Batch) -> Batch:
        """Express windows in their own frames of reference."""
        return batch.with_positions(torch.einsum("bfesi,bij->bfesj", batch.positions - self.origin, self.turn))

    def leave(self, positions: Positions) -> Positions:
        """Undo `enter`."""
        return torch.einsum("bfesj,bij->bfesi", positions, self.turn) + self.origin


def pose_of(batch: Batch, anchor: int, placement: Placement, generator: torch.Generator | None = None) -> Pose:
    """Find the pose of windows.

    Parameters
    ----------
    batch
        Windows, at least up to their anchor.
    anchor
        Index of the last known frame before the first unknown one.
    placement
        ``anchored`` or ``aligned``; frames that are placed one by one have the pose that changes nothing.
    generator
        Draws which way the principal axes point, which nothing tells: for training. None: as they come.

    Returns
    -------
    Pose
        Of every window.
    """
    n, dim = len(batch.positions), batch.positions.shape[-1]
    same = torch.eye(dim).to(batch.positions).expand(n, -1, -1)
    if placement not in ("anchored", "aligned"):
        return Pose(batch.positions.new_zeros(n, 1, 1, 1, dim), same)
    weight = batch.slot_mask[:, None, :, :, None].to(batch.positions.dtype)
    total = (batch.positions[:, anchor : anchor + 1] * weight).sum(dim=(2, 3), keepdim=True)
    origin = total / weight.sum(dim=(2, 3), keepdim=True)
    if placement == "anchored":
        return Pose(origin, same)
    points = ((batch.positions[:, : anchor + 1] - origin) * weight).flatten(1, 3).double()
    _, axes = torch.linalg.eigh(points.transpose(1, 2) @ points)
    signs = torch.ones(n, dim)
    if generator is not None:
        signs = torch.randint(2, (n, dim), generator=generator) * 2.0 - 1
    axes = axes * signs.to(axes)[:, None]
    # No mirror image: the last axis follows from the others.
    mirrored = torch.linalg.det(axes) < 0
    axes[:, :, -1] = torch.where(mirrored[:, None], -axes[:, :, -1], axes[:, :, -1])
    return Pose(origin, axes.to(batch.positions))
