"""Forecasts of what is no peptide: LaM-SLidE, the same flow on coordinates, and what learns nothing.

    python benchmarks/forecasts.py nbody --seeds 0 1 2
    python benchmarks/forecasts.py zara1 --data eth_ucy           # data of others, see workflows/crowds.py
    python benchmarks/forecasts.py ethanol+malonaldehyde+aspirin  # a stand-in for MD17; pip install tblite
    python benchmarks/forecasts.py nbody --share 0.0625           # with a sixteenth of the steps of both stages
    python benchmarks/forecasts.py --table                        # all that is there, medians over seeds

Trains what is missing, about a quarter of an hour a model on one thread with `quick`; molecules joined by + are one
model, evaluated molecule by molecule. Figures go to benchmarks/results/forecasts_NAME_PRESET.json (or _xSHARE), and
quality against training compute, where a name has several shares, to forecasts_compute.png.
"""

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from common import RESULTS, ROOT, fewer_steps, write_result
from rich.console import Console
from rich.table import Table

from lamslide_md.config import forecast_settings

matplotlib.use("Agg")

RUNS = ROOT / "runs" / "forecasts"
MOLECULES = ROOT / "runs" / "md17"
N_WINDOWS = 60
"""Test windows of each molecule: the flow on coordinates, 21 tokens a frame, takes longer to sample than to train."""
COLUMNS = ("ade", "fde", "min_ade", "min_fde", "joint_ade", "joint_fde")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="?", help="nbody, a scene of ETH-UCY, rebound, or molecules joined by +")
    parser.add_argument("--data", type=Path, help="folder of the scenes of people or players")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--share", type=float, default=1.0, help="of the preset's steps of both stages")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--table", action="store_true", help="only show what is there")
    args = parser.parse_args()
    if args.name and not args.table:
        runs = {str(seed): forecast(args.name, args.data, args.preset, args.share, seed) for seed in args.seeds}
        write_result(f"forecasts_{args.name}_{args.preset}{part(args.share)}", {"share": args.share, "runs": runs})
    show()
    draw()


def part(share: float) -> str:
    """How a share of the steps is told in names."""
    return "" if share == 1 else f"_x{share:.3g}"


def forecast(name: str, data: Path | None, preset: str, share: float, seed: int) -> dict[str, Any]:
    """Run a workflow; what it wrote."""
    out = RUNS / f"{name}{part(share)}_{seed}"
    if name == "nbody":
        command, folder = "workflows/nbody.py", out
    elif data:
        command, folder = f"workflows/crowds.py {name} --data {shlex.quote(str(data.resolve()))}", out / name
    else:
        molecules = sorted(name.split("+"))
        given = " ".join(f"--data {simulated(molecule)}" for molecule in molecules)
        command, folder = f"workflows/md17.py {given} --windows {N_WINDOWS}", out / "_".join(molecules)
    command += f" --preset {preset} --seed {seed} --out {out}"
    if share != 1:  # all tasks have as many steps
        command += " " + fewer_steps(forecast_settings("nbody", preset), share)
    print(command, flush=True)
    subprocess.run([sys.executable, *shlex.split(command)], cwd=ROOT, check=True)
    return {"command": command.replace(f"{ROOT}/", ""), **json.loads((folder / preset / "forecasts.json").read_text())}


def simulated(molecule: str) -> Path:
    """Simulate a molecule, unless it is done."""
    sys.path.insert(0, str(ROOT / "workflows"))
    import md17

    return md17.stand_in(molecule, md17.N_STEPS, 0, MOLECULES)


def show() -> None:
    """Print the median over seeds of every model on every set."""
    table = Table(
        title="forecasts, medians over seeds (crowds in m, molecules in Å, charges in units of the simulation)"
    )
    for column in ("model", "set", "seeds", *COLUMNS, "training, min", "parameters", "NFE"):
        table.add_column(column)
    for path in sorted(RESULTS.glob("forecasts_*.json")):
        runs = [run["rows"] for run in json.loads(path.read_text(encoding="utf-8"))["runs"].values()]
        table.add_section()
        table.add_row(path.stem.removeprefix("forecasts_"))
        for rows in zip(*runs, strict=True):
            first = rows[0]
            cells = [f"{np.median([row[column] for row in rows]):.3f}" for column in COLUMNS]
            if "n_parameters" in first:
                minutes = np.median([row["training_min"] for row in rows])
                cells += [f"{minutes:.0f}", f"{first['n_parameters']:,}", str(first["network_evaluations"])]
            table.add_row(first["model"], first["set"] or "all", str(len(rows)), *cells)
    Console(width=180).print(table)


def draw() -> None:
    """Draw errors over minutes of training, where a name has several shares of the steps."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in RESULTS.glob("forecasts_*_quick*.json"):
        content = json.loads(path.read_text(encoding="utf-8"))
        found.setdefault(path.stem.removeprefix("forecasts_").partition("_quick")[0], []).append(content)
    names = sorted(name for name, contents in found.items() if len(contents) > 1)
    if not names:
        return
    figure, axes = plt.subplots(1, len(names), figsize=(5 * len(names), 4), constrained_layout=True, squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        rows = [row for content in found[name] for run in content["runs"].values() for row in run["rows"]]
        overall = [row for row in rows if not row["set"]]
        for model in dict.fromkeys(row["model"] for row in overall):
            own = [row for row in overall if row["model"] == model]
            if "training_min" not in own[0]:
                axis.axhline(own[0]["ade"], color="0.5", linestyle=":" if model == "last frame" else "--", label=model)
                continue
            own.sort(key=lambda row: row["training_min"])
            axis.plot([row["training_min"] for row in own], [row["ade"] for row in own], "o-", label=model)
        axis.set(title=name, xlabel="training, minutes on one thread", ylabel="ADE", xscale="log", ylim=(0, None))
        axis.legend(frameon=False)
    figure.savefig(RESULTS / "forecasts_compute.png", dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
