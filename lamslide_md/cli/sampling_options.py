"""Options of the commands that draw frames from a model, and what both check before they load it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lamslide_md.cli.numbers import IS_SMALL_COUNT
from lamslide_md.errors import InputError
from lamslide_md.io.given_paths import check_file

if TYPE_CHECKING:
    import mdtraj as md

SOLVERS = ("map", "euler", "heun", "dopri5", "sde", "ddim", "dpm")
"""Known without importing torch; a test holds them against those of the solvers' own module."""


def complete_solver(incomplete: str) -> list[str]:
    """List the solvers that begin as typed."""
    return [name for name in SOLVERS if name.startswith(incomplete)]


def check_solver(solver: str | None) -> None:
    """Refuse an unknown solver before a model is loaded."""
    if solver is not None and solver not in SOLVERS:
        raise InputError(f"--solver {solver} is unknown; use {', '.join(SOLVERS)}")


def read_start(path: Path, top: Path | None, mend: str) -> "md.Trajectory":
    """Read the frames to start from.

    Parameters
    ----------
    path
        A structure, or a trajectory.
    top
        Its topology, for formats that hold none.
    mend
        What to say of the option where there is no such file.

    Returns
    -------
    md.Trajectory
        All its frames.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    from lamslide_md.cli.sidecars import sidecar_topology
    from lamslide_md.io.readers import read_structures

    check_file(path, mend)
    return read_structures(path, sidecar_topology(path, top))


Model = Annotated[Path, typer.Argument(help="A .lamslide file, or the name of a pretrained model.")]
Top = Annotated[Path | None, typer.Option(help="Topology of the structures given, for formats that hold none.")]
Solver = Annotated[
    str | None,
    typer.Option(
        help="map (two evaluations of the network), euler, heun, dopri5, sde, ddim or dpm; the map of a model that has "
        "one, otherwise heun.",
        autocompletion=complete_solver,
    ),
]
SolverSteps = Annotated[
    int | None,
    typer.Option(min=1, callback=IS_SMALL_COUNT, help="Steps of the solver in each window: 2 of the map, otherwise 5."),
]
Constrain = Annotated[
    bool,
    typer.Option(
        help="Keep bonds and angles in the range of the training data, chiral centres as they are, atoms apart."
    ),
]
