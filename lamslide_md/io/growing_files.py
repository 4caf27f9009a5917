"""Trajectory files that grow chunk by chunk, are readable all the while, and survive a kill between two chunks."""

import os
import tempfile
from io import StringIO
from pathlib import Path

import ase.io
import mdtraj as md
import numpy as np

from lamslide_md.hashing import RunningHash
from lamslide_md.io.ase_atoms import ase_frames
from lamslide_md.io.frame_counts import GROMACS, count_frames_before
from lamslide_md.io.growing_ase import AseFile
from lamslide_md.io.growing_base import GrowingFile
from lamslide_md.io.plain_paths import suffix
from lamslide_md.io.trajectory_files import FRAME_WISE
from lamslide_md.nameless import nameless_once_open

EXTENDED_XYZ = (".extxyz", ".xyz")
GROWING = (*GROMACS, *EXTENDED_XYZ, ".traj")
"""Formats that grow in place. A frame of the others has no end of its own, or the file a header that counts frames."""


class BytesFile(GrowingFile):
    """A file whose frames stand alone, so that chunks are joined by joining their bytes; its length is in bytes."""

    def _append(
        self, length: int, first_frame: int, positions_nm: np.ndarray, time_ps: np.ndarray, running: RunningHash
    ) -> int:
        if suffix(self.path) in GROMACS:
            content = self._binary(first_frame, positions_nm, time_ps)
        else:
            content = self._text(positions_nm, time_ps)
        append_bytes(self.path, length, content)
        running.add(content)
        return length + len(content)

    def _hash(self, length: int) -> RunningHash:
        running = RunningHash.of_file(self.path, length)
        if running.n_bytes < length:
            raise OSError(f"it has {running.n_bytes} bytes, {length} were written")
        return running

    def _count(self, length: int) -> int:
        return count_frames_before(self.path, length, self.topology.n_atoms)

    def _cut(self, length: int) -> None:
        os.truncate(self.path, length)

    def _binary(self, first_frame: int, positions_nm: np.ndarray, time_ps: np.ndarray) -> bytes:
        frames = {
            "xyz": np.ascontiguousarray(positions_nm, dtype=np.float32),
            "time": time_ps.astype(np.float32),
            "step": np.arange(first_frame + 1, first_frame + 1 + len(positions_nm), dtype=np.int32),
        }
        opened, folder = FRAME_WISE[suffix(self.path)], tempfile.gettempdir()
        try:
            with nameless_once_open(lambda plain: opened(plain, "w")) as (file, chunk):
                with file:
                    file.write(**frames)
                with opened(str(chunk)) as written:
                    n_found = len(written)
                # A full disk can lose frames without an error, too.
                if n_found != len(positions_nm):
                    raise OSError(f"{n_found} of {len(positions_nm)} frames fitted into {folder}: is it full?")
                return chunk.read_bytes()
        except RuntimeError as error:
            raise OSError(f"{error}, {len(positions_nm)} frames into {folder}: is it full?") from error

    def _text(self, positions_nm: np.ndarray, time_ps: np.ndarray) -> bytes:
        text = StringIO()
        ase.io.write(text, ase_frames(self.topology, positions_nm, time_ps, self.chain), format="extxyz")
        return text.getvalue().encode()


def growing_file(path: Path, topology: md.Topology, chain: int) -> GrowingFile:
    """Choose how a file grows, by its ending.

    Parameters
    ----------
    path
        File of a format in `GROWING`.
    topology
        Atoms of a frame.
    chain
        Which chain it is.

    Returns
    -------
    GrowingFile
        Nothing is written yet.
    """
    return (AseFile if suffix(path) == ".traj" else BytesFile)(path, topology, chain)


def append_bytes(path: Path, length: int, content: bytes) -> None:
    """Cut a file to a length and append bytes.

    Parameters
    ----------
    path
        File; made if the length is 0.
    length
        Bytes to keep.
    content
        To append.

    Raises
    ------
    OSError
        If the file is shorter, or the disk full.
    """
    with path.open("rb+" if length else "wb") as file:
        size = file.seek(0, os.SEEK_END)
        if size < length:
            raise OSError(f"{path} has {size} bytes, {length} were written; it was replaced or cut")
        file.truncate(length)
        file.seek(length)
        file.write(content)
