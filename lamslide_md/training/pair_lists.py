"""`PairLists`: the pairs of slots whose distances are compared in batches of windows."""

import numpy as np
import torch
from jaxtyping import Int

from lamslide_md.frames.base import FrameTransform
from lamslide_md.training.pairs import Pairs, SystemPairs
from lamslide_md.training.stiffness import MAX_FRAMES
from lamslide_md.training.windows import Windows


class PairLists:
    """Pairs of slots of every dataset, listed when they are first asked for.

    Parameters
    ----------
    windows
        Of the datasets.
    transform
        How the stages see them.
    share
        Part of the weight given by stiffness.
    """

    def __init__(self, windows: Windows, transform: FrameTransform, share: float) -> None:
        self.windows, self.transform, self.share = windows, transform, share
        self._lists: dict[int, SystemPairs] = {}

    def draw(self, index: Int[np.ndarray, " windows"], generator: torch.Generator) -> Pairs:
        """List the pairs of windows, in the order of `Windows.batch`; of large systems some are drawn."""
        owners, counts = np.unique(self.windows.owners(index), return_counts=True)
        parts = [self._of_dataset(int(i)).draw(generator) for i in owners]
        return Pairs.joined(parts, counts.tolist())

    def _of_dataset(self, i: int) -> SystemPairs:
        if i not in self._lists:
            dataset = self.windows.datasets[i]
            n_frames = len(dataset.points) if self.share else 1
            some = np.arange(0, n_frames, -(-n_frames // MAX_FRAMES))
            batch = self.transform.apply(dataset.batch(some[:, None]))
            batch = batch.with_positions(self.transform.in_one_frame(batch.positions, batch))
            self._lists[i] = SystemPairs.of(dataset.entities, batch, self.share, self.transform.pairs_within_entities)
        return self._lists[i]
