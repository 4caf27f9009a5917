"""Temporary files without a name: nothing is left of them, however the process ends."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

Opened = TypeVar("Opened")

OPEN_FILES = Path("/proc")
"""Where Linux lists the files that a process has open, by which they can be opened once more."""


def opened_once(folder: Path) -> int:
    """Make a file that has no name.

    Parameters
    ----------
    folder
        On whose disk it is.

    Returns
    -------
    int
        Its descriptor, to be closed by the caller.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.dup(file.fileno())


def path_of_open(descriptor: int) -> Path:
    """Tell a path that leads to an open file for as long as this process has it open, also from other processes.

    Parameters
    ----------
    descriptor
        Of the file.

    Returns
    -------
    Path
        Without an ending that tells a format.

    Raises
    ------
    OSError
        Where the operating system has no such paths.
    """
    path = OPEN_FILES / str(os.getpid()) / "fd" / str(descriptor)
    if not os.path.lexists(path):
        raise OSError(f"there is no {path} here, which leads to an open file")
    return path


@contextmanager
def nameless_path() -> Iterator[Path]:
    """Make an empty file in the folder for temporary files, for libraries that open paths only.

    Where no path leads to a file without a name (beside Linux), it has one until the end.

    Yields
    ------
    Path
        Without an ending that tells a format.
    """
    with tempfile.TemporaryFile() as file:
        try:
            path = path_of_open(file.fileno())
        except OSError:
            path = None
        if path is not None:
            yield path
            return
    with tempfile.TemporaryDirectory(prefix="lamslide-") as folder:
        yield Path(folder) / "file"


@contextmanager
def nameless_once_open(make: Callable[[str], Opened]) -> Iterator[tuple[Opened, Path]]:
    """Have a library make a file in the folder for temporary files, which loses its name as soon as it is there.

    For libraries that replace what is there. Where no path leads to a file without a name, it has one until the end.

    Parameters
    ----------
    make
        Makes a file of the name that it is given, and keeps it open.

    Yields
    ------
    opened
        What `make` returns.
    path
        To read the file by, without an ending that tells a format.
    """
    with tempfile.TemporaryDirectory(prefix="lamslide-") as folder:
        path = Path(folder) / "file"
        opened = make(str(path))
        descriptor = os.open(path, os.O_RDONLY)
        try:
            with suppress(OSError):
                path = path_of_open(descriptor)
                shutil.rmtree(folder)
            yield opened, path
        finally:
            os.close(descriptor)
