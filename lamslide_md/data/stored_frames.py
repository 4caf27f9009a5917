"""`StoredFrames`: frames in a file instead of in memory, of which only those that are asked for are read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Int

from lamslide_md.data.frame_file import FrameFile

BLOCK_FRAMES = 1000
"""Frames that are read at once where all are gone through."""

Index: TypeAlias = slice | Int[np.ndarray, "..."]


@dataclass(frozen=True)
class StoredFrames:
    """Frames in a file of single precision; indexed by frames like an array, which gives an array.

    Attributes
    ----------
    file
        Where they are, with others.
    first_byte
        Where the first of them begins.
    frame_shape
        Shape of a frame in the file.
    rows
        Which frames from there on these are, in their order.
    order
        Which points of a frame, in their order; None: all.
    unit
        What coordinates are divided by.
    """

    file: FrameFile
    first_byte: int
    frame_shape: tuple[int, ...]
    rows: Int[np.ndarray, " frames"]
    order: Int[np.ndarray, " points"] | None = None
    unit: float = 1.0

    @classmethod
    def written(cls, file: FrameFile, blocks: Iterable[np.ndarray]) -> "StoredFrames":
        """Write frames behind those that are in a file.

        Parameters
        ----------
        file
            Of this process.
        blocks
            Frames after frames, of one shape.

        Returns
        -------
        StoredFrames
            All of them.

        Raises
        ------
        InputError
            If the disk is full.
        """
        first_byte, (n_frames, *frame_shape) = file.append(blocks)
        return cls(file, first_byte, tuple(frame_shape), np.arange(n_frames))

    @property
    def shape(self) -> tuple[int, ...]:
        """Frames, and the shape of each."""
        first = self.frame_shape[0] if self.order is None else len(self.order)
        return len(self.rows), first, *self.frame_shape[1:]

    @property
    def size(self) -> int:
        """Numbers in all frames."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, frames: Index) -> np.ndarray:
        """Read frames."""
        rows = self.rows[frames]
        n_bytes = 4 * int(np.prod(self.frame_shape))
        out = np.empty((rows.size, *self.frame_shape), dtype=np.float32)
        views = out.reshape(-1).view(np.uint8).data
        done, flat = 0, rows.ravel()
        # Frames that follow one another are read at once.
        ends = np.flatnonzero(np.diff(flat) != 1) + 1
        for run in np.split(flat, ends) if rows.size else []:
            start, stop = done * n_bytes, (done + len(run)) * n_bytes
            self.file.read_into(views[start:stop], self.first_byte + int(run[0]) * n_bytes)
            done += len(run)
        out = out if self.order is None else out[:, self.order]
        if self.unit != 1.0:
            out /= np.float32(self.unit)
        return out.reshape(*rows.shape, *out.shape[1:])

    def kept(self, which: Index | Bool[np.ndarray, " frames"]) -> "StoredFrames":
        """Leave frames out, without reading any."""
        return replace(self, rows=self.rows[which])

    def ordered(self, order: np.ndarray) -> "StoredFrames":
        """Put points in another order, without reading any frame."""
        return replace(self, order=order if self.order is None else self.order[order])

    def scaled(self, unit: float) -> "StoredFrames":
        """Express coordinates in a unit."""
        return replace(self, unit=self.unit * unit)

    def sibling(self, blocks: Iterable[np.ndarray]) -> "StoredFrames":
        """Write other frames beside these."""
        return StoredFrames.written(self.file.own(), blocks)


Frames: TypeAlias = np.ndarray | StoredFrames
"""Frames of a trajectory, in memory or in a file."""


def blocks_of(frames: Frames, n: int = BLOCK_FRAMES) -> Iterator[np.ndarray]:
    """Go through frames some at a time; an array in memory in one piece."""
    if isinstance(frames, np.ndarray):
        yield frames
        return
    for first in range(0, len(frames), n):
        yield frames[first : first + n]


def chosen(frames: Frames, which: Index) -> Frames:
    """Some frames, without reading any that are in a file."""
    return frames.kept(which) if isinstance(frames, StoredFrames) else frames[which]


def pieces_of(parts: Sequence[Frames], n: int = BLOCK_FRAMES) -> Iterator[np.ndarray]:
    """Go through the frames of several trajectories some at a time, in memory or not; no piece is of two of them."""
    for part in parts:
        for first in range(0, len(part), n):
            yield part[first : first + n]


def some_of(parts: list[Frames], most: int) -> np.ndarray:
    """Frames of several trajectories in one array: all where they are in memory, else some at equal distances."""
    n_frames = sum(map(len, parts))
    stride = 1 if all(isinstance(part, np.ndarray) for part in parts) else max(1, n_frames // most)
    return np.concatenate([part[::stride] for part in parts])
