"""Paths as mdtraj's readers and writers can open them: ASCII, with an ending that they know."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CALLED_OTHERWISE = {".ent": ".pdb", ".ent.gz": ".pdb.gz", ".mcif": ".cif"}
"""Endings that mdtraj does not know, of formats that it reads."""


def suffix(path: Path) -> str:
    """Take the ending that names the format, `.pdb.gz` in one piece, in lower case and by its usual name."""
    endings = [ending.lower() for ending in path.suffixes]
    ending = "".join(endings[-2:]) if endings[-1:] == [".gz"] else "".join(endings[-1:])
    return CALLED_OTHERWISE.get(ending, ending)


@contextmanager
def plain_path(path: Path) -> Iterator[str]:
    """Give a file a path that mdtraj can open, for a while: its own, or a link to it from a temporary folder.

    Its readers in C take ASCII only, and formats are known by endings in lower case.

    Parameters
    ----------
    path
        File to be read, or to be written where links can be made.

    Yields
    ------
    str
        Path to open.
    """
    ending = suffix(path)
    if str(path).isascii() and path.name.endswith(ending):
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="lamslide-") as folder:
        link = Path(folder) / f"file{ending}"
        try:
            link.symlink_to(path.absolute())
        except OSError:
            shutil.copyfile(path, link)
        yield str(link)
