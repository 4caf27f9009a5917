"""The hash by which files, data, settings and weights are known again, and damage to them is found."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

READ_BYTES = 1 << 20


def sha256_of(parts: Iterable[bytes]) -> str:
    """SHA-256 of bytes, part by part, in hexadecimal digits."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """SHA-256 of a file as it is now, read in parts, in hexadecimal digits."""
    return RunningHash.of_file(path).hexdigest()


class RunningHash:
    """SHA-256 of a file that grows: what is appended is added, nothing is read twice.

    Attributes
    ----------
    n_bytes
        Bytes hashed so far.
    """

    def __init__(self) -> None:
        self.n_bytes = 0
        self._digest = hashlib.sha256()

    @classmethod
    def of_file(cls, path: Path, n_bytes: int | None = None) -> "RunningHash":
        """Hash the beginning of a file.

        Parameters
        ----------
        path
            The file.
        n_bytes
            Bytes from its start, or fewer where it is shorter; all if left out.

        Returns
        -------
        RunningHash
            To go on with.
        """
        running = cls()
        with path.open("rb") as file:
            running.read(file, path.stat().st_size if n_bytes is None else n_bytes)
        return running

    def add(self, content: bytes) -> None:
        """Go on by bytes."""
        self._digest.update(content)
        self.n_bytes += len(content)

    def read(self, file: BinaryIO, n_bytes: int) -> None:
        """Go on by so many bytes of an open file, or those that are left."""
        while n_bytes > 0 and (content := file.read(min(READ_BYTES, n_bytes))):
            self.add(content)
            n_bytes -= len(content)

    def copy(self) -> "RunningHash":
        """Keep the present state, to go on from it in two ways."""
        other = RunningHash()
        other.n_bytes, other._digest = self.n_bytes, self._digest.copy()
        return other

    def hexdigest(self) -> str:
        """Hexadecimal digits of what was hashed so far."""
        return self._digest.hexdigest()
