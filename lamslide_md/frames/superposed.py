"""`Superposed`: every frame turned onto a reference, so that only inner motion is seen."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.frames.base import Context, FrameTransform, RigidMotion, mean_position
from lamslide_md.frames.rotations import best_rotation, in_double


@dataclass(frozen=True)
class Superposed(FrameTransform):
    """Centres every frame and turns it onto a reference by the rotation of least squared deviation.

    Attributes
    ----------
    reference
        One frame, in any unit of length.
    fitted
        Slots that are centred and fitted.
    """

    reference: Float[Tensor, "entities slots dim"]
    fitted: Bool[Tensor, "entities slots"]

    def fit(
        self, batch: Batch, context: Context | None = None, generator: torch.Generator | None = None
    ) -> RigidMotion:
        """Find centre and rotation of every frame, in double precision where there is one; nothing is mirrored."""
        positions = in_double(batch.positions)
        weight = self.fitted[None, None, :, :, None].to(positions)
        origin = mean_position(positions, weight)
        chosen = self.fitted.to(positions.device)
        target = self.reference.to(positions)[chosen]
        points = (positions - origin)[:, :, chosen]
        return RigidMotion(origin, best_rotation(points, (target - target.mean(dim=0)).expand_as(points)))


def superposed(
    points: Float[np.ndarray, "frames points dim"],
    reference: Float[np.ndarray, "points dim"],
    fit: Int[np.ndarray, " fit"] | None = None,
) -> Float[np.ndarray, "frames points dim"]:
    """Superpose frames of points on the host; see `Superposed`.

    Parameters
    ----------
    points
        Frames, any unit of length.
    reference
        One frame, same unit.
    fit
        Points that are centred and fitted; None: all.

    Returns
    -------
    np.ndarray
        The frames, turned; never mirrored.
    """
    chosen = torch.zeros(len(reference), dtype=torch.bool)
    chosen[slice(None) if fit is None else torch.from_numpy(np.asarray(fit))] = True
    transform = Superposed(torch.from_numpy(reference)[:, None], chosen[:, None])
    batch = Batch.of_positions(torch.from_numpy(np.ascontiguousarray(points))[:, None, :, None])
    return transform.apply(batch).positions[:, 0, :, 0].numpy()
