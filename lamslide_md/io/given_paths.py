"""Paths as users give them: in Python texts and `pathlib.Path`, nothing else; files to read are regular ones."""

import os
from os import PathLike
from pathlib import Path

from lamslide_md.errors import InputError, option


def path_of(value: object, name: str) -> Path:
    """Take what a user gave for a path.

    Parameters
    ----------
    value
        Text or path.
    name
        Of the parameter.

    Returns
    -------
    Path
        The same.

    Raises
    ------
    InputError
        If it is neither, naming the parameter.
    """
    from lamslide_md.io.structured_texts import shortened

    plain = value.__fspath__() if isinstance(value, PathLike) else value
    if not isinstance(plain, str):
        raise InputError(
            f"{option(name)}={shortened(value)} is of type {type(value).__name__}; give a text or a pathlib.Path"
        )
    return Path(plain)


def check_file(path: Path, mend: str = "check the path") -> None:
    """Refuse to read what is no regular file: a pipe that nobody writes to would be waited for without end.

    Parameters
    ----------
    path
        File to be read.
    mend
        What the user can do: the message ends with it.

    Raises
    ------
    InputError
        Saying what there is instead.
    """
    try:
        if path.is_file():
            return
        if path.is_dir():
            what = "is a folder"
        elif path.exists():
            what = "is no regular file but a device, pipe or socket"
        else:
            what = "is a link to what is not there" if os.path.islink(path) else "is not there"
    except OSError as error:
        what = f"cannot be reached ({error.strerror})"
    raise InputError(f"{path} {what}; {mend}")
