"""Charged particles: simulate the benchmark, train, forecast, and measure beside what learns nothing.

    python workflows/nbody.py --preset quick

Leaves in runs/nbody/: the trajectories, both models, forecasts.json and forecasts.png. Again, it does what is missing.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from charged_particles import ChargedParticles, NBodyTrajectories
from forecasting import Study, show

from lamslide_md.cli.running import run_script
from lamslide_md.cli.settings_changes import with_changes
from lamslide_md.config import forecast_settings

SIZES = {"train": 3000, "validation": 2000, "test": 2000}
"""Trajectories of each part of the benchmark; its seed is its place."""


def main(
    preset: Annotated[str, typer.Option(help="Of the training: quick, standard or paper.")] = "quick",
    set_: Annotated[list[str], typer.Option("--set", help="Change a setting: flow.optimisation.n_steps=8000.")] = [],  # noqa: B006
    samples: Annotated[int, typer.Option(min=1, help="Samples of each forecast.")] = 5,
    solver_steps: Annotated[int, typer.Option(min=1, help="Euler steps of each window.")] = 10,
    split: Annotated[str, typer.Option(help="What to measure on: validation or test.")] = "test",
    windows: Annotated[int, typer.Option(min=1, help="Test trajectories at most, evenly spread.")] = 500,
    part: Annotated[float, typer.Option(min=0.001, max=1.0, help="Share of all trajectories to use.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of training and samples.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder.")] = Path("runs/nbody"),
) -> None:
    """Forecast charged particles, 20 frames from 10."""
    settings = with_changes(forecast_settings("nbody", preset), set_)
    parts = {name: simulated(out, name, max(1, round(part * size))) for name, size in SIZES.items()}
    test = parts[split].point_trajectories()
    chosen = [test[i] for i in range(0, len(test), -(-len(test) // windows))]
    study = Study(
        title="Charged particles",
        unit="simulation units",
        per_unit=1.0,
        training=parts["train"].point_trajectories(),
        windows=chosen,
        groups=[""] * len(chosen),
        n_samples=samples,
    )
    show(study.run(settings, out / preset, seed, solver_steps))
    print(f"{out / preset}: forecasts.json, forecasts.png and the models")


def simulated(folder: Path, name: str, n_trajectories: int) -> NBodyTrajectories:
    """Simulate a part of the benchmark, unless it is there."""
    path = folder / f"{name}.npz"
    if path.exists():
        there = NBodyTrajectories.load(path)
        if len(there.positions) == n_trajectories:
            return there
    trajectories = ChargedParticles().simulate(n_trajectories, seed=list(SIZES).index(name))
    trajectories.save(path)
    return trajectories


def run(arguments: Sequence[str] | None = None) -> int:
    """Run with the arguments of a command line; return the exit code."""
    return run_script(main, __file__, arguments)


if __name__ == "__main__":
    sys.exit(run())
