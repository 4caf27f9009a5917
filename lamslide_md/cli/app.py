"""The command `lamslide`: every face of the package for those who write no Python."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from lamslide_md import __version__
from lamslide_md.cli.compare import compare
from lamslide_md.cli.distil import distil
from lamslide_md.cli.info import info
from lamslide_md.cli.interpolate import interpolate
from lamslide_md.cli.models import models
from lamslide_md.cli.rollout import rollout
from lamslide_md.cli.running import run_app
from lamslide_md.cli.simulate import simulate
from lamslide_md.cli.table import table
from lamslide_md.cli.train import train

NAME = "lamslide"

EXAMPLES: dict[Callable[..., None], tuple[str, ...]] = {
    simulate: (
        "lamslide simulate ALDA --ns 20 --replicates 2 --out runs/ALDA",
        "lamslide simulate A --capped --ns 100 --temperature-K 300 --out runs/ala2",
        "lamslide simulate 1abc.pdb --solvent gbn2 --out runs/1abc",
    ),
    train: (
        "lamslide train runs/ALDA/rep*.xtc --preset peptide --out ALDA.lamslide",
        "lamslide train my.dcd --top my.pdb --data-interval-ps 2 --interval-ps 10 --out my.lamslide",
        "lamslide train rep1.xtc --top system.pdb --set flow.optimisation.n_steps=8000 --out long.lamslide",
        "lamslide train runs/*/rep*.xtc --preset peptide --devices 4 --out all.lamslide",
    ),
    distil: ("lamslide distil ALDA.lamslide --out fast.lamslide",),
    rollout: (
        "lamslide rollout ALDA.lamslide --frames 10000 --chains 4 --out rollout.xtc",
        "lamslide rollout ALDA.lamslide --frames 10000 --chains 4 --out rollout.xtc --continue",
        "lamslide rollout ala2 --frames 20000 --out rollout.xtc",
        "lamslide rollout ALDA.lamslide --start folded.pdb --solver heun --seed 1 --out rollout.traj",
        "lamslide rollout ALDA.lamslide --chains 64 --scheduler tcp://10.0.0.1:8786 --out rollout.xtc",
    ),
    compare: (
        "lamslide compare rollout.xtc --reference runs/ALDA/rep1.xtc --report report.html",
        "lamslide compare rollout.xtc --reference rep2.xtc --replicate rep1.xtc --lag-ps auto --json",
    ),
    table: ("lamslide table runs/*/comparison.json --report table.html",),
    interpolate: (
        "lamslide interpolate ALDA.lamslide --start folded.pdb --end open.pdb --frames 9 --paths 20 --out paths.xtc",
    ),
    models: ("lamslide models", "lamslide models ala2"),
    info: ("lamslide info ALDA.lamslide", "lamslide info runs/ALDA/rep1.xtc --json", "lamslide info"),
}
"""What `--help` of each command ends with; a test parses every line."""


OPTIONS = {
    "accelerator": "--accelerator",
    "atoms": "--set atoms",
    "capped=True": "--capped",
    "check_bonds=False": "",
    "checkpoint_dir": "--checkpoints",
    "devices": "--devices",
    "equilibration_ps": "--equilibration-ps",
    "folder": "--out",
    "frame_interval_ps": "",
    "lag_ps": "--lag-ps",
    "length_ps": "the length (--ns)",
    "n_chains": "--chains",
    "n_clusters": "--clusters",
    "n_frames": "--frames",
    "n_paths": "--paths",
    "n_states": "--states",
    "nodes": "--nodes",
    "overwrite=True": "--overwrite",
    "path": "--out",
    "recover=True": "--recover",
    "resume=True": "--continue",
    "seed": "--seed",
    "solvent": "--solvent",
    "start": "--start",
    "temperature_K": "--temperature-K",
    "top": "--top",
}
"""What parameters of Python are called here, in messages; commands with other names for them say so themselves."""


def print_version(wanted: bool) -> bool:
    """Print the version and leave, if it was asked for."""
    if wanted:
        print(f"{NAME} {__version__}")
        raise typer.Exit
    return wanted


def about(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Learn the dynamics of a molecule from a trajectory, roll it out, and compare the rollout with MD."""


def build_app() -> typer.Typer:
    """Gather the commands.

    Returns
    -------
    typer.Typer
        The app.
    """
    app = typer.Typer(
        name=NAME,
        epilog="Start: lamslide simulate ALDA --out runs/ALDA  (then train, rollout, compare; each has --help)",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(about)
    for command, examples in EXAMPLES.items():
        # Help joins lines; only empty lines part paragraphs.
        app.command(epilog="\n\n".join(("Examples:", *examples)))(command)
    return app


app = build_app()


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0, 2 for a user's mistake, 130 after Ctrl-C."""
    return run_app(app, NAME, arguments, OPTIONS)


def main() -> None:
    """Entry point of `lamslide`."""
    sys.exit(run())
