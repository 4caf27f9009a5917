"""What errors along slow coordinates should weigh, and whether latents or frames are the flow's tokens.

    python benchmarks/pretrained.py AGVD                     # makes the first stage and two replicates of MD
    python benchmarks/slow_coordinates.py AGVD               # a quarter of an hour a row on one core

Flows of the preset `quick` on one first stage, each row with its changes; two rollouts of 20 chains of 1,000 frames, 5
steps of Heun, against replicate 2. Figures go to benchmarks/results/slow_coordinates_NAME.json.
"""

import argparse
from typing import Any

import mdtraj as md
from common import write_result
from pipeline import MOLECULES, N_CHAINS, N_FRAMES, SUMMARY
from replicates import judged, replicate, with_flow
from rich.console import Console
from rich.table import Table

import lamslide_md as lam
from lamslide_md.cli.train import with_changes
from lamslide_md.config import preset_settings

LATENTS = "flow.tokens=latents,flow.width=96"
ROWS = (
    f"{LATENTS},flow.slow_weight=0",
    "flow.slow_weight=0",
    f"{LATENTS},flow.slow_weight=2",
    "flow.slow_weight=2",
    "flow.slow_weight=8",
)
SHOWN = (*SUMMARY, "timescale_log_ratio")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=MOLECULES)
    parser.add_argument("--rows", nargs="+", default=ROWS)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model = lam.load_pretrained(args.name)
    learned, other = (replicate(args.name, i) for i in (1, 2))
    rows = []
    for changes in args.rows:
        flow = with_changes(preset_settings("quick"), changes.split(",")).flow
        changed, minutes = with_flow(model, learned, flow, args.seed)
        rollouts = [measured(changed, args.name, learned, other, seed) for seed in (0, 1)]
        rows.append({"changes": changes, "training_min": minutes, "rollouts": rollouts})
        print(rows[-1], flush=True)
        write_result(f"slow_coordinates_{args.name}", {"seed": args.seed, "rows": rows})
    show(args.name, rows)


def measured(
    model: lam.Surrogate, name: str, learned: md.Trajectory, other: md.Trajectory, seed: int
) -> dict[str, Any]:
    """Roll out and judge: every measure, and its floor."""
    chains = model.rollout("reference", N_FRAMES, n_chains=N_CHAINS, seed=seed).chains()
    measures = judged(model, chains, name, other, learned)
    return {key: {"rollout": measure.rollout, "floor": measure.floor} for key, measure in measures.items()}


def show(name: str, rows: list[dict[str, Any]]) -> None:
    """Print both rollouts of every row."""
    table = Table(title=f"{name}: two rollouts of each flow (floor in the last line)")
    for column in ("changes", "training, min", *(key.removeprefix("js_distance_") for key in SHOWN)):
        table.add_column(column)
    for row in rows:
        cells = (" / ".join(told(r[key]["rollout"]) for r in row["rollouts"]) for key in SHOWN)
        table.add_row(row["changes"], f"{row['training_min']:.1f}", *cells)
    table.add_row("MD", "", *(told(rows[0]["rollouts"][0][key]["floor"]) for key in SHOWN))
    Console(width=200).print(table)


def told(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    main()
