"""Quality and time by the number of network evaluations in a window, ODE and SDE.

    python benchmarks/pretrained.py AGVD                # makes the model and two replicates of MD
    python benchmarks/solver_steps.py AGVD              # tetrapeptide: distributions, relaxation, bonds
    python workflows/nbody.py                           # makes the model
    python benchmarks/solver_steps.py nbody             # charged particles: displacement errors

Euler and the SDE with 1, 2, 5, 10, 20 and 50 evaluations, Heun with 3, 9, 19 and 49. Figures go to
benchmarks/results/solver_steps_NAME.json and .png.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from charged_particles import NBodyTrajectories
from common import RESULTS, write_result
from pipeline import ROOT
from replicates import judged, replicate

import lamslide_md as lam
from lamslide_md.analysis.forecasts import forecast_errors
from lamslide_md.systems.system import PointTrajectory

matplotlib.use("Agg")

STEPS = {"euler": (1, 2, 5, 10, 20, 50), "heun": (2, 5, 10, 25), "sde": (1, 2, 5, 10, 20, 50)}
N_CHAINS, N_FRAMES, N_HISTORIES, N_SAMPLES = 20, 500, 100, 5

Measure = Callable[[str, int], dict[str, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="a model that ships, or nbody")
    parser.add_argument("--nbody", type=Path, default=ROOT / "runs" / "nbody", help="folder of workflows/nbody.py")
    args = parser.parse_args()
    measure, shown = of_particles(args.nbody) if args.name == "nbody" else of_molecule(args.name)
    rows: list[dict[str, Any]] = []
    for solver, steps in STEPS.items():
        for n_steps in steps:
            rows.append({"solver": solver, "n_evaluations": 2 * n_steps - 1 if solver == "heun" else n_steps})
            rows[-1] |= measure(solver, n_steps)
            print(rows[-1], flush=True)
    write_result(f"solver_steps_{args.name}", {"rows": rows})
    draw(rows, shown, args.name)


def of_molecule(name: str) -> tuple[Measure, list[str]]:
    """Measures of a rollout against MD."""
    model = lam.load_pretrained(name)
    own, held_out = (replicate(name, i) for i in (1, 2))
    keys = ["js_distance_torsions_all", "js_distance_tic01", "relaxation_log_ratio", "broken_bond_fraction"]

    def measure(solver: str, n_steps: int) -> dict[str, float]:
        started_s = time.monotonic()
        rollout = model.rollout("reference", N_FRAMES, n_chains=N_CHAINS, solver=solver, n_solver_steps=n_steps, seed=1)
        chains = rollout.chains()
        speed = N_CHAINS * N_FRAMES / (time.monotonic() - started_s)
        measures = judged(model, chains, name, held_out, own)
        return {"frames_per_s": speed, **{k: measures[k].rollout for k in keys if k in measures}}

    return measure, keys


def of_particles(folder: Path) -> tuple[Measure, list[str]]:
    """Errors of forecasts of charged particles."""
    model = lam.Surrogate.load(folder / "quick" / "LaM-SLidE.lamslide")
    recordings = NBodyTrajectories.load(folder / "test.npz").recordings()[:N_HISTORIES]
    n_known = model.settings.flow.n_known
    histories = [PointTrajectory(r.system, r.points_nm[:n_known], r.frame_interval_ps) for r in recordings]
    truths = [r.points_nm[n_known:] for r in recordings]

    def measure(solver: str, n_steps: int) -> dict[str, float]:
        started_s = time.monotonic()
        sampling: dict[str, Any] = {"solver": solver, "n_solver_steps": n_steps, "n_samples": N_SAMPLES}
        forecasts = lam.forecast(model, histories, len(truths[0]), **sampling)
        speed = len(histories) * N_SAMPLES * len(truths[0]) / (time.monotonic() - started_s)
        errors = forecast_errors(forecasts, truths)
        return {"frames_per_s": speed, "ade": errors.ade, "fde": errors.fde, "min_ade": errors.min_ade}

    return measure, ["ade", "fde", "min_ade"]


def draw(rows: list[dict[str, Any]], shown: list[str], name: str) -> None:
    keys = [*shown, "frames_per_s"]
    figure, axes = plt.subplots(1, len(keys), figsize=(3.4 * len(keys), 3.4), constrained_layout=True)
    for axis, key in zip(axes, keys, strict=True):
        for solver in STEPS:
            own = [r for r in rows if r["solver"] == solver and r.get(key) is not None]
            axis.plot([r["n_evaluations"] for r in own], [r[key] for r in own], "o-", label=solver)
        axis.set(xlabel="network evaluations", xscale="log", title=key.replace("_", " "))
        if key == "frames_per_s":
            axis.set(yscale="log", ylabel="frames/s, all chains")
    axes[0].legend()
    figure.savefig(RESULTS / f"solver_steps_{name}.png", dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
