"""`lamslide info`: what a model or a trajectory is, and what this installation can use."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lamslide_md.cli.options import Json, flattened, print_json, say
from lamslide_md.errors import InputError
from lamslide_md.io.given_paths import check_file
from lamslide_md.io.outputs import MODEL_SUFFIX


def info(
    file: Annotated[Path | None, typer.Argument(help="A .lamslide file, or a trajectory with a manifest.")] = None,
    json: Json = False,
) -> None:
    """Describe a model or a trajectory; without a file, the installation."""
    if file is None:
        content = describe_installation()
    elif file.suffix.lower() == MODEL_SUFFIX:
        content = describe_model(file)
    else:
        content = describe_trajectory(file)
    if json:
        print_json(content)
        return
    rows = flattened(content)
    width = max(map(len, rows))
    for name, value in rows.items():
        say(f"{name.ljust(width)}  {value if value is not None else '-'}")


def describe_model(path: Path) -> dict[str, Any]:
    """Tell what a model was trained on and how.

    Parameters
    ----------
    path
        Model file.

    Returns
    -------
    dict
        JSON-able.

    Raises
    ------
    InputError
        If it is no model file.
    """
    from lamslide_md.cli.models import residue_names
    from lamslide_md.io.header_file import read_content

    content = read_content(path)
    header = content.header
    systems = []
    for system in content.systems:
        n_points = len(system["points/entity"])
        systems.append(f"{n_points} points {'-'.join(residue_names(system, numbered=True))}".strip())
    return {
        "model": str(path),
        "bytes": path.stat().st_size,
        "systems": systems,
        "frame_interval_ps": header.frame_interval_ps,
        "temperature_K": header.temperature_K,
        "provenance": header.provenance,
        "settings": header.settings.model_dump(mode="json"),
    }


def describe_trajectory(path: Path) -> dict[str, Any]:
    """Tell what the manifest beside a trajectory says.

    Parameters
    ----------
    path
        Trajectory file.

    Returns
    -------
    dict
        JSON-able.

    Raises
    ------
    InputError
        If the file is missing or has no manifest.
    """
    from lamslide_md.io.manifests import find_manifest

    check_file(path)
    manifest = find_manifest(path)
    if manifest is None:
        raise InputError(f"{path} is no {MODEL_SUFFIX} file and has no manifest ({path.stem}.json) beside it")
    return {"trajectory": str(path), **manifest.model_dump()}


def describe_installation() -> dict[str, Any]:
    """Tell versions and devices of this installation.

    Returns
    -------
    dict
        JSON-able.
    """
    from importlib.metadata import version

    import torch

    from lamslide_md.simulate.platforms import available_platforms, usable_cores

    libraries = ("lamslide_md", "torch", "openmm", "mdtraj", "ase", "deeptime")
    return {
        "versions": {library: version(library) for library in libraries},
        "cores": usable_cores(),
        "torch_devices": ["cpu", *(["cuda"] if torch.cuda.is_available() else [])],
        "openmm_platforms": available_platforms(),
    }
