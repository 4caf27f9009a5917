"""Paths as Python's users give them: texts and `pathlib.Path`, nothing else."""

from os import PathLike
from pathlib import Path

from lamslide_md.errors import InputError, option
from lamslide_md.io.structured_texts import shortened


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
    plain = value.__fspath__() if isinstance(value, PathLike) else value
    if not isinstance(plain, str):
        raise InputError(
            f"{option(name)}={shortened(value)} is of type {type(value).__name__}; give a text or a pathlib.Path"
        )
    return Path(plain)
