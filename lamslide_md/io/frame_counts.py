"""How many frames there are in files that grow, told by the files themselves."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mdtraj as md
from ase.io.trajectory import Trajectory as AseTrajectory

from lamslide_md.io.plain_paths import plain_path, suffix
from lamslide_md.io.quiet import quiet
from lamslide_md.io.trajectory_files import count_sound_frames
from lamslide_md.nameless import nameless_path

GROMACS = (".xtc", ".trr")
BLOCK_BYTES = 1 << 20
HEAD_BYTES = 8
"""Of a frame of an xtc or trr: alike in all frames of a file."""


def count_frames(path: Path, n_atoms: int) -> int:
    """Count the frames of a file by their headers or lines, without decoding one.

    Parameters
    ----------
    path
        File of a format that grows.
    n_atoms
        Atoms of a frame.

    Returns
    -------
    int
        Its frames.

    Raises
    ------
    OSError
        If it cannot be read, or ends within a frame.
    """
    if suffix(path) == ".traj":
        with AseTrajectory(path) as file:
            return len(file)
    if suffix(path) not in GROMACS:
        return _count_texts(path, path.stat().st_size, n_atoms)
    try:
        with quiet(), plain_path(path) as plain, md.open(plain) as file:
            return len(file)
    except (AssertionError, IndexError, RuntimeError) as error:
        raise OSError(f"{path} is no whole file of frames: {error}") from error


def count_frames_before(path: Path, length: int, n_atoms: int) -> int:
    """Count the sound frames before a byte, by reading them.

    Parameters
    ----------
    path
        File of a format that grows, but for ASE's, whose length is in frames.
    length
        Byte; the file may go on behind it.
    n_atoms
        Atoms of a frame.

    Returns
    -------
    int
        Frames.

    Raises
    ------
    OSError
        If the file cannot be read, or no frame ends at this byte.
    """
    if length == 0:
        return 0
    if suffix(path) not in GROMACS:
        return _count_texts(path, length, n_atoms)
    with path.open("rb") as file:
        first = file.read(HEAD_BYTES)
        file.seek(length)
        following = file.read(HEAD_BYTES)
    if not first.startswith(following):
        raise OSError(f"no frame ends at byte {length}")
    with _up_to(path, length) as whole:
        return count_sound_frames(whole, suffix(path))


@contextmanager
def _up_to(path: Path, length: int) -> Iterator[Path]:
    """The beginning of a file, as a file of its own."""
    if path.stat().st_size == length:
        yield path
        return
    with nameless_path() as whole, path.open("rb") as file:
        with whole.open("wb") as beginning:
            while length and (block := file.read(min(length, BLOCK_BYTES))):
                beginning.write(block)
                length -= len(block)
        yield whole


def _count_texts(path: Path, length: int, n_atoms: int) -> int:
    """Frames of an extended XYZ: each has a line for every atom, and two before them."""
    n_lines, left, last = 0, length, b"\n"
    with path.open("rb") as file:
        while left and (block := file.read(min(left, BLOCK_BYTES))):
            n_lines, left, last = n_lines + block.count(b"\n"), left - len(block), block[-1:]
    n_frames, rest = divmod(n_lines, n_atoms + 2)
    if rest or last != b"\n":
        raise OSError(f"no frame of {n_atoms} atoms ends at byte {length}")
    return n_frames
