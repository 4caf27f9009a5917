"""`View`: how both stages see windows of positions; the way there (`as_seen` where no way back is needed), and back."""

from typing import TypeAlias

import torch

from lamslide_md.choices import Placement
from lamslide_md.data.batch import Batch
from lamslide_md.frames.residue_frames import Pieces
from lamslide_md.frames.windowed import Pose

View: TypeAlias = Pose | Pieces
"""Shows windows to the stages (`enter`), and makes positions of what these tell (`leave`)."""


def view_of(batch: Batch, anchor: int, placement: Placement, generator: torch.Generator | None = None) -> View:
    """Find how windows are seen.

    Parameters
    ----------
    batch
        Windows, at least up to their anchor.
    anchor
        Index of the last known frame before the first unknown one.
    placement
        ``anchored`` or ``aligned``: by their pose; ``local``: in pieces; others are seen as they are.
    generator
        Draws which way the principal axes of a pose point, which nothing tells: for training. None: as they come.

    Returns
    -------
    View
        Of every window.
    """
    if placement == "local":
        return Pieces(batch.slot_mask)
    return Pose.of(batch, anchor, placement, generator)


def as_seen(batch: Batch, anchor: int, placement: Placement, generator: torch.Generator | None = None) -> Batch:
    """Give windows as the stages see them; see `view_of`."""
    return view_of(batch, anchor, placement, generator).enter(batch)
