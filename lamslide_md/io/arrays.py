"""Files of numpy arrays, written whole or not at all and read without pickle."""

import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from lamslide_md.errors import InputError
from lamslide_md.io.whole_files import replacing


def write_arrays(path: Path, **arrays: np.ndarray | float | int | str) -> None:
    """Replace a file, which is either the old or the new one at any moment.

    Parameters
    ----------
    path
        File, ``.npz``.
    **arrays
        What it holds, by name.

    Raises
    ------
    OSError
        If the disk is full or read-only.
    """
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy has one keyword of its own


def read_arrays(
    path: Path, complaint: str, mend: str, *, needed: Collection[str] = (), skipped: Collection[str] = ()
) -> dict[str, np.ndarray]:
    """Read a file of arrays.

    Parameters
    ----------
    path
        File.
    complaint
        What to say of a file that cannot be read, after its name.
    mend
        What can be done then.
    needed
        Names that must be there.
    skipped
        Names that are not read.

    Returns
    -------
    dict
        Arrays by name.

    Raises
    ------
    InputError
        If the file is missing, no file of arrays, damaged, or lacks one that is needed.
    """
    try:
        # Opened here: numpy leaves a damaged file open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name not in skipped}
    except (OSError, AttributeError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} {complaint} ({error}); {mend}") from error
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise InputError(f"{path} {complaint} (it has no {missing[0]!r}); {mend}")
    return arrays
