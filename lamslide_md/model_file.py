"""The `.lamslide` file: safetensors with a JSON header, checked before anything is built from it."""

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lamslide_md.errors import InputError

FORMAT_VERSION = 1
HEADER = "lamslide"


def write_model_file(path: Path, modules: dict[str, nn.Module], header: dict[str, Any]) -> None:
    """Write weights and header; the target is replaced only once the new file is complete.

    Parameters
    ----------
    path
        Target.
    modules
        Networks by name.
    header
        JSON-able.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    tensors = {f"{name}/{k}": t.cpu().contiguous() for name, m in modules.items() for k, t in m.state_dict().items()}
    content = json.dumps({"format_version": FORMAT_VERSION, **header}, allow_nan=False)
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, partial, metadata={HEADER: content})
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot write {path}: {error}") from error


def read_model_file(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read weights and header of a model file.

    Parameters
    ----------
    path
        File written by `write_model_file`.

    Returns
    -------
    tensors
        By name, ``module/parameter``.
    header
        Content of the header.

    Raises
    ------
    InputError
        If the file is missing, no model file, damaged, or of a newer format.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; train a model with `lamslide train`, or check the path")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
        header = json.loads(metadata[HEADER])
        version = header["format_version"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is no .lamslide model file or is damaged ({error})") from error
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path} has format version {version}, this program reads {FORMAT_VERSION}; update lamslide_md"
        )
    return tensors, header


def load_weights(path: Path, tensors: dict[str, Tensor], modules: dict[str, nn.Module]) -> None:
    """Fill networks with the weights of a model file.

    Parameters
    ----------
    path
        For the error message.
    tensors
        By name, ``module/parameter``.
    modules
        Networks by name, in the sizes that the header tells.

    Raises
    ------
    InputError
        If weights are missing, surplus, or of other shapes.
    """
    for name, module in modules.items():
        prefix = f"{name}/"
        own = {key.removeprefix(prefix): t for key, t in tensors.items() if key.startswith(prefix)}
        try:
            module.load_state_dict(own)
        except RuntimeError as error:
            lines = str(error).splitlines()
            raise InputError(f"{path} is damaged: {' '.join(lines[1].split()) if lines[1:] else lines[0]}") from error
