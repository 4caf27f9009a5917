"""`Compose`: several transforms, one after another."""

from dataclasses import dataclass

import torch

from lamslide_md.data.batch import Batch
from lamslide_md.frames.base import Context, Fitted, FrameTransform, Positions


@dataclass(frozen=True)
class Compose(FrameTransform):
    """Applies transforms in their order, each fitted to what the one before has left; none at all change nothing.

    Attributes
    ----------
    parts
        Transforms.
    """

    parts: tuple[FrameTransform, ...]

    def __post_init__(self) -> None:
        combined = {
            "per_window": any(part.per_window for part in self.parts),
            "cacheable": all(part.cacheable for part in self.parts),
            "extra_slots": sum(part.extra_slots for part in self.parts),
            "pairs_within_entities": any(part.pairs_within_entities for part in self.parts),
            "keeps_orientation": all(part.keeps_orientation for part in self.parts),
        }
        for name, value in combined.items():
            object.__setattr__(self, name, value)

    def fit(
        self, batch: Batch, context: Context | None = None, generator: torch.Generator | None = None
    ) -> "FittedCompose":
        """Fit every part."""
        fitted = []
        for part in self.parts:
            fitted.append(part.fit(batch, context, generator))
            batch = fitted[-1].transform(batch)
        return FittedCompose(tuple(fitted))

    def in_one_frame(self, positions: Positions, batch: Batch) -> Positions:
        """Ask every part, the last one first; see `FrameTransform.in_one_frame`."""
        for part in reversed(self.parts):
            positions = part.in_one_frame(positions, batch)
        return positions


@dataclass(frozen=True)
class FittedCompose(Fitted):
    """Fitted transforms, one after another.

    Attributes
    ----------
    parts
        In the order of `transform`.
    """

    parts: tuple[Fitted, ...]

    def transform(self, batch: Batch) -> Batch:
        """Apply all in their order."""
        for part in self.parts:
            batch = part.transform(batch)
        return batch

    def inverse(self, positions: Positions) -> Positions:
        """Undo all in the opposite order."""
        for part in reversed(self.parts):
            positions = part.inverse(positions)
        return positions
