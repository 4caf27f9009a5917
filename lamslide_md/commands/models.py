"""`lamslide models`: what ships with the package."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lamslide_md.commands.options import Json, print_json
from lamslide_md.errors import InputError


def find_model(model: Path) -> Path:
    """Take the name of a pretrained model where there is no such file.

    Parameters
    ----------
    model
        A `.lamslide` file, or a name such as ``ala2``.

    Returns
    -------
    Path
        A file that is there.

    Raises
    ------
    InputError
        If it is neither.
    """
    from lamslide_md.pretrained import pretrained_names, pretrained_path

    if model.is_file():
        return model
    names = pretrained_names()
    if str(model) not in names:
        raise InputError(f"{model} is not there, and no pretrained model ({', '.join(names)}); see `lamslide models`")
    return pretrained_path(str(model))


def models(
    name: Annotated[str | None, typer.Argument(help="Show the card of this model.")] = None,
    json: Json = False,
) -> None:
    """List the models that ship with the package, or show the card of one."""
    from lamslide_md.pretrained import pretrained_names, pretrained_path

    if name is not None:
        path = pretrained_path(name)
        card = path.with_suffix(".md").read_text(encoding="utf-8")
        if json:
            print_json({**describe(name), "card": card})
        else:
            print(card, end="")
        return
    rows = [describe(each) for each in pretrained_names()]
    if json:
        print_json({"models": rows})
        return
    for row in rows:
        names = row["molecules"]
        molecules = names[0] if len(names) == 1 else f"{len(names)} molecules and others of their residues"
        what = f"{molecules}, {row['frame_interval_ps']:g} ps per frame, {row['temperature_K']:g} K"
        print(f"{row['name']:10}{what}, {row['bytes'] / 1e6:.1f} MB")
    print("card of one: lamslide models NAME; use: lamslide rollout NAME --out rollout.xtc")


def describe(name: str) -> dict[str, Any]:
    """Tell the main facts of a pretrained model.

    Parameters
    ----------
    name
        Its name.

    Returns
    -------
    dict
        JSON-able.
    """
    from lamslide_md.pretrained import load_pretrained, pretrained_path

    model, path = load_pretrained(name, accelerator="cpu"), pretrained_path(name)
    names = [
        "-".join(residue.name for residue in system.topology.residues)
        for system in model.systems
        if system.topology is not None
    ]
    return {
        "name": name,
        "file": str(path),
        "bytes": path.stat().st_size,
        "molecules": names,
        "frame_interval_ps": model.frame_interval_ps,
        "temperature_K": model.temperature_K,
        "preset": model.provenance.get("preset"),
    }
