"""What is alike in trajectory files that grow: appending behind a known length, and knowing again what was written."""

import os
from abc import ABC, abstractmethod
from pathlib import Path

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.errors import InputError
from lamslide_md.hashing import RunningHash

CHUNK_FRAMES = 1000
"""Frames encoded at once: bounds memory."""


class GrowingFile(ABC):
    """A trajectory of one chain that frames are appended to.

    Parameters
    ----------
    path
        File.
    topology
        Atoms of a frame.
    chain
        Which chain it is, for formats that can say so.
    """

    def __init__(self, path: Path, topology: md.Topology, chain: int) -> None:
        self.path, self.topology, self.chain = path, topology, chain
        self._hashes = {0: RunningHash()}

    def digest(self, length: int) -> str:
        """SHA-256 of the file up to a length that `extend` has returned or begun at, or `resume` has found."""
        return self._hashes[length].hexdigest()

    def resume(self, length: int, digest: str | None, n_frames: int | None = None) -> None:
        """Find out whether the file is still as it was at a length, and go on from there.

        Parameters
        ----------
        length
            As returned by the last `extend` that counts.
        digest
            Of the file then; None where it is not known.
        n_frames
            In the file then; they are counted where there is no digest. None: any number.

        Raises
        ------
        InputError
            If the file was cut, replaced or damaged since.
        """
        mend = "put it back, or roll out anew, without continuing"
        try:
            self._hashes = {length: self._hash(length)}
            n_found = self._count(length) if digest is None and n_frames is not None else n_frames
        # Of a file that may hold anything, ASE raises errors of a dozen kinds.
        except Exception as error:
            raise InputError(f"{self.path} was replaced or cut since ({error}); {mend}") from error
        if digest not in (None, self.digest(length)):
            raise InputError(
                f"{self.path} is not as it was written, by the checksum in the restart file: it was damaged or changed "
                f"since; {mend}"
            )
        if n_found != n_frames:
            raise InputError(
                f"{self.path} holds {n_found:,} sound frames where the restart file tells of {n_frames:,}: one of them "
                f"is damaged or of another rollout; {mend}"
            )
        try:
            self._cut(length)
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error}; free space") from error

    def extend(
        self,
        length: int,
        first_frame: int,
        positions_nm: Float[np.ndarray, "frames atoms 3"],
        time_ps: Float[np.ndarray, " frames"],
    ) -> int:
        """Append frames behind a known length and wait until they are on disk; what was there behind it is dropped.

        Parameters
        ----------
        length
            As returned by the last `extend` that counts; 0 begins the file.
        first_frame
            Index of the first new frame in its chain.
        positions_nm
            Coordinates of new frames.
        time_ps
            Their times.

        Returns
        -------
        int
            New length, in the format's own measure.

        Raises
        ------
        OSError
            If the disk is full or the file was cut meanwhile.
        """
        begun, running = length, self._hashes[length].copy()
        for first in range(0, len(positions_nm), CHUNK_FRAMES):
            some = slice(first, first + CHUNK_FRAMES)
            length = self._append(length, first_frame + first, positions_nm[some], time_ps[some], running)
        # Where another chain finds no room, this one is extended from the earlier length once more.
        self._hashes = {begun: self._hashes[begun], length: running}
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        return length

    @abstractmethod
    def _append(
        self, length: int, first_frame: int, positions_nm: np.ndarray, time_ps: np.ndarray, running: RunningHash
    ) -> int: ...

    @abstractmethod
    def _hash(self, length: int) -> RunningHash: ...

    @abstractmethod
    def _count(self, length: int) -> int: ...

    @abstractmethod
    def _cut(self, length: int) -> None: ...
