"""`FrameFile`: a file without a name, in which arrays are kept one after another."""

import os
import shutil
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lamslide_md.errors import InputError
from lamslide_md.nameless import opened_once, path_of_open


class FrameFile:
    """Numbers of single precision in a file that has no name, so that nothing is left however the process ends.

    It may be handed to other processes of this machine (pickled) while this one runs: they read it, and write into a
    file of their own.

    Parameters
    ----------
    folder
        On whose disk it is.
    source
        Where another process has it open; None: it is made.

    Raises
    ------
    InputError
        If it cannot be made.
    """

    def __init__(self, folder: Path, source: Path | None = None) -> None:
        self.folder = folder
        self._made_here = source is None
        self._n_bytes = 0
        self._beside: FrameFile | None = None
        try:
            self._descriptor = opened_once(folder) if source is None else os.open(source, os.O_RDONLY)
        except OSError as error:
            raise InputError(f"cannot keep frames in {folder}: {error}") from error
        weakref.finalize(self, os.close, self._descriptor)

    def __reduce__(self) -> tuple[type["FrameFile"], tuple[Any, ...]]:
        """Hand over where this process has it open."""
        try:
            path = path_of_open(self._descriptor)
        except OSError as error:
            raise InputError(
                f"frames that are kept on the disk cannot be shared with other processes here ({error}): keep them in "
                "memory (--no-on-disk), or train on one device"
            ) from error
        return FrameFile, (self.folder, path)

    def own(self) -> "FrameFile":
        """Get a file that this process may write: this one, or where another process made it, one in its folder."""
        if self._made_here:
            return self
        if self._beside is None:
            self._beside = FrameFile(self.folder)
        return self._beside

    def append(self, blocks: Iterable[np.ndarray]) -> tuple[int, tuple[int, ...]]:
        """Write arrays behind all others.

        Parameters
        ----------
        blocks
            Frames after frames, of one shape; what makes them writes nothing to this file.

        Returns
        -------
        first_byte
            Where the first begins.
        shape
            Frames in all, and the shape of each.

        Raises
        ------
        InputError
            If the disk is full.
        """
        first_byte, n_frames, frame_shape = self._n_bytes, 0, ()
        end = first_byte
        try:
            for block in blocks:
                numbers = np.ascontiguousarray(block, dtype=np.float32).ravel().view(np.uint8).data
                while len(numbers):
                    n_written = os.pwrite(self._descriptor, numbers, end)
                    numbers, end = numbers[n_written:], end + n_written
                n_frames, frame_shape = n_frames + len(block), tuple(block.shape[1:])
        except OSError as error:
            free = shutil.disk_usage(self.folder).free / 1e9
            raise InputError(
                f"cannot keep the frames in {self.folder} ({error}; {free:.1f} GB are free): free space, or keep them "
                "elsewhere (in training the folder of checkpoints, in comparing that of the environment's TMPDIR)"
            ) from error
        self._n_bytes = end
        return first_byte, (n_frames, *frame_shape)

    def read_into(self, view: memoryview, first_byte: int) -> None:
        """Fill memory with bytes.

        Parameters
        ----------
        view
            Of bytes.
        first_byte
            Of the file.

        Raises
        ------
        OSError
            If the file ends before.
        """
        done = 0
        while done < len(view):
            n_read = os.preadv(self._descriptor, [view[done:]], first_byte + done)
            if not n_read:
                raise OSError(f"a file of frames in {self.folder} ends after {first_byte + done} bytes")
            done += n_read
