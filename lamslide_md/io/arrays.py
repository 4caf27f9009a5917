"""Files of numpy arrays, written whole or not at all, read without pickle, each array compared with its checksum."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np

from lamslide_md.errors import InputError
from lamslide_md.hashing import sha256_of
from lamslide_md.io.whole_files import replacing

CHECKSUMS = "checksums"
"""One array more, of a text for each of the others, in the order of their names."""

DIGITS = 16


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
        np.savez(file, **arrays, **{CHECKSUMS: _sums(arrays)})  # type: ignore[arg-type]  # numpy has one keyword of its own


def read_arrays(
    path: Path,
    complaint: str,
    mend: str,
    *,
    needed: Collection[str] = (),
    skipped: Collection[str] = (),
    plain: Collection[str] | None = None,
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
    plain
        All names in files that were written before there were checksums: a file of others that has none is damaged.
        None: any.

    Returns
    -------
    dict
        Arrays by name, without the checksums.

    Raises
    ------
    InputError
        If the file is missing, no file of arrays, damaged, or lacks one that is needed.
    """
    try:
        # Opened here: numpy leaves a damaged file open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            names = sorted(file.files)
            arrays = {name: file[name] for name in names if name not in skipped}
    # Of a file that may hold anything, zip and numpy raise errors of a dozen kinds.
    except Exception as error:
        raise InputError(f"{path} {complaint} ({' '.join(str(error).split())}); {mend}") from error
    sums = arrays.pop(CHECKSUMS, None)
    missing = [name for name in needed if name not in arrays]
    if missing:
        raise InputError(f"{path} {complaint} (it has no {missing[0]!r}); {mend}")
    if sums is not None:
        names.remove(CHECKSUMS)
        recorded = dict(zip(names, sums.ravel().tolist(), strict=False))
        wrong = [name for name, array in arrays.items() if _sum_of(name, array) != recorded.get(name)]
        if wrong or len(names) != sums.size:
            what = f"{wrong[0]} is" if wrong else "its arrays are"
            raise InputError(f"{path} {complaint} ({what} not as written, by the checksum); {mend}")
    elif strangers := [name for name in names if plain is not None and name not in plain]:
        raise InputError(f"{path} {complaint} (it holds {strangers[0]!r} and no checksums); {mend}")
    return arrays


def _sums(arrays: Mapping[str, np.ndarray | float | int | str]) -> np.ndarray:
    return np.array([_sum_of(name, np.asarray(array)) for name, array in sorted(arrays.items())])


def _sum_of(name: str, array: np.ndarray) -> str:
    described = f"{name} {array.dtype.str} {array.shape}".encode()
    return sha256_of([described, np.ascontiguousarray(array).tobytes()])[:DIGITS]
