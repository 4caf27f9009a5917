"""Rollouts against the noise floor of MD: every row of the table of targets, over training seeds.

    python benchmarks/accuracy.py "ala2 quick" --seeds 0 1 2     # trains and evaluates what is missing
    python benchmarks/accuracy.py --table                        # medians of all that is there, beside the targets
    python benchmarks/accuracy.py --floors ala2                  # further replicates of MD: some minutes for each
    python benchmarks/accuracy.py --demo                         # what `make demo` takes and measures

A run trains on replicate 1 and is compared with replicate 2 with replicate 1 as the floor: 20 chains of 1,000 frames,
5 steps of Heun (9 network evaluations) a window. The ratio of a distance is rollout / floor, the median over seeds.
Kinetics are exp(mean |ln(rollout / MD)|) - 1 over the torsions' relaxation times, and over implied timescales that the
data can give. One replicate may lie near the reference, or far, by chance: `--floors` measures replicates 3 and up
against replicate 2 as well, and `--table` then has a second line with ratios to the mean floor. Figures go to
benchmarks/results/accuracy_ROW.json, floors_NAME.json and agvd.json (the demo).
"""

import argparse
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
from common import (
    MD,
    MOLECULES,
    N_CHAINS,
    N_FRAMES,
    RESULTS,
    ROOT,
    commands,
    evaluated,
    figures_of,
    replicate,
    run,
    write_result,
)
from rich.console import Console
from rich.table import Table

import lamslide_md as lam


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


ROWS = {
    "ala2 quick": Row("ala2", "--preset quick", 15, 2, 2, 2, 0.30),
    "ala2 standard": Row("ala2", "--preset standard", 120, 1.2, 1.2, 1.5, 0.15),
    "AGVD peptide": Row("AGVD", "--preset peptide", 20, 3, 3, 3, 0.50),
    "AGVD quick": Row("AGVD", "--preset quick", 20, 3, 3, 3, 0.50),
    "AGVD standard": Row("AGVD", "--preset standard", 180, 1.5, 1.5, 1.5, 0.25),
    "SVFA peptide": Row("SVFA", "--preset peptide", 20, 3, 3, 3, 0.50),
    "VGASDF peptide": Row("VGASDF", "--preset peptide", 20, 3, 3, 3, 0.50),
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
    parser.add_argument("--floors", choices=MOLECULES, help="measure further replicates of a molecule")
    parser.add_argument("--replicates", type=int, default=6, help="for --floors: in all, the reference among them")
    parser.add_argument("--demo", action="store_true", help="run the demo and keep its figures")
    args = parser.parse_args()
    if args.demo:
        run_demo()
        return
    if args.floors:
        measure_floors(args.floors, args.replicates)
    elif args.row and not args.table:
        row = ROWS[args.row]
        runs = {}
        for seed in args.seeds:
            folder = ROOT / "runs" / "accuracy" / f"{slug(args.row)}_{seed}"
            run(folder, commands(row.molecule, row.train, seed))
            runs[str(seed)] = figures_of(folder, row.molecule)
        write_result(f"accuracy_{slug(args.row)}", {"train": row.train, "runs": runs})
    show()


def run_demo() -> None:
    """Run the whole loop on AGVD, doing only what is missing in runs/AGVD, and keep what it took and measured."""
    workflow = [sys.executable, "workflows/tetrapeptide.py", "AGVD", "--preset", "peptide"]
    subprocess.run(workflow, cwd=ROOT, check=True)
    comparison = json.loads((ROOT / "runs/AGVD/comparison.json").read_text(encoding="utf-8"))
    provenance = comparison["provenance"]
    content = {
        "wall_time_s": provenance["wall_time_s"],
        "rollout_ns_per_s": provenance["rollout_ns_per_s"],
        "md_ns_per_s": provenance["md_ns_per_s"],
        "held_out_rmsd_A": 10 * provenance["training"]["held_out_rmsd_nm"],
        "n_parameters": provenance["training"]["n_parameters"],
        "measures": {
            m["kind"]["key"]: {key: m[key] for key in ("rollout", "floor", "ratio", "ratio_error")}
            for m in comparison["measures"]
        },
        "failures": comparison["failures"],
    }
    write_result("agvd", content)


def measure_floors(name: str, n_replicates: int) -> None:
    """Simulate replicates 3 and up, and measure each against replicate 2 as a comparison measures its floor."""
    simulate = f"lamslide simulate {MOLECULES[name].simulate} --replicates {n_replicates} --platform Reference"
    subprocess.run([*shlex.split(simulate), "--out", str(MD / name)], check=True)
    # Sets how many frames the floor has and how far apart; where they are does not matter to it.
    model = lam.load_pretrained(name)
    rollout = model.rollout("reference", N_FRAMES, n_chains=N_CHAINS).chains()
    replicates = {i: replicate(name, i) for i in range(1, n_replicates + 1)}
    reference = replicates.pop(2)
    floors: dict[str, list[float | None]] = {}
    for i, other in replicates.items():
        for key, measure in evaluated(model, rollout, name, reference, other).items():
            floors.setdefault(key, []).append(measure.floor)
        print(f"replicate {i} measured", flush=True)
    write_result(f"floors_{name}", {"replicates": list(replicates), "floors": floors})


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
        described = [str(len(runs)), f"{minutes:.0f} ({row.minutes:g})", f"{sum(runs[0]['n_parameters'].values()):,}"]
        table.add_row(name, *described, *evaluation(row, runs))
        floors = RESULTS / f"floors_{row.molecule}.json"
        if floors.exists():
            mean = mean_floors(json.loads(floors.read_text(encoding="utf-8"))["floors"])
            table.add_row("- mean floor", "", "", "", *evaluation(row, [against(r, mean) for r in runs]))
    Console(width=180).print(table)


def evaluation(row: Row, runs: list[dict]) -> list[str]:
    """Cells of distributions and kinetics."""
    cells = []
    for group, keys in GROUPS.items():
        target = getattr(row, group)
        cells.append(" / ".join(marked(median(runs, key, "ratio"), target) for key in keys) + f" ({target:g})")
    for key in ("relaxation_log_ratio", "timescale_log_ratio"):
        error, floor = (
            None if x is None else np.expm1(x) for x in (median(runs, key, "rollout"), median(runs, key, "floor"))
        )
        cells.append(f"{marked(error, row.kinetics)} ({row.kinetics:g}; MD {shown(floor)})")
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


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def marked(value: float | None, target: float) -> str:
    return shown(value) + ("!" if value is not None and value > target else "")


if __name__ == "__main__":
    main()
