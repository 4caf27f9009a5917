"""Trials of settings on charged particles, for the benchmarks that compare them."""

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
from charged_particles import ChargedParticles
from common import write_result
from rich.console import Console
from rich.table import Table

import lamslide_md as lam
from lamslide_md.analysis.forecasts import forecast_errors
from lamslide_md.config import Settings
from lamslide_md.systems.system import PointTrajectory

N_TRAINING, N_TEST, N_SAMPLES = 3000, 100, 5
N_PARTICLES = ChargedParticles().n_particles


def compare(
    result: str, compared: str, variants: Mapping[str, Settings], told: Mapping[str, Any], description: str | None
) -> None:
    """Train and judge every variant with every seed of the command line; write the result after each."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    args = parser.parse_args()
    simulation = ChargedParticles()
    learned, test = simulation.simulate(N_TRAINING, 0).recordings(), simulation.simulate(N_TEST, 1).recordings()
    rows: list[dict[str, Any]] = []
    for seed in args.seeds:
        for name, settings in variants.items():
            model = lam.Surrogate.fit(learned, settings=settings, preset="quick", seed=seed)
            rows.append({compared: name, "seed": seed, **judged(model, test, seed)})
            print(rows[-1], flush=True)
            write_result(result, {**told, "rows": rows})
    show(rows, compared)


def judged(model: lam.Surrogate, test: list[PointTrajectory], seed: int) -> dict[str, float]:
    """Minutes of both stages, RMSD of the reconstruction, errors of forecasts; units of the simulation."""
    n_known = model.settings.flow.n_known
    histories = [PointTrajectory(r.system, r.points_nm[:n_known], r.frame_interval_ps) for r in test]
    truths = [r.points_nm[n_known:] for r in test]
    forecasts = lam.forecast(
        model, histories, len(truths[0]), n_samples=N_SAMPLES, solver="euler", n_solver_steps=10, seed=seed
    )
    errors = forecast_errors(forecasts, truths)
    return {
        **{f"{stage}_min": seconds / 60 for stage, seconds in model.provenance["training_s"].items()},
        "reconstruction": model.provenance["held_out_rmsd_nm"],
        "ade": errors.ade,
        "fde": errors.fde,
        "min_ade": errors.min_ade,
    }


def show(rows: list[dict[str, Any]], compared: str) -> None:
    """Print medians over seeds."""
    table = Table(title="charged particles, medians over seeds")
    keys = [key for key in rows[0] if key not in (compared, "seed")]
    for column in (compared.replace("_", " "), *keys):
        table.add_column(column)
    for name in dict.fromkeys(row[compared] for row in rows):
        own = [row for row in rows if row[compared] == name]
        table.add_row(name, *(f"{np.median([row[key] for row in own]):.3f}" for key in keys))
    Console(width=130).print(table)
