"""`Anchored` and `Aligned`: windows moved as a whole, so that the motion of the whole is seen, and its place is not."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.frames.base import Context, FrameTransform, RigidMotion, mean_position
from lamslide_md.frames.rotations import in_double


@dataclass(frozen=True)
class Anchored(FrameTransform):
    """Moves windows to the mean position of their anchor: the last context frame before the first target frame."""

    per_window = True
    cacheable = False

    def fit(
        self, batch: Batch, context: Context | None = None, generator: torch.Generator | None = None
    ) -> RigidMotion:
        """Find the mean position of the anchor frame."""
        return RigidMotion(self._origin(batch, anchor_of(context)))

    def _origin(self, batch: Batch, anchor: int) -> Float[Tensor, "batch 1 1 1 dim"]:
        weight = batch.slot_mask[:, None, :, :, None].to(batch.positions)
        return mean_position(batch.positions[:, anchor : anchor + 1], weight)


@dataclass(frozen=True)
class Aligned(Anchored):
    """Turns anchored windows to the principal axes of their context, so that rotated windows look alike."""

    def fit(
        self, batch: Batch, context: Context | None = None, generator: torch.Generator | None = None
    ) -> RigidMotion:
        """Find the anchor's mean position, and the principal axes of the frames up to it."""
        anchor = anchor_of(context)
        origin = self._origin(batch, anchor)
        weight = batch.slot_mask[:, None, :, :, None].to(batch.positions)
        points = in_double(((batch.positions[:, : anchor + 1] - origin) * weight).flatten(1, 3))
        _, axes = torch.linalg.eigh(points.mT @ points)
        if generator is not None:
            signs = torch.randint(2, axes.shape[:2], generator=generator) * 2.0 - 1
            axes = axes * signs.to(axes)[:, None]
        # No mirror image: the last axis follows from the others.
        mirrored = torch.linalg.det(axes) < 0
        axes[:, :, -1] = torch.where(mirrored[:, None], -axes[:, :, -1], axes[:, :, -1])
        return RigidMotion(origin, axes.to(batch.positions)[:, None])


def anchor_of(context: Bool[Tensor, " frames"] | None) -> int:
    """Index, in a window, of the last of the context frames that it begins with: a target frame follows it."""
    return 0 if context is None else max(0, int(context.long().cumprod(dim=0).sum()) - 1)
