"""`lamslide models`: what ships with the package."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lamslide_md.cli.options import Json, print_json, say
from lamslide_md.errors import InputError
from lamslide_md.io.given_paths import check_file

if TYPE_CHECKING:
    from lamslide_md.io.model_arrays import Arrays


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
        if os.path.lexists(model):
            check_file(model, "a model is a .lamslide file")
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
        say(f"{row['name']:10}{what}, {row['bytes'] / 1e6:.1f} MB")
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
    from lamslide_md.io.header_file import read_content
    from lamslide_md.pretrained import pretrained_path

    path = pretrained_path(name)
    content = read_content(path)
    header = content.header
    return {
        "name": name,
        "file": str(path),
        "bytes": path.stat().st_size,
        "molecules": ["-".join(names) for system in content.systems if (names := residue_names(system))],
        "frame_interval_ps": header.frame_interval_ps,
        "temperature_K": header.temperature_K,
        "preset": header.provenance.get("preset"),
    }


def residue_names(system: "Arrays", *, numbered: bool = False) -> list[str]:
    """List the residues of a system.

    Parameters
    ----------
    system
        Arrays of a model file.
    numbered
        With their numbers.

    Returns
    -------
    list of str
        None of points without a topology.
    """
    residues = zip(system["residues/name"], system["residues/number"], strict=True)
    return [f"{name}{number}" if numbered else name for name, number in residues]
