"""Pedestrians (ETH-UCY, leave one scene out) and basketball (NBA): train, forecast 12 frames from 8, and measure.

    python workflows/crowds.py zara1 --data eth_ucy
    python workflows/crowds.py rebound --data rebound       # a folder with train/ and test/

The data is not shipped; `crowd_files` says which formats are read. Leaves both models, forecasts.json and
forecasts.png in runs/crowds/NAME. Again, it does what is missing.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from crowd_files import LEAVE_ONE_OUT, read_basketball, read_pedestrians, split_scenes
from forecasting import Study, show

from lamslide_md.cli.running import run_script
from lamslide_md.cli.settings_changes import with_changes
from lamslide_md.config import forecast_settings
from lamslide_md.errors import InputError
from lamslide_md.systems.system import PointTrajectory

FOOT_M = 0.3048


def main(
    name: Annotated[str, typer.Argument(help=f"Scene to test on ({', '.join(LEAVE_ONE_OUT)}), or rebound.")],
    data: Annotated[Path, typer.Option(help="Folder of the scene files.")],
    preset: Annotated[str, typer.Option(help="Of the training: quick, standard or paper.")] = "quick",
    set_: Annotated[list[str], typer.Option("--set", help="Change a setting: flow.optimisation.n_steps=8000.")] = [],  # noqa: B006
    samples: Annotated[int, typer.Option(min=1, help="Samples of each forecast.")] = 20,
    solver_steps: Annotated[int, typer.Option(min=1, help="Euler steps of each window.")] = 10,
    windows: Annotated[int, typer.Option(min=1, help="Test windows at most, evenly spread.")] = 200,
    seed: Annotated[int, typer.Option(help="Of training and samples.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("runs/crowds"),
) -> None:
    """Forecast people or players, 12 frames from 8; the best of 20 samples is what the literature tells."""
    players = name not in LEAVE_ONE_OUT
    settings = with_changes(forecast_settings("basketball" if players else "pedestrians", preset), set_)
    training, test = basketball(data) if players else pedestrians(data, name)
    chosen = [test[i] for i in range(0, len(test), -(-len(test) // windows))]
    study = Study(
        title=f"Basketball ({data.name})" if players else f"Pedestrians, {name}",
        unit="m",
        per_unit=1 / FOOT_M if players else 1.0,
        training=training,
        windows=chosen,
        groups=[""] * len(chosen),
        n_samples=samples,
    )
    folder = out / name / preset
    show(study.run(settings, folder, seed, solver_steps))
    print(f"{folder}: forecasts.json, forecasts.png and the models")


def pedestrians(folder: Path, scene: str) -> tuple[list[PointTrajectory], list[PointTrajectory]]:
    """Training and test windows of a scene."""
    training, test = split_scenes(folder, scene)
    read = ([window for path in paths for window in read_pedestrians(path)] for paths in (training, test))
    return next(read), next(read)


def basketball(folder: Path) -> tuple[list[PointTrajectory], list[PointTrajectory]]:
    """Training and test windows of a set of scenes."""
    missing = [part for part in ("train", "test") if not (folder / part).is_dir()]
    if missing:
        raise InputError(f"{folder} has no folder {missing[0]}; give the one that holds train/ and test/")
    return read_basketball(folder / "train"), read_basketball(folder / "test")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run with the arguments of a command line; return the exit code."""
    return run_script(main, __file__, arguments)


if __name__ == "__main__":
    sys.exit(run())
