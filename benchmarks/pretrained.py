"""The models that ship: simulate, train on replicate 1, evaluate against replicate 2, write model and card.

    python benchmarks/pretrained.py ala2      # or AGVD, SVFA; about 40 minutes each on 2 idle cores
    python benchmarks/pretrained.py peptides  # some hours
    python benchmarks/pretrained.py ala2 --distil      # the model that ships already, with a map learned anew
    python benchmarks/pretrained.py ala2 --evaluate    # the same as it is, after a change of the sampling

Trains in the folder of the first seed of row "NAME PRESET" of benchmarks/accuracy.py, or of benchmarks/peptides.py:
what is done is kept, what was interrupted goes on. Then a map is learned from the model's own rollouts. What ships has
its weights in half precision, and is rolled out and evaluated anew. Writes lamslide_md/pretrained/NAME.lamslide and
NAME.md, and benchmarks/results/pretrained_NAME.json.
"""

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import peptides
import speed
from common import MOLECULES, N_CHAINS, N_FRAMES, RESULTS, ROOT, Molecule, commands, figures_of, run, write_result

import lamslide_md as lam
from lamslide_md.pretrained import HOME


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=(*MOLECULES, "peptides"))
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--distil", action="store_true", help="train nothing but a map of what ships")
    what.add_argument("--evaluate", action="store_true", help="train nothing, evaluate what ships anew")
    args = parser.parse_args()
    name, folder = args.name, ROOT / "runs" / "pretrained" / args.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = folder / f"{name}.lamslide"
    if args.evaluate:
        shutil.copyfile(HOME / made.name, made)
    else:
        trained = HOME / made.name if args.distil else trained_flow(name)
        lam.distil(lam.Surrogate.load(trained), checkpoint_dir=folder / "map").save(made, half_precision=True)
    figures, card = evaluate_peptides(folder) if name == "peptides" else evaluate_molecule(name, folder)
    write_result(f"pretrained_{name}", figures)
    shutil.copyfile(folder / f"{name}.lamslide", HOME / f"{name}.lamslide")
    (HOME / f"{name}.md").write_text(card, encoding="utf-8")
    print(f"written: {HOME / name}.lamslide and .md; figures in {RESULTS}")


def trained_flow(name: str) -> Path:
    """Train a model, or go on with it."""
    return train_peptides() if name == "peptides" else train_molecule(name)


def train_molecule(name: str) -> Path:
    """Train a model of one molecule, or go on with it."""
    folder = ROOT / "runs" / "accuracy" / f"{name}_{MOLECULES[name].preset}_0"
    steps = steps_of(name)
    run(folder, {made: steps[made] for made in ("", f"{name}.lamslide")})
    return folder / f"{name}.lamslide"


def evaluate_molecule(name: str, folder: Path) -> tuple[dict[str, Any], str]:
    """Evaluate a model by a trajectory that it has not seen."""
    steps = steps_of(name)
    run(folder, {made: steps[made] for made in ("", "rollout.xtc", "comparison.json")})
    # Timed now, as the rollout was: the simulation may have run beside other work.
    figures = figures_of(folder, name) | {"md_ns_per_s": speed.md_ns_per_s(name)}
    return figures, card_of_molecule(name, MOLECULES[name], list(steps.values()), comparison_of(folder), figures)


def steps_of(name: str) -> dict[str, str]:
    """Give all commands of a molecule."""
    return commands(name, f"--preset {MOLECULES[name].preset}", seed=0, solver="map")


def train_peptides() -> Path:
    """Train a model of many peptides, or go on with it."""
    for name in peptides.TRAINING:
        peptides.simulate(name)
    folder = ROOT / "runs" / "peptides" / "peptide_0"
    peptides.train(folder, peptides.TRAINING, peptides.CHANGES, seed=0)
    return folder / peptides.MODEL


def evaluate_peptides(folder: Path) -> tuple[dict[str, Any], str]:
    """Evaluate a model by peptides that it has not seen."""
    for name in peptides.TEST:
        peptides.simulate(name)
    unseen = {name: peptides.evaluate(folder, name, seed=0) for name in peptides.TEST}
    comparisons = {name: comparison_of(folder / name) for name in unseen}
    files = f"../../md/peptides/{{{','.join(peptides.TRAINING)}}}/rep1.xtc"
    simulation = "# MD: python benchmarks/peptides.py --simulate"
    training = peptides.training(files, peptides.CHANGES, seed=0)
    steps = [simulation, training, *peptides.evaluating(peptides.TEST[0], seed=0).values()]
    return unseen, card_of_peptides(steps, comparisons, next(iter(unseen.values())))


def comparison_of(folder: Path) -> dict[str, Any]:
    """Read what `lamslide compare` has found."""
    return json.loads((folder / "comparison.json").read_text(encoding="utf-8"))


def card_of_molecule(
    name: str, molecule: Molecule, steps: Sequence[str], comparison: Mapping[str, Any], figures: Mapping[str, Any]
) -> str:
    """Describe a model of one molecule by its whole comparison."""
    settings = comparison["settings"]
    reference = settings["sides"]["reference"]
    span_ns = reference["n_frames"] * reference["interval_ps"] / 1000
    rows = [
        f"| {label(m['kind'])} | {shown(m['rollout'])} | {shown(m['floor'])} | {ratio(m)} |"
        for m in comparison["measures"]
        if m["rollout"] is not None
    ]
    return f"""# {name}: {molecule.title}

- Frames {molecule.interval_ps:g} ps apart at {settings["temperature_K"]:g} K, heavy atoms; amber14, OBC2 solvent.
- Learned from {span_ns:g} ns of one OpenMM trajectory (4 fs, hydrogens of 3 amu) in {minutes(figures):.0f} minutes.
- {sum(figures["n_parameters"].values()):,} parameters, stored in half precision.

## How far to trust it

{N_CHAINS} chains of {N_FRAMES} frames against a second trajectory of {span_ns:g} ns that the model has not seen. The
floor is the first trajectory against the second: what MD itself differs by. Lag {settings["lag_ps"]:g} ps,
{settings["n_clusters"]} clusters, {settings["n_states"]} metastable states; one training seed; errors by bootstrap.

| measure | rollout | floor (MD) | ratio |
|---|---|---|---|
{chr(10).join(rows)}

## Limits

- This molecule, solvent model and temperature only; nothing outside of what the {span_ns:g} ns of MD have visited.
{limits(molecule.interval_ps)}

## Made by

{made_by(name, steps)}"""


def card_of_peptides(
    steps: Sequence[str], comparisons: Mapping[str, Mapping[str, Any]], figures: Mapping[str, Any]
) -> str:
    """Describe a model of several peptides by its comparisons of others that it has not seen."""
    settings = next(iter(comparisons.values()))["settings"]
    interval_ps = settings["sides"]["rollout"]["interval_ps"]
    span_ns = peptides.LONG_NS * len(peptides.LONG) + peptides.SHORT_NS * len(peptides.SHORT)
    test_ns = peptides.TEST_NS
    learned = f"{len(peptides.TRAINING)} peptides, {span_ns:g} ns in all (OpenMM, 4 fs, hydrogens of 3 amu)"
    rows = []
    for measures in zip(*(comparison["measures"] for comparison in comparisons.values()), strict=True):
        if all(m["rollout"] is not None for m in measures):
            ratios = [m["ratio"] for m in measures if m["ratio"] is not None]
            cells = [f"{shown(m['rollout'])} ({shown(m['floor'])})" for m in measures]
            cells.append(shown(float(np.median(ratios)) if ratios else None))
            rows.append(f"| {label(measures[0]['kind'])} | {' | '.join(cells)} |")
    return f"""# peptides: Tetrapeptides of A, D, F, G, S and V, free termini

- Frames {interval_ps:g} ps apart at {settings["temperature_K"]:g} K, heavy atoms; amber14, OBC2 solvent.
- Learned from {learned}, in {minutes(figures):.0f} minutes.
- {sum(figures["n_parameters"].values()):,} parameters, stored in half precision.
- Takes a start of any tetrapeptide of these residues: `lamslide simulate GDAF --ns 0.1 --replicates 1 --out GDAF`, then
  `lamslide rollout peptides --start GDAF/rep1.xtc --out rollout.xtc`.

## How far to trust it

Peptides that it has not seen, each from one frame: {N_CHAINS} chains of {N_FRAMES} frames against {test_ns} ns of MD,
and in brackets the floor (MD), another {test_ns} ns against the first. One training seed.

| measure | {" | ".join(comparisons)} | ratio, median |
|---{"|---" * len(comparisons)}|---|
{chr(10).join(rows)}

## Limits

- Tetrapeptides of these residues with free termini, this solvent model and temperature only.
- Slow states of a peptide that it has not seen are left too early: do not trust its kinetics beyond the table.
{limits(interval_ps)}

## Made by

{made_by("peptides", steps)}"""


def label(kind: Mapping[str, Any]) -> str:
    """Name a measure, with its unit."""
    return f"{kind['label']}, {kind['unit']}" if kind["unit"] else kind["label"]


def minutes(figures: Mapping[str, Any]) -> float:
    """Training of both stages."""
    return sum(figures["training_min"].values())


def limits(interval_ps: float) -> str:
    """What no model of heavy atoms and frames can give."""
    return f"""\
- Heavy atoms only: no hydrogens, no energies, no velocities. Rebuild hydrogens and minimise before MD from its frames.
- A frame is {interval_ps:g} ps after the one before: motions faster than that are statistics, not paths.
- Paths between two ends and upsampling reach as far as a window of 16 frames."""


def made_by(name: str, steps: Sequence[str]) -> str:
    """Name the command and what it runs."""
    return f"""\
`python benchmarks/pretrained.py {name}`, which runs what follows; between training and rollout it lets the
model learn a map from its own rollouts, as `lamslide distil` does, and rounds the weights to half precision.

```
{chr(10).join(steps)}
```
"""


def ratio(measure: Mapping[str, Any]) -> str:
    """Give the ratio with its error, where there is one."""
    return "-" if measure["ratio"] is None else f"{shown(measure['ratio'])} ± {shown(measure['ratio_error'])}"


def shown(value: float | None) -> str:
    """Three digits, or a dash where there is no figure."""
    return "-" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    main()
