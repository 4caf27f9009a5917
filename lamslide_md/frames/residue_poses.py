"""`ResiduePoses`: each residue beside its own place in a reference, its side chain as its backbone sees it."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.data.slots import ALPHA, CARBONYL, NITROGEN
from lamslide_md.errors import InputError
from lamslide_md.frames.base import Context, Fitted, FrameTransform, Positions
from lamslide_md.frames.rotations import axes_through

BACKBONE = (NITROGEN, ALPHA, CARBONYL)

NEARLY_STRAIGHT = 0.1
"""Sine of the angle at the middle one of three atoms, below which their frame is not determined: 174 degrees."""

Axes = Float[Tensor, "batch frames entities 3 3"]
Origins = Float[Tensor, "batch frames entities 3"]
Three = Int[Tensor, "batch entities 3"]


@dataclass(frozen=True)
class ResiduePoses(FrameTransform):
    """Sees the backbone of every residue from where it stands in a reference, and the rest from that backbone.

    Three atoms give a residue its frame of reference: N, C-alpha and C, or the first three that it has. They are seen
    in the frame that they span in the reference structure, all other atoms in the one that they span now. Errors stay
    where they are made: no residue is placed by way of another, so that a fold is held however long the chain. Frames
    must be superposed on the reference before. A residue of fewer than three atoms only moves, and so does one whose
    three are on a line in the reference, as those of carbon dioxide.

    References
    ----------
    Residues as rigid bodies: Jumper et al., Nature 596 (2021) 583.
    """

    def fit(
        self, batch: Batch, context: Context | None = None, generator: torch.Generator | None = None
    ) -> "FittedPoses":
        """Find the frame of reference of every residue in the reference structure."""
        if batch.reference is None:
            raise InputError("placement=poses needs the reference structure of every system in the batch")
        three = _spanning(batch.slot_mask)
        rigid = (batch.slot_mask.sum(dim=-1) >= 3) & ~_straight(batch.reference, three)
        origins, axes = _frames_of(batch.reference[:, None], three, rigid)
        return FittedPoses(three, rigid, origins, axes)

    def in_one_frame(self, positions: Positions, batch: Batch) -> Positions:
        """Lead all residues back: only there are bonds between them as long as they are."""
        return self.fit(batch).inverse(positions)


@dataclass(frozen=True)
class FittedPoses(Fitted):
    """Residues in frames of reference of their own, and back.

    Attributes
    ----------
    three
        Slots that span a residue's frame.
    rigid
        Whether it has three atoms that are not on a line.
    origins, axes
        Of the frames in the reference structure.
    """

    three: Three
    rigid: Bool[Tensor, "batch entities"]
    origins: Origins
    axes: Axes

    def transform(self, batch: Batch) -> Batch:
        """Express backbones in the frames of the reference, other atoms in those that the backbones span."""
        positions = batch.positions
        still = (positions - self.origins[..., None, :].to(positions)) @ self.axes.to(positions)
        origins, axes = _frames_of(still, self.three, self.rigid)
        own = (still - origins[..., None, :]) @ axes
        return batch.with_positions(torch.where(self._spans(positions), still, own))

    def inverse(self, positions: Positions) -> Positions:
        """Place side chains by their backbones, then everything by the reference."""
        origins, axes = _frames_of(positions, self.three, self.rigid)
        placed = positions @ axes.mT + origins[..., None, :]
        still = torch.where(self._spans(positions), positions, placed)
        return still @ self.axes.mT.to(positions) + self.origins[..., None, :].to(positions)

    def _spans(self, positions: Positions) -> Bool[Tensor, "batch 1 entities slots 1"]:
        """Tell which slots span the frame of their residue; all of a residue without one."""
        slot = torch.arange(positions.shape[3], device=positions.device)
        spans = (slot == self.three[..., None]).any(dim=-2) | ~self.rigid[..., None]
        return spans[:, None, :, :, None]


def _spanning(slot_mask: Bool[Tensor, "batch entities slots"]) -> Three:
    """Slots of N, C-alpha and C where a residue has all of them, else of its first three atoms."""
    first = (~slot_mask).to(torch.int8).argsort(dim=-1, stable=True)[..., :3]
    backbone = torch.tensor(BACKBONE, device=slot_mask.device)
    return torch.where(slot_mask[..., backbone].all(dim=-1, keepdim=True), backbone, first)


def _straight(reference: Float[Tensor, "batch entities slots 3"], three: Three) -> Bool[Tensor, "batch entities"]:
    """Tell whether three slots are nearly on a line."""
    back, middle, ahead = reference.gather(2, three[..., None].expand(*three.shape, 3)).unbind(2)
    back, ahead = back - middle, ahead - middle
    area = torch.linalg.cross(back, ahead).norm(dim=-1)
    return area < NEARLY_STRAIGHT * back.norm(dim=-1) * ahead.norm(dim=-1)


def _frames_of(positions: Positions, three: Three, rigid: Bool[Tensor, "batch entities"]) -> tuple[Origins, Axes]:
    """Origins and axes (as columns) by Gram and Schmidt; of residues of fewer than three atoms, no turn at all."""
    index = three[:, None, :, :, None].expand(*positions.shape[:3], 3, 3)
    back, middle, ahead = positions.gather(3, index).unbind(3)
    axes = axes_through(back, middle, ahead)
    return middle, torch.where(rigid[:, None, :, None, None], axes, torch.eye(3).to(axes))
