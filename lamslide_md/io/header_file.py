"""The header of a `.lamslide` file, of this format or an older one: read without its weights, and without torch."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from lamslide_md.errors import InputError
from lamslide_md.io.model_header import FORMAT_VERSION, Header
from lamslide_md.io.model_upgrades import upgrade_header

HEADER = "lamslide"
"""Key of the JSON header among the metadata of safetensors."""

MAX_COMPLAINT = 200
"""Characters of a library's message in an error of ours."""


def read_header(path: Path) -> Header:
    """Read what a model file says besides its weights.

    Parameters
    ----------
    path
        File written by `write_model_file`.

    Returns
    -------
    Header
        Checked, in today's terms.

    Raises
    ------
    InputError
        If the file is missing, no model file, damaged, or of a newer format.
    """
    return header_of(path, read_content(path))


def read_content(path: Path) -> dict[str, Any]:
    """Read the header as it is stored; safetensors checks the length of the file by it.

    Parameters
    ----------
    path
        A model file.

    Returns
    -------
    dict
        Of a version that this program reads; not checked otherwise.

    Raises
    ------
    InputError
        If the file is missing, no model file, damaged, or of a newer format.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; train a model with `lamslide train`, or check the path")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        content = json.loads(metadata[HEADER])
        version = content["format_version"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is no .lamslide model file or is damaged ({in_one_line(error)})") from error
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise InputError(
            f"{path} has format version {in_one_line(version)}, this program reads 1 to {FORMAT_VERSION}; update "
            "lamslide_md"
        )
    return content


def header_of(path: Path, content: dict[str, Any]) -> Header:
    """Check a header.

    Parameters
    ----------
    path
        Of the file, for the error message.
    content
        As stored; upgraded in place where it is older.

    Returns
    -------
    Header
        In today's terms.

    Raises
    ------
    InputError
        If anything in it is impossible.
    """
    try:
        upgrade_header(content)
    except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError, OverflowError) as error:
        complaint = in_one_line(f"{type(error).__name__}: {error}")
        raise InputError(f"{path} is damaged: its header is not of the format that it tells ({complaint})") from error
    try:
        return Header.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path} is damaged: {where or 'its parts'} in its header: {in_one_line(first['msg'])}"
        ) from error


def in_one_line(text: object) -> str:
    """Shorten a text of anything's to one line.

    Parameters
    ----------
    text
        Such as the error of a library.

    Returns
    -------
    str
        At most `MAX_COMPLAINT` characters of it.
    """
    line = " ".join(str(text).split())
    return line if len(line) <= MAX_COMPLAINT else f"{line[:MAX_COMPLAINT]} ..."
