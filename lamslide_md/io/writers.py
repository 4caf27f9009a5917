"""Write trajectories as they come, and make sure that every frame has arrived on disk."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.errors import InputError
from lamslide_md.io.plain_paths import plain_path, suffix
from lamslide_md.io.quiet import netcdf_may_be_slow

STREAMED = (".xtc", ".trr", ".dcd", ".nc", ".h5")
"""Formats that grow frame by frame."""

IN_ANGSTROM = (".dcd", ".nc")
WITHOUT_TIME = (".dcd",)
NM_TO_ANGSTROM = 10.0


class TrajectoryWriter:
    """A trajectory file that grows; a context manager.

    Parameters
    ----------
    path
        Target, of a format in `STREAMED`.
    topology
        Atoms of a frame.

    Raises
    ------
    InputError
        If the format cannot grow or the folder cannot be written to.
    """

    def __init__(self, path: Path, topology: md.Topology) -> None:
        self.path, self.n_frames = path, 0
        self._ending = suffix(path)
        if self._ending not in STREAMED:
            raise InputError(
                f"{path.name}: cannot write {self._ending!r} frame by frame; use one of {', '.join(STREAMED)}"
            )
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._plain = ExitStack()
            with netcdf_may_be_slow():
                self._file = md.open(self._plain.enter_context(plain_path(path)), "w")
        except OSError as error:
            raise InputError(f"cannot write {path}: {error}") from error
        if self._ending == ".h5":
            self._file.topology = topology

    def write(self, positions_nm: Float[np.ndarray, "frames atoms 3"], time_ps: Float[np.ndarray, " frames"]) -> None:
        """Append frames.

        Parameters
        ----------
        positions_nm
            Coordinates of new frames.
        time_ps
            Their times.

        Raises
        ------
        InputError
            If a coordinate is not finite: mdtraj would write it without a word.
        """
        if not np.isfinite(positions_nm).all():
            bad = int(np.argmax(~np.isfinite(positions_nm).all(axis=(1, 2))))
            raise InputError(
                f"{self.path}: frame {self.n_frames + bad} has coordinates that are not finite; not written"
            )
        scaled = positions_nm * NM_TO_ANGSTROM if self._ending in IN_ANGSTROM else positions_nm
        times = {} if self._ending in WITHOUT_TIME else {"time": time_ps.astype(np.float32)}
        try:
            self._file.write(np.ascontiguousarray(scaled, dtype=np.float32), **times)
        except (OSError, RuntimeError) as error:
            raise InputError(f"cannot write {self.path} beyond frame {self.n_frames}: {error}") from error
        self.n_frames += len(positions_nm)

    def close(self) -> None:
        """Close the file and count its frames.

        Raises
        ------
        InputError
            If frames were lost, as happens without an error on a full disk.
        """
        self._file.close()
        self._plain.close()
        if not self.n_frames:
            return
        with plain_path(self.path) as plain, netcdf_may_be_slow(), md.open(plain) as file:
            n_found = len(file)
        if n_found != self.n_frames:
            raise InputError(f"{self.path} holds {n_found} of {self.n_frames} frames; is the disk full?")

    def __enter__(self) -> "TrajectoryWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
