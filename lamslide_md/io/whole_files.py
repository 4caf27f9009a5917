"""Files that are replaced in one step: a reader, or a run after a kill, finds the old one or the new one, whole."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a new file beside an old one, which it replaces once it is whole and on disk.

    Where the block fails, the old file is as it was and nothing is left of the new one.

    Parameters
    ----------
    path
        File to make or to replace; of a link, the file that it leads to. Its folder is made if there is none.

    Yields
    ------
    Path
        Where to write, with the same ending.

    Raises
    ------
    OSError
        If the folder cannot be written or the disk is full.
    """
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    # Hidden, and named so that no file of the user's has the name.
    partial = target.with_name(f".lamslide-writes.{target.name}")
    try:
        yield partial
        if target.exists():
            shutil.copymode(target, partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(target)
        _keep_names(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: Path, content: bytes | str) -> None:
    """Make or replace a file in one step.

    Parameters
    ----------
    path
        The file.
    content
        All of it; text is written as UTF-8.

    Raises
    ------
    OSError
        If the folder cannot be written or the disk is full.
    """
    with replacing(path) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


def _keep_names(folder: Path) -> None:
    """Put a rename on disk, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
