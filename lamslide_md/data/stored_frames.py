"""`StoredFrames`: frames in a file instead of in memory, of which only those that are asked for are read."""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Int

from lamslide_md.errors import InputError

BLOCK_FRAMES = 1000
"""Frames that are read at once where all are gone through."""

Index: TypeAlias = slice | Int[np.ndarray, "..."]


@dataclass(frozen=True)
class StoredFrames:
    """Frames in a file of single precision; indexed by frames like an array, which gives an array.

    Attributes
    ----------
    path
        The file.
    frame_shape
        Shape of a frame in the file.
    rows
        Which frames of the file these are, in their order.
    order
        Which points of a frame, in their order; None: all.
    unit
        What coordinates are divided by.
    """

    path: Path
    frame_shape: tuple[int, ...]
    rows: Int[np.ndarray, " frames"]
    order: Int[np.ndarray, " points"] | None = None
    unit: float = 1.0

    @classmethod
    def written(cls, path: Path, blocks: Iterable[np.ndarray]) -> "StoredFrames":
        """Write frames to a new file.

        Parameters
        ----------
        path
            File.
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
        n_frames, frame_shape = 0, ()
        try:
            with path.open("wb") as file:
                for block in blocks:
                    np.ascontiguousarray(block, dtype=np.float32).tofile(file)
                    n_frames, frame_shape = n_frames + len(block), tuple(block.shape[1:])
        except OSError as error:
            free = shutil.disk_usage(path.parent).free / 1e9
            raise InputError(
                f"cannot keep the frames in {path.parent} ({error}; {free:.1f} GB are free): free space, or keep them "
                "elsewhere (in training the folder of checkpoints, in comparing that of the environment's TMPDIR)"
            ) from error
        return cls(path, frame_shape, np.arange(n_frames))

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
        views = memoryview(out.reshape(rows.size, -1).data).cast("B") if rows.size else b""
        with self.path.open("rb", buffering=0) as file:
            done, flat = 0, rows.ravel()
            # Frames that follow one another are read at once.
            ends = np.flatnonzero(np.diff(flat) != 1) + 1
            for run in np.split(flat, ends) if rows.size else []:
                start, stop = done * n_bytes, (done + len(run)) * n_bytes
                while start < stop:
                    offset = int(run[0]) * n_bytes + start - done * n_bytes
                    start += os.preadv(file.fileno(), [views[start:stop]], offset)
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
        """Write other frames into the same folder."""
        n_files = sum(1 for _ in self.path.parent.iterdir())
        return StoredFrames.written(self.path.with_name(f"frames{n_files}.bin"), blocks)


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
