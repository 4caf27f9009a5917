"""What a `.lamslide` file says besides its weights, of this format or an older one: read without torch."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from lamslide_md.errors import InputError, in_one_line
from lamslide_md.io.array_checks import check
from lamslide_md.io.checksums import check_sums
from lamslide_md.io.given_paths import check_file
from lamslide_md.io.model_arrays import Arrays, Vocabularies, unpack
from lamslide_md.io.model_header import FORMAT_VERSION, Header
from lamslide_md.io.model_upgrades import upgrade_content
from lamslide_md.io.provenance_arrays import ARRAYS, arrays_to_lists

HEADER = "lamslide"
"""Key of the JSON header among the metadata of safetensors."""

NETWORKS = ("autoencoder/", "flow/")
"""Beginnings of the names of weights."""

MEND = "copy it again, or train the model again"
"""What can be done about a damaged file."""


@dataclass(frozen=True)
class Content:
    """A model file without its weights, checked, in today's terms.

    Attributes
    ----------
    header
        The provenance in full.
    systems
        Arrays of each system, see `model_arrays.COLUMNS`.
    vocabularies
        Names of the kinds of entities, column by column.
    version
        Of the file.
    """

    header: Header
    systems: list[Arrays]
    vocabularies: Vocabularies
    version: int = FORMAT_VERSION


def read_header(path: Path) -> Header:
    """Read the header of a model file, the provenance in full.

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
    return read_content(path).header


def read_content(path: Path) -> Content:
    """Read what a model file says besides its weights.

    Parameters
    ----------
    path
        File written by `write_model_file`.

    Returns
    -------
    Content
        Checked, in today's terms.

    Raises
    ------
    InputError
        If the file is missing, no model file, damaged, or of a newer format.
    """
    content, arrays = _stored(path)
    version = content["format_version"]
    try:
        arrays = upgrade_content(content, arrays)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        complaint = in_one_line(f"{type(error).__name__}: {error}")
        raise InputError(
            f"{path} is damaged: its header is not of the format that it tells ({complaint}); {MEND}"
        ) from error
    try:
        header = Header.model_validate(content)
        check(
            {k: v for k, v in arrays.items() if k not in ARRAYS.values()}, header.n_slots, header.settings.flow.n_known
        )
        provenance = arrays_to_lists(header.provenance, arrays)
        return Content(header.model_copy(update={"provenance": provenance}), *unpack(arrays), version)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path} is damaged: {where or 'its parts'} in its header: {in_one_line(first['msg'])}; {MEND}"
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is damaged: {in_one_line(error)}; {MEND}") from error


def _stored(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Read header and arrays as they are stored; safetensors checks the length of the file by its own header."""
    check_file(path, "train a model with `lamslide train`, or check the path")
    try:
        with safe_open(path, framework="numpy") as file:
            # Weights are checked where they are read.
            check_sums(path, lambda name: not name.startswith(NETWORKS), (HEADER,))
            metadata = file.metadata() or {}
            content = json.loads(metadata[HEADER])
            version = content["format_version"]
            names = [name for name in file.keys() if not name.startswith(NETWORKS)]  # noqa: SIM118 - not a mapping
            arrays = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is no .lamslide model file or is damaged ({in_one_line(error)}); {MEND}") from error
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise InputError(
            f"{path} has format version {in_one_line(version)}, this program reads 1 to {FORMAT_VERSION}; update "
            "lamslide_md"
        )
    return content, arrays
