"""Peptides that the model has never seen: train on many, roll out three others from one frame each, and evaluate them.

    python benchmarks/peptides.py            # everything that is missing; some hours on two cores, goes on when killed
    python benchmarks/peptides.py --simulate # only the reference MD
    python benchmarks/peptides.py --table    # medians over the seeds that are there
    python benchmarks/peptides.py --validate "" flow.width=192    # how CHANGES are chosen; "" for none beside them

All peptides are made of six residues. Of the 84 to learn from, each residue stands twice in each place of the first
twelve, which have 5 ns each; in the further 36 and once more 36, of 2 ns each, it follows every residue once at each
bond, and no three stand twice in the same places. The three test peptides were drawn once, no choice was made on them;
they have two replicates of 10 ns. MD: amber14 and OBC2 at 350 K. Rollouts start from the first frame of replicate 1,
are compared with replicate 2, and the floor is replicate 1. Figures go to benchmarks/results/peptides_SEED.json.

Choices are made on two of the training peptides that are left out for it and have two further replicates of 10 ns;
two that are learned from, with two further replicates of 20 ns, are shown beside them. Figures go to
benchmarks/results/peptides_validation_SEED.json.
"""

import argparse
import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from common import MD, MOLECULES, N_CHAINS, N_FRAMES, RESULTS, ROOT, figures_of, run, write_result
from rich.console import Console
from rich.table import Table

RESIDUES = "ADFGSV"
LONG = ("AGVD", "SVFA", "FVAF", "AFSV", "VFGG", "DDGS", "SASG", "DSDV", "GAVA", "FDAD", "VSFS", "GGDF")
SHORT = tuple(
    "".join(RESIDUES[i % 6] for i in (a, b, a + b + k, 2 * a + b)) for k, a, b in product(range(2), range(6), range(6))
)
TRAINING = (*LONG, *SHORT)
TEST = ("GDAF", "ASDG", "FSGA")
LEFT_OUT, LEARNED = ("GAVA", "FDAD"), ("AGVD", "SVFA")
"""Of the training peptides; choices are made on them."""
LONG_NS, SHORT_NS, TEST_NS = 5, 2, 10
MODEL = "peptides.lamslide"
SHOWN = {
    "js_distance_torsions_backbone": "backbone",
    "js_distance_torsions_side_chain": "side chains",
    "js_distance_torsions_all": "torsions",
    "js_distance_tic0": "TIC 0",
    "js_distance_tic01": "TIC 0, 1",
    "js_distance_states_occupancy": "states",
    "js_distance_states_msm": "states, MSM",
    "bond_error": "bond error, Å",
    "relaxation_log_ratio": "relaxation times, factor",
}
CHANGES = {
    "autoencoder.n_channels": 32,
    "autoencoder.optimisation.n_steps": 4000,
    "flow.optimisation.n_steps": 7500,
}
"""Of the preset `peptide`: steps for many molecules."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulate", action="store_true", help="only make the reference MD")
    parser.add_argument("--table", action="store_true", help="only show what is there")
    parser.add_argument("--validate", nargs="+", default=(), metavar="CHANGES", help="joined by commas; compare them")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.table:
        there = sorted(RESULTS.glob("peptides_[0-9].json"))
        show([json.loads(path.read_text(encoding="utf-8"))["unseen"] for path in there], "ratio")
        return
    for name in TRAINING if args.validate else (*TRAINING, *TEST):
        simulate(name)
    if args.simulate:
        return
    if args.validate:
        validate(args.validate, args.seed)
        return
    folder = ROOT / "runs" / "peptides" / f"peptide_{args.seed}"
    train(folder, TRAINING, CHANGES, args.seed)
    results = {name: evaluate(folder, name, args.seed) for name in TEST}
    write_result(f"peptides_{args.seed}", {"training": TRAINING, "changes": CHANGES, "unseen": results})
    show([results], "ratio")


def validate(rows: Sequence[str], seed: int) -> None:
    """Train on peptides but two, and evaluate those and two that are learned from."""
    for name in LEFT_OUT:
        command = f"lamslide simulate {name} --ns {TEST_NS} --replicates 2 --processes 1 --platform Reference --seed 1"
        simulate_as(f"{command} --out peptides/validation/{name}")
    for name in LEARNED:
        simulate_as(f"lamslide simulate {MOLECULES[name].simulate} --replicates 2 --platform Reference --out {name}")
    md = {name: f"peptides/validation/{name}" for name in LEFT_OUT} | {name: name for name in LEARNED}
    learned = tuple(name for name in TRAINING if name not in LEFT_OUT)
    path = RESULTS / f"peptides_validation_{seed}.json"
    for row in rows:
        folder = ROOT / "runs" / "peptides" / f"validate_{row}_{seed}"
        train(folder, learned, CHANGES | described(row), seed)
        figures = {name: evaluate(folder, name, seed, md[name]) for name in md}
        # Read now: another row may have been added since this one was begun.
        results = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else {}
        write_result(path.stem, {"rows": results | {row: {"training": learned, "judged": figures}}})
        print(row or "as it is")
        show([figures], "ratio")


def described(row: str) -> dict[str, str]:
    """Give the settings of a row by name."""
    return dict(change.split("=") for change in row.split(",") if change)


def train(folder: Path, names: Sequence[str], changes: Mapping[str, Any], seed: int) -> None:
    """Train a model of several peptides, or go on with it."""
    run(folder, {MODEL: training(" ".join(f"../../md/peptides/{name}/rep1.xtc" for name in names), changes, seed)})


def training(files: str, changes: Mapping[str, Any], seed: int) -> str:
    """Give the command that trains on some files."""
    settings = " ".join(f"--set {key}={value}" for key, value in changes.items())
    return f"lamslide train {files} --preset peptide {settings} --seed {seed} --out {MODEL}"


def evaluate(folder: Path, name: str, seed: int, md: str = "") -> dict[str, Any]:
    """Roll out a peptide from the first frame of its MD and compare."""
    own = folder / name
    run(own, evaluating(name, seed, md))
    return figures_of(own, f"../{MODEL.removesuffix('.lamslide')}")


def evaluating(name: str, seed: int, md: str = "") -> dict[str, str]:
    """Give each file to be made in a peptide's folder, and the command that makes it."""
    md = f"../../../md/{md or f'peptides/{name}'}"
    rollout = f"--chains {N_CHAINS} --frames {N_FRAMES} --seed {seed} --out rollout.xtc"
    compared = f"--reference {md}/rep2.xtc --replicate {md}/rep1.xtc --lag-ps 100"
    return {
        "start.pdb": f"mdconvert {md}/rep1.xtc -t {md}/system.pdb -i 0 -o start.pdb",
        "rollout.xtc": f"lamslide rollout ../{MODEL} --start start.pdb {rollout}",
        "comparison.json": f"lamslide compare rollout.xtc {compared} --out comparison.json --report report.html",
    }


def simulate(name: str) -> None:
    """Simulate a peptide, or go on with it."""
    length = f"--ns {TEST_NS} --replicates 2 --processes 1"
    if name in TRAINING:
        length = f"--ns {LONG_NS if name in LONG else SHORT_NS} --replicates 1"
    simulate_as(f"lamslide simulate {name} {length} --platform Reference --out peptides/{name}")


def simulate_as(command: str) -> None:
    """Run a command where all MD is."""
    MD.mkdir(parents=True, exist_ok=True)
    print(command, flush=True)
    subprocess.run(shlex.split(command), cwd=MD, check=True)


def show(runs: Sequence[dict[str, dict[str, Any]]], what: str) -> None:
    """Print distances or their ratios to the floor of MD, medians over seeds, and their medians over peptides."""
    table = Table(title=f"peptides, {len(runs)} seed(s): {what}")
    for column in ("peptide", *SHOWN.values()):
        table.add_column(column)
    rows = {
        name: [float(np.median([value(run[name]["measures"][key], key, what) for run in runs])) for key in SHOWN]
        for name in runs[0]
    }
    for name, row in (rows | {"median": list(np.median(list(rows.values()), axis=0))}).items():
        table.add_row(name, *(f"{number:.3g}" for number in row))
    Console(width=140).print(table)


def value(measure: dict[str, float], key: str, what: str) -> float:
    """Give the distance or ratio, the mean factor by which relaxation times are off, or the error of bonds."""
    if key == "relaxation_log_ratio":
        return float(np.exp(measure["rollout"]))
    return measure["rollout" if key == "bond_error" else what]


if __name__ == "__main__":
    main()
