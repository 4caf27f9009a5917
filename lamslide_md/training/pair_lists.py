"""`PairLists`: the pairs of slots whose distances are compared in batches of windows."""

import numpy as np
import torch
from jaxtyping import Int

from lamslide_md.data.batch import Batch
from lamslide_md.frames.base import FrameTransform
from lamslide_md.training.pairs import Pairs, SystemPairs
from lamslide_md.training.stiffness import MAX_FRAMES
from lamslide_md.training.windows import SystemDataset, Windows


def frames_in_one(dataset: SystemDataset, transform: FrameTransform, n_frames: int) -> Batch:
    """Take some of the first frames of a dataset, where distances are those of the molecule.

    Parameters
    ----------
    dataset
        Trajectories of one system.
    transform
        How the stages see them.
    n_frames
        Of which at most `MAX_FRAMES` are taken, equally spaced.

    Returns
    -------
    Batch
        Single frames.
    """
    some = np.arange(0, n_frames, -(-n_frames // MAX_FRAMES))
    batch = transform.apply(dataset.batch(some[:, None]))
    return batch.with_positions(transform.in_one_frame(batch.positions, batch))


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
            batch = frames_in_one(dataset, self.transform, len(dataset.points) if self.share else 1)
            self._lists[i] = SystemPairs.of(dataset.entities, batch, self.share, self.transform.pairs_within_entities)
        return self._lists[i]
