"""`Centred`: every frame about its mean position, so that only inner motion and orientation are seen."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from lamslide_md.data.batch import Batch
from lamslide_md.frames.base import Context, FrameTransform, RigidMotion, mean_position


@dataclass(frozen=True)
class Centred(FrameTransform):
    """Moves the mean position of every frame to the origin."""

    def fit(
        self, batch: Batch, context: Context | None = None, generator: torch.Generator | None = None
    ) -> RigidMotion:
        """Find the mean position of every frame."""
        return RigidMotion(mean_position(batch.positions, batch.slot_mask[:, None, :, :, None].to(batch.positions)))


def centred(points: Float[np.ndarray, "*frames points dim"]) -> Float[np.ndarray, "*frames points dim"]:
    """Move the mean position of every frame to the origin, on the host."""
    return points - points.mean(axis=-2, keepdims=True)
