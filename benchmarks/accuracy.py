"""Rollouts against the noise floor of MD: every row of the table of targets, over training seeds.

    python benchmarks/accuracy.py "ala2 quick" --seeds 0 1 2     # trains and judges what is missing
    python benchmarks/accuracy.py --table                        # medians of all that is there, beside the targets
    python benchmarks/floors.py ala2                             # a second line for ala2: ratios to a mean floor

A run trains on replicate 1 and is judged against replicate 2 with replicate 1 as the floor: 20 chains of 1,000 frames,
5 steps of Heun (9 network evaluations) a window. The ratio of a distance is rollout / floor, the median over seeds.
Some rows are no targets: `former quick` is the preset before docs/decisions/slow-coordinates.md, `small batches` that
with other batches of the flow (docs/decisions/small-batches.md), `linear code` and `slow standard` are choices not
taken (docs/decisions/linear-code.md, slow-coordinates.md), `exchange` is a part of what `peptide` adds to `quick`
(exchanges.md, local-frames.md), `former peptide` is that preset before docs/decisions/latents-as-tokens.md, and `four
latents` has as many for six residues (the same page).
Before `lamslide rollout` had Heun's steps by default (2026-11-27) rows were rolled out with 10 steps of Euler.
Kinetics are exp(mean |ln(rollout / MD)|) - 1 over the torsions' relaxation times, and over implied timescales that the
data can give. Figures go to benchmarks/results/accuracy_ROW.json.
"""

import argparse
import json
from dataclasses import dataclass

import numpy as np
from common import RESULTS, write_result
from pipeline import FORMER_PEPTIDE, FORMER_QUICK, ROOT, commands, figures_of, run
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """A molecule, how it is trained, and what is aimed at.

    Attributes
    ----------
    molecule
        Of `pipeline.MOLECULES`.
    train
        Options of `lamslide train`.
    minutes
        Training at most, on two cores.
    torsions, tics, states
        Ratios at most.
    kinetics
        Relative error of relaxation times at most.
    """

    molecule: str
    train: str
    minutes: float
    torsions: float
    tics: float
    states: float
    kinetics: float


FORMER = " ".join(f"--set {change}" for change in FORMER_QUICK)
FRAMES = " ".join(("--preset peptide", *(f"--set {change}" for change in FORMER_PEPTIDE)))
SMALL_BATCHES = f"{FORMER} --set flow.optimisation.batch_size=16 --set flow.optimisation.n_steps=7500"
LINEAR_CODE = f"{FORMER} --set autoencoder.linear_code=true --set autoencoder.optimisation.n_steps=1000"
SLOW = "--preset standard --set flow.tokens=frames --set flow.width=256 --set flow.slow_weight=1"
ROWS = {
    "ala2 quick": Row("ala2", "--preset quick", 15, 2, 2, 2, 0.30),
    "ala2 peptide": Row("ala2", "--preset peptide", 15, 2, 2, 2, 0.30),
    "ala2 former peptide": Row("ala2", FRAMES, 15, 2, 2, 2, 0.30),
    "ala2 former quick": Row("ala2", FORMER, 15, 2, 2, 2, 0.30),
    "ala2 small batches": Row("ala2", SMALL_BATCHES, 15, 2, 2, 2, 0.30),
    "ala2 standard": Row("ala2", "--preset standard", 120, 1.2, 1.2, 1.5, 0.15),
    "AGVD quick": Row("AGVD", "--preset quick", 20, 3, 3, 3, 0.50),
    "AGVD former quick": Row("AGVD", FORMER, 20, 3, 3, 3, 0.50),
    "AGVD small batches": Row("AGVD", SMALL_BATCHES, 20, 3, 3, 3, 0.50),
    "AGVD standard": Row("AGVD", "--preset standard", 180, 1.5, 1.5, 1.5, 0.25),
    "AGVD slow standard": Row("AGVD", SLOW, 180, 1.5, 1.5, 1.5, 0.25),
    "AGVD peptide": Row("AGVD", "--preset peptide", 20, 3, 3, 3, 0.50),
    "AGVD former peptide": Row("AGVD", FRAMES, 20, 3, 3, 3, 0.50),
    "AGVD exchange": Row("AGVD", "--preset quick --set exchange=true", 20, 3, 3, 3, 0.50),
    "AGVD linear code": Row("AGVD", LINEAR_CODE, 20, 3, 3, 3, 0.50),
    "SVFA peptide": Row("SVFA", "--preset peptide", 20, 3, 3, 3, 0.50),
    "SVFA former peptide": Row("SVFA", FRAMES, 20, 3, 3, 3, 0.50),
    "SVFA former quick": Row("SVFA", FORMER, 20, 3, 3, 3, 0.50),
    "VGASDF peptide": Row("VGASDF", "--preset peptide", 20, 3, 3, 3, 0.50),
    "VGASDF four latents": Row("VGASDF", "--preset peptide --set autoencoder.n_latents=4", 20, 3, 3, 3, 0.50),
}
GROUPS = {
    "torsions": ("js_distance_torsions_backbone", "js_distance_torsions_side_chain", "js_distance_torsions_all"),
    "tics": ("js_distance_tic0", "js_distance_tic01"),
    "states": ("js_distance_states_occupancy", "js_distance_states_msm"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", choices=ROWS, nargs="?")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--table", action="store_true", help="only show what is there")
    args = parser.parse_args()
    if args.row and not args.table:
        row = ROWS[args.row]
        runs = {}
        for seed in args.seeds:
            folder = ROOT / "runs" / "accuracy" / f"{slug(args.row)}_{seed}"
            run(folder, commands(row.molecule, row.train, seed))
            runs[str(seed)] = figures_of(folder, row.molecule)
        write_result(f"accuracy_{slug(args.row)}", {"train": row.train, "runs": runs})
    show()


def slug(row: str) -> str:
    return row.replace(" ", "_")


def show() -> None:
    """Print every row that has results; a figure beyond its target is marked."""
    table = Table(title="ratio to the floor of MD, median over seeds (target)")
    for column in (
        "row",
        "seeds",
        "training, min",
        "parameters",
        "torsions bb / sc / all",
        "TIC 0 / 0,1",
        "states occ. / MSM",
        "relaxation",
        "timescales",
    ):
        table.add_column(column)
    for name, row in ROWS.items():
        path = RESULTS / f"accuracy_{slug(name)}.json"
        if not path.exists():
            continue
        runs = list(json.loads(path.read_text(encoding="utf-8"))["runs"].values())
        minutes = np.median([sum(r["training_min"].values()) for r in runs])
        told_of = [str(len(runs)), f"{minutes:.0f} ({row.minutes:g})", f"{sum(runs[0]['n_parameters'].values()):,}"]
        table.add_row(name, *told_of, *judgement(row, runs))
        floors = RESULTS / f"floors_{row.molecule}.json"
        if floors.exists():
            mean = mean_floors(json.loads(floors.read_text(encoding="utf-8"))["floors"])
            table.add_row("- mean floor", "", "", "", *judgement(row, [against(r, mean) for r in runs]))
    Console(width=180).print(table)


def judgement(row: Row, runs: list[dict]) -> list[str]:
    """Cells of distributions and kinetics."""
    cells = []
    for group, keys in GROUPS.items():
        target = getattr(row, group)
        cells.append(" / ".join(judged(median(runs, key, "ratio"), target) for key in keys) + f" ({target:g})")
    for key in ("relaxation_log_ratio", "timescale_log_ratio"):
        error, floor = (
            None if x is None else np.expm1(x) for x in (median(runs, key, "rollout"), median(runs, key, "floor"))
        )
        cells.append(f"{judged(error, row.kinetics)} ({row.kinetics:g}; MD {told(floor)})")
    return cells


def mean_floors(floors: dict[str, list[float | None]]) -> dict[str, float | None]:
    """Average over replicates; None where a measure is undefined for all."""
    known = {key: [value for value in values if value is not None] for key, values in floors.items()}
    return {key: float(np.mean(values)) if values else None for key, values in known.items()}


def against(run: dict, floors: dict[str, float | None]) -> dict:
    """Set the measures of a run beside other floors."""
    measures = {
        key: m | {"floor": floors[key], "ratio": m["rollout"] / floors[key] if m["rollout"] and floors[key] else None}
        for key, m in run["measures"].items()
    }
    return run | {"measures": measures}


def median(runs: list[dict], key: str, what: str) -> float | None:
    values = [r["measures"][key][what] for r in runs if r["measures"][key][what] is not None]
    return float(np.median(values)) if values else None


def told(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def judged(value: float | None, target: float) -> str:
    return told(value) + ("!" if value is not None and value > target else "")


if __name__ == "__main__":
    main()
