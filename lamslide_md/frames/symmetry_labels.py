"""`SymmetryLabels`: atoms that half a turn of their group exchanges, under canonical labels."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.frames.base import Context, Fitted, FrameTransform, Positions
from lamslide_md.frames.rotations import in_double


@dataclass(frozen=True)
class LabelGroup:
    """A planar group with two halves that are alike.

    Attributes
    ----------
    torsion
        Places (entity times slots + slot) of four points whose dihedral angle tells how the group is turned, and of
        the beginning of the other half.
    first, second
        Places that have each other's labels after half a turn.
    seam_rad
        Labels are canonical where the angle is from here to half a turn further.
    """

    torsion: tuple[int, int, int, int, int]
    first: tuple[int, ...]
    second: tuple[int, ...]
    seam_rad: float

    def exchanged(self, places: Float[Tensor, "*frames places 3"]) -> Bool[Tensor, "*frames"]:
        """Tell in which frames the labels are not the canonical ones."""
        before, begin, end, one, other = in_double(places[..., list(self.torsion), :]).unbind(-2)
        arm, axis, after = begin - before, end - begin, one - other
        sine = (arm * torch.linalg.cross(axis, after)).sum(-1) * axis.norm(dim=-1)
        cosine = (torch.linalg.cross(arm, axis) * torch.linalg.cross(axis, after)).sum(-1)
        return (torch.atan2(sine, cosine) - self.seam_rad) % (2 * math.pi) >= math.pi

    def swapped(self, places: Tensor, where: Bool[Tensor, "*frames"]) -> Tensor:
        """Exchange the labels of some frames."""
        out = places.clone()
        both, crossed = [*self.first, *self.second], [*self.second, *self.first]
        out[..., both, :] = torch.where(where[..., None, None], places[..., crossed, :], places[..., both, :])
        return out


@dataclass(frozen=True)
class SymmetryLabels(FrameTransform):
    """Gives every frame its canonical labels.

    Attributes
    ----------
    groups
        Of one system, in the order in which they are looked at.
    """

    groups: tuple[LabelGroup, ...]

    def fit(
        self, batch: Batch, context: Context | None = None, generator: torch.Generator | None = None
    ) -> "FittedLabels":
        """Find out what has to be exchanged in every frame."""
        places, exchanged = batch.positions.flatten(2, 3), []
        for group in self.groups:
            exchanged.append(group.exchanged(places))
            places = group.swapped(places, exchanged[-1])
        return FittedLabels(self.groups, tuple(exchanged))


@dataclass(frozen=True)
class FittedLabels(Fitted):
    """What has to be exchanged.

    Attributes
    ----------
    groups
        Of one system.
    exchanged
        In which frames, for each group.
    """

    groups: tuple[LabelGroup, ...]
    exchanged: tuple[Bool[Tensor, "batch frames"], ...]

    def transform(self, batch: Batch) -> Batch:
        """Give canonical labels."""
        return batch.with_positions(self._swapped(batch.positions, reverse=False))

    def inverse(self, positions: Positions) -> Positions:
        """Give the same frames their labels back."""
        return self._swapped(positions, reverse=True)

    def _swapped(self, positions: Positions, reverse: bool) -> Positions:
        places = positions.flatten(2, 3)
        for group, where in list(zip(self.groups, self.exchanged, strict=True))[:: -1 if reverse else 1]:
            places = group.swapped(places, where)
        return places.view_as(positions)
