"""The `.lamslide` file: safetensors with a JSON header, checked before anything is built from it."""

import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lamslide_md.errors import InputError
from lamslide_md.training.presets import Settings

FORMAT_VERSION = 1
HEADER = "lamslide"


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class EntitiesContent(_Content):
    """`Entities.to_dict`."""

    entity_of_point: list[int]
    slot_of_point: list[int]
    kinds: list[list[int]]
    vocabularies: list[list[str]]
    bonds: list[tuple[int, int]]
    n_slots: PositiveInt
    dim: PositiveInt


class ResidueContent(_Content):
    """One residue of `topology_to_dict`."""

    name: str
    number: int
    segment: str
    atoms: list[tuple[str, str]]


class TopologyContent(_Content):
    """`topology_to_dict`."""

    chains: list[list[ResidueContent]]
    bonds: list[tuple[int, int]]


class RigidContent(_Content):
    """`RigidPairs.to_dict`."""

    pairs: list[tuple[int, int]]
    lower_nm: list[PositiveFloat]
    upper_nm: list[PositiveFloat]


class SystemContent(_Content):
    """`System.to_dict`."""

    entities: EntitiesContent
    reference_nm: list[list[float]]
    topology: TopologyContent | None
    rigid: RigidContent


class Header(_Content):
    """Everything in a model file besides the weights."""

    format_version: Literal[1] = 1
    settings: Settings
    systems: list[SystemContent] = Field(min_length=1)
    starts_nm: list[list[list[list[list[float]]]]]
    """Systems, starts, known frames, points, dimensions."""
    length_scale_nm: PositiveFloat
    frame_interval_ps: PositiveFloat
    temperature_K: PositiveFloat | None
    provenance: dict[str, Any]


def write_model_file(path: Path, modules: dict[str, nn.Module], header: Header) -> None:
    """Write weights and header; the target is replaced only once the new file is complete.

    Parameters
    ----------
    path
        Target.
    modules
        Networks by name.
    header
        Everything else.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    tensors = {f"{name}/{k}": t.cpu().contiguous() for name, m in modules.items() for k, t in m.state_dict().items()}
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, partial, metadata={HEADER: header.model_dump_json()})
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot write {path}: {error}") from error


def read_model_file(path: Path) -> tuple[dict[str, Tensor], Header]:
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
        Everything else, checked.

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
        content = json.loads(metadata[HEADER])
        version = content["format_version"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is no .lamslide model file or is damaged ({error})") from error
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path} has format version {version}, this program reads {FORMAT_VERSION}; update lamslide_md"
        )
    try:
        return tensors, Header.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{path} is damaged: {where} in its header: {first['msg']}") from error


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
