"""Quality against training compute: one molecule, the preset of the model that ships with fewer steps and in full.

    python benchmarks/compute.py AGVD          # trains what is missing: about half an hour after benchmarks/accuracy.py

Every run is trained, rolled out and evaluated as in benchmarks/accuracy.py, one seed; full runs are shared with it, and
`standard` is shown after `quick` if it is there. Figures go to benchmarks/results/compute_NAME.json and .png.
"""

import argparse
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from common import MOLECULES, RESULTS, ROOT, commands, fewer_steps, figures_of, run, write_result

from lamslide_md.config import preset_settings

matplotlib.use("Agg")

SHARES = (1 / 8, 1 / 4, 1 / 2)
SHOWN = {
    "js_distance_torsions_all": "torsions",
    "js_distance_tic01": "TIC 0, 1",
    "js_distance_states_occupancy": "states",
}
KINETICS = {"relaxation_log_ratio": "relaxation times", "timescale_log_ratio": "implied timescales"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=MOLECULES)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    shared = ROOT / "runs" / "accuracy"
    preset = MOLECULES[args.name].preset
    folders = {share: ROOT / "runs" / "compute" / f"{args.name}_{share:g}_{args.seed}" for share in SHARES}
    for share, folder in folders.items():
        run(folder, commands(args.name, f"--preset {preset} {fewer_steps(preset_settings(preset), share)}", args.seed))
    runs = {f"{preset} x {share:g}": figures_of(folder, args.name) for share, folder in folders.items()}
    run(shared / f"{args.name}_{preset}_{args.seed}", commands(args.name, f"--preset {preset}", args.seed))
    for full in (preset, "standard") if preset == "quick" else (preset,):
        folder = shared / f"{args.name}_{full}_{args.seed}"
        if (folder / "comparison.json").exists():
            runs[full] = figures_of(folder, args.name)
    write_result(f"compute_{args.name}", {"seed": args.seed, "runs": runs})
    draw(args.name, runs, RESULTS / f"compute_{args.name}.png")


def draw(name: str, runs: dict[str, dict[str, Any]], path: Path) -> None:
    """Draw distances beside the floor of MD, and errors of kinetics, over minutes of training."""
    minutes = [sum(figures["training_min"].values()) for figures in runs.values()]
    figure, (distances, kinetics) = plt.subplots(1, 2, figsize=(10, 4), constrained_layout=True)
    for key, label in SHOWN.items():
        distances.plot(minutes, [figures["measures"][key]["ratio"] for figures in runs.values()], "o-", label=label)
    distances.axhline(1, color="0.5", linestyle="--", label="an MD replicate")
    distances.set(ylabel="distance / floor of MD")
    for key, label in KINETICS.items():
        values = [figures["measures"][key]["rollout"] for figures in runs.values()]
        drawn = kinetics.plot(minutes, [np.nan if value is None else value for value in values], "o-", label=label)
        floor = next(iter(runs.values()))["measures"][key]["floor"]
        if floor is not None:
            kinetics.axhline(floor, color=drawn[0].get_color(), linestyle="--", label=f"{label}, an MD replicate")
    kinetics.set(ylabel="mean |ln(rollout / MD)|", ylim=(0, None))
    for axis in (distances, kinetics):
        axis.set(xscale="log", xlabel="training, minutes on one thread")
        axis.set_xticks([1, 2, 5, 10, 20, 50], labels=["1", "2", "5", "10", "20", "50"])
        axis.minorticks_off()
        axis.legend(frameon=False)
        above = axis.secondary_xaxis("top")
        above.set_xticks(minutes, labels=list(runs), fontsize=7, rotation=30, ha="left")
        above.minorticks_off()
    figure.suptitle(f"{name}: quality against training compute, one seed")
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
