"""`Windows`: draw training windows from the trajectories of one or many systems."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lamslide_md.data.batch import Batch, pad
from lamslide_md.data.stored_frames import StoredFrames
from lamslide_md.errors import InputError
from lamslide_md.systems.batches import batch_of
from lamslide_md.systems.entities import Entities


@dataclass(frozen=True)
class SystemDataset:
    """Trajectories of one system, placed and scaled, one after another.

    Attributes
    ----------
    entities
        The system; its vocabularies are the model's.
    points
        Coordinates in units of the model's length scale.
    frame_stride
        Frames of the trajectories in one frame interval of the model.
    lengths
        Frames of each trajectory; None: there is but one. No window reaches from one into the next.
    reference
        Frame that the points are superposed on, in the same unit.
    """

    entities: Entities
    points: Float[np.ndarray, "frames points dim"] | StoredFrames
    frame_stride: int = 1
    lengths: tuple[int, ...] | None = None
    reference: Float[np.ndarray, "points dim"] | None = None

    def scaled(self, length_scale: float) -> "SystemDataset":
        """Express all coordinates in units of a length."""
        unit = np.float32(length_scale)
        reference = None if self.reference is None else self.reference / unit
        if isinstance(self.points, StoredFrames):
            return replace(self, points=self.points.scaled(length_scale), reference=reference)
        return replace(self, points=self.points / unit, reference=reference)

    def starts(self, n_frames: int) -> Int[np.ndarray, " windows"]:
        """First frames of all windows of `n_frames` frames of the model."""
        span = (n_frames - 1) * self.frame_stride
        lengths = np.array(self.lengths or (len(self.points),))
        ends = np.cumsum(lengths)
        inside = [np.arange(end - length, end - span) for length, end in zip(lengths, ends, strict=True)]
        return np.concatenate(inside).astype(int)

    def split(self, share: float) -> tuple["SystemDataset", "SystemDataset | None"]:
        """Cut off the last share of every trajectory, or of their number where they are short.

        Parameters
        ----------
        share
            What is cut off, from 0 to 1.

        Returns
        -------
        kept, cut
            None where nothing is long enough to be cut.
        """
        lengths = np.array(self.lengths or (len(self.points),))
        kept = lengths - np.floor(lengths * share).astype(int)
        if (kept == lengths).all() and len(lengths) > 1:
            kept = np.where(np.arange(len(lengths)) < len(lengths) - max(1, round(share * len(lengths))), lengths, 0)
        first = np.repeat(np.cumsum(lengths) - lengths, lengths)
        is_kept = np.arange(len(self.points)) - first < np.repeat(kept, lengths)
        parts = [
            replace(self, points=_kept(self.points, mask), lengths=tuple(part[part > 0].tolist()))
            if mask.any()
            else None
            for mask, part in ((is_kept, kept), (~is_kept, lengths - kept))
        ]
        return parts[0] or self, parts[1]

    def batch(self, frames: Int[np.ndarray, "windows frames"]) -> Batch:
        """Gather windows by frame indices, with canonical identifiers."""
        return batch_of(self.entities, self.points[frames].astype(np.float32), self.reference)


def _kept(points: np.ndarray | StoredFrames, mask: np.ndarray) -> np.ndarray | StoredFrames:
    return points.kept(mask) if isinstance(points, StoredFrames) else points[mask]


class Windows:
    """Windows of equal length at every possible start in every dataset, drawn uniformly.

    Parameters
    ----------
    datasets
        Trajectories.
    n_frames
        Frames of a window, one frame interval of the model apart.

    Raises
    ------
    InputError
        If no dataset is long enough for one window.
    """

    def __init__(self, datasets: list[SystemDataset], n_frames: int) -> None:
        self.datasets, self.n_frames = datasets, n_frames
        self._starts = [s.starts(n_frames) for s in datasets]
        self.first_index = np.concatenate([[0], np.cumsum([len(starts) for starts in self._starts])])
        if len(self) == 0:
            span = min((n_frames - 1) * s.frame_stride for s in datasets) + 1
            longest = max(max(s.lengths or (len(s.points),)) for s in datasets)
            raise InputError(
                f"trajectory too short: a window spans {span} frames, the longest trajectory has {longest}; "
                "give a longer trajectory, a shorter frame interval or fewer frames per window"
            )

    def __len__(self) -> int:
        return int(self.first_index[-1])

    def owners(self, index: Int[np.ndarray, " windows"]) -> Int[np.ndarray, " windows"]:
        """Tell which dataset each window is of."""
        return np.searchsorted(self.first_index, index, side="right") - 1

    def ordered(self, index: Int[np.ndarray, " windows"]) -> Int[np.ndarray, " windows"]:
        """Put windows in the order of a batch: by dataset, and within one as they come."""
        return index[np.argsort(self.owners(index), kind="stable")]

    def frames_of(self, index: Int[np.ndarray, " windows"]) -> list[tuple[int, Int[np.ndarray, "own frames"]]]:
        """Resolve window indices to datasets and their frame indices, grouped by dataset in rising order."""
        owner = self.owners(index)
        groups = []
        for i in np.unique(owner):
            start = self._starts[i][index[owner == i] - self.first_index[i]]
            groups.append((int(i), start[:, None] + np.arange(self.n_frames) * self.datasets[i].frame_stride))
        return groups

    def batch(self, index: Int[np.ndarray, " windows"], n_frames: int | None = None) -> Batch:
        """Gather windows by index, or only their first frames, padded to one batch, ordered by dataset."""
        return pad([self.datasets[i].batch(frames[:, :n_frames]) for i, frames in self.frames_of(index)])

    def draw(self, n_windows: int, generator: torch.Generator) -> Int[np.ndarray, " windows"]:
        """Draw window indices with replacement."""
        return torch.randint(len(self), (n_windows,), generator=generator).numpy()


def random_rotations(n: int, dim: int, generator: torch.Generator) -> Float[Tensor, "n dim dim"]:
    """Draw rotations from the uniform (Haar) distribution."""
    q, r = torch.linalg.qr(torch.randn(n, dim, dim, generator=generator))
    q = q * torch.sign(torch.diagonal(r, dim1=1, dim2=2))[:, None, :]
    q[:, :, 0] *= torch.sign(torch.linalg.det(q))[:, None]
    return q


def rotated(batch: Batch, generator: torch.Generator) -> Batch:
    """Turn each window as a whole by a random rotation."""
    turns = random_rotations(len(batch.positions), batch.positions.shape[-1], generator).to(batch.positions)
    return batch.with_positions(torch.einsum("bfesi,bij->bfesj", batch.positions, turns))
