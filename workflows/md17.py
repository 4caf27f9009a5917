"""Small molecules (MD17): train one model of all, forecast 20 frames from 10, and measure molecule by molecule.

    python workflows/md17.py --data md17_ethanol.npz --data md17_aspirin.npz     # MD17's files
    python workflows/md17.py --simulate ethanol --simulate aspirin              # a stand-in (pip install tblite)

Every 10th frame (5 fs), trajectories split 60/20/20 in time. The stand-in is Langevin dynamics at 500 K of molecules in
example_systems/, by GFN2-xTB: errors on it are not those on MD17. Leaves both models, forecasts.json and forecasts.png
in runs/md17/MOLECULES/PRESET. Again, it does what is missing.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import mdtraj as md
import numpy as np
import typer
from ase import Atoms
from forecasting import Study, show
from md17_files import read_md17, split_in_time

from lamslide_md.cli.progress import ProgressBars
from lamslide_md.cli.running import run_script
from lamslide_md.cli.settings_changes import with_changes
from lamslide_md.config import forecast_settings
from lamslide_md.errors import InputError
from lamslide_md.simulate.ase_md import AseSettings, simulate_ase, xtb_calculator

STRUCTURES = Path(__file__).parent.parent / "example_systems"
FRAME_INTERVAL_PS = 0.005
WINDOW = 30
N_STEPS = 60_000


def main(
    data: Annotated[list[Path], typer.Option(help="Files of MD17 or rMD17; give it again for each.")] = [],  # noqa: B006
    simulate: Annotated[list[str], typer.Option(help="Molecule of example_systems/; give it again for each.")] = [],  # noqa: B006
    steps: Annotated[int, typer.Option(min=1000, help="Steps of 0.5 fs of each simulation.")] = N_STEPS,
    preset: Annotated[str, typer.Option(help="Of the training: quick, standard or paper.")] = "quick",
    set_: Annotated[list[str], typer.Option("--set", help="Change a setting: flow.optimisation.n_steps=8000.")] = [],  # noqa: B006
    samples: Annotated[int, typer.Option(min=1, help="Samples of each forecast.")] = 5,
    solver_steps: Annotated[int, typer.Option(min=1, help="Euler steps of each window.")] = 10,
    windows: Annotated[int, typer.Option(min=1, help="Test windows of each molecule.")] = 200,
    seed: Annotated[int, typer.Option(help="Of simulation, training and samples.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("runs/md17"),
) -> None:
    """Forecast small molecules, 20 frames of 5 fs from 10."""
    settings = with_changes(forecast_settings("md17", preset), set_)
    files = [*data, *(stand_in(name, steps, seed, out) for name in simulate)]
    if not files:
        raise InputError("nothing to learn from: give --data FILE.npz, or --simulate ethanol for a stand-in by xTB")
    training, chosen, names = [], [], []
    for path in files:
        traj = read_md17(path)
        stride = round(FRAME_INTERVAL_PS / float(traj.time[1] - traj.time[0]))
        learned, _, held_out = split_in_time(traj[::stride])
        training.append(learned)
        first = np.linspace(0, held_out.n_frames - WINDOW, min(windows, held_out.n_frames - WINDOW + 1)).astype(int)
        chosen += [held_out[at : at + WINDOW] for at in first]
        names += [path.stem] * len(first)
    study = Study(
        title="Small molecules" + (", simulated: a stand-in for MD17" if any(map(is_stand_in, files)) else ""),
        unit="Å",
        per_unit=0.1,
        training=training,
        windows=chosen,
        groups=names,
        n_samples=samples,
    )
    folder = out / ("_".join(sorted(path.stem for path in files))) / preset
    show(study.run(settings, folder, seed, solver_steps))
    print(f"{folder}: forecasts.json, forecasts.png and the models")


def is_stand_in(path: Path) -> bool:
    """Whether `simulate.ase_md` has written the file, which MD17's authors have not."""
    with np.load(path) as arrays:
        return "made_of" in arrays.files


def stand_in(name: str, n_steps: int, seed: int, folder: Path) -> Path:
    """Simulate a molecule with xTB, unless it is done."""
    structure = STRUCTURES / name / "structure.pdb"
    if not structure.is_file():
        there = ", ".join(sorted(path.parent.name for path in STRUCTURES.glob("*/structure.pdb")))
        raise InputError(f"no structure of {name!r}; there are {there}")
    frame = md.load(structure)
    symbols = [atom.element.symbol for atom in frame.topology.atoms]
    with ProgressBars() as bars:
        return simulate_ase(
            Atoms(symbols, positions=10 * frame.xyz[0]),
            xtb_calculator(),
            AseSettings(n_steps=n_steps, seed=seed),
            folder / f"{name}.npz",
            on_steps=lambda done, total: bars.show(f"simulate {name}", done / total, "GFN2-xTB"),
        )


def run(arguments: Sequence[str] | None = None) -> int:
    """Run with the arguments of a command line; return the exit code."""
    return run_script(main, __file__, arguments)


if __name__ == "__main__":
    sys.exit(run())
