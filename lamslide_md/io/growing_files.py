"""Trajectory files that grow chunk by chunk, are readable all the while, and survive a kill between two chunks."""

import os
import tempfile
from abc import ABC, abstractmethod
from io import StringIO
from pathlib import Path

import ase.io
import mdtraj as md
import numpy as np
from ase.io.trajectory import Trajectory as AseTrajectory
from jaxtyping import Float

from lamslide_md.io.ase_atoms import ase_frames
from lamslide_md.io.plain_paths import suffix
from lamslide_md.systems.topologies import labels_digest, labels_of

GROMACS = (".xtc", ".trr")
EXTENDED_XYZ = (".extxyz", ".xyz")
GROWING = (*GROMACS, *EXTENDED_XYZ, ".traj")
"""Formats that grow in place. A frame of the others has no end of its own, or the file a header that counts frames."""

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
        for first in range(0, len(positions_nm), CHUNK_FRAMES):
            some = slice(first, first + CHUNK_FRAMES)
            length = self._append(length, first_frame + first, positions_nm[some], time_ps[some])
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())
        return length

    @abstractmethod
    def _append(self, length: int, first_frame: int, positions_nm: np.ndarray, time_ps: np.ndarray) -> int: ...


class BytesFile(GrowingFile):
    """A file whose frames stand alone, so that chunks are joined by joining their bytes; its length is in bytes."""

    def _append(self, length: int, first_frame: int, positions_nm: np.ndarray, time_ps: np.ndarray) -> int:
        if suffix(self.path) in GROMACS:
            content = self._binary(first_frame, positions_nm, time_ps)
        else:
            content = self._text(positions_nm, time_ps)
        append_bytes(self.path, length, content)
        return length + len(content)

    def _binary(self, first_frame: int, positions_nm: np.ndarray, time_ps: np.ndarray) -> bytes:
        frames = {
            "xyz": np.ascontiguousarray(positions_nm, dtype=np.float32),
            "time": time_ps.astype(np.float32),
            "step": np.arange(first_frame + 1, first_frame + 1 + len(positions_nm), dtype=np.int32),
        }
        with tempfile.TemporaryDirectory() as folder:
            chunk = Path(folder) / f"chunk{suffix(self.path)}"
            try:
                with md.open(str(chunk), "w") as file:
                    file.write(**frames)
                with md.open(str(chunk)) as file:
                    n_found = len(file)
            except RuntimeError as error:
                raise OSError(f"{error}, {len(positions_nm)} frames into {folder}: is it full?") from error
            # A full disk can lose frames without an error, too.
            if n_found != len(positions_nm):
                raise OSError(f"{n_found} of {len(positions_nm)} frames fitted into {folder}: is it full?")
            return chunk.read_bytes()

    def _text(self, positions_nm: np.ndarray, time_ps: np.ndarray) -> bytes:
        text = StringIO()
        ase.io.write(text, ase_frames(self.topology, positions_nm, time_ps, self.chain), format="extxyz")
        return text.getvalue().encode()


class AseFile(GrowingFile):
    """ASE's own format; its length is in frames.

    Such a file cannot be cut. Frames behind the length were made from the same state and are the same: they stay.
    """

    def __init__(self, path: Path, topology: md.Topology, chain: int) -> None:
        super().__init__(path, topology, chain)
        self._labels = labels_digest(labels_of(topology))

    def _append(self, length: int, first_frame: int, positions_nm: np.ndarray, time_ps: np.ndarray) -> int:
        # ASE opens an empty file to append as one to write.
        mode = "a" if length else "w"
        with AseTrajectory(self.path, mode) as file:
            n_there = len(file) if length else 0
            if n_there < length:
                raise OSError(f"{self.path} has {n_there} frames, {length} were written; it was replaced or cut")
            for atoms in ase_frames(self.topology, positions_nm, time_ps, self.chain)[n_there - length :]:
                # The format has no place for names: these tell `LatentDynamics` which atoms they are.
                atoms.info["lamslide"] = {"atoms": {"labels": self._labels, "index": list(range(len(atoms)))}}
                file.write(atoms)
        return length + len(positions_nm)


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
