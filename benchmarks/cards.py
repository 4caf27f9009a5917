"""Cards of the models that ship: what a model is, what it was made of, how it did, and what it is not for."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from peptides import LONG, LONG_NS, SHORT, SHORT_NS, TEST_NS, TRAINING
from pipeline import N_CHAINS, N_FRAMES, Molecule


def card_of_molecule(
    name: str, molecule: Molecule, steps: Sequence[str], comparison: Mapping[str, Any], figures: Mapping[str, Any]
) -> str:
    """Describe a model of one molecule by its whole comparison."""
    settings = comparison["settings"]
    reference = settings["sides"]["reference"]
    span_ns = reference["n_frames"] * reference["interval_ps"] / 1000
    rows = [
        f"| {label(m['kind'])} | {told(m['rollout'])} | {told(m['floor'])} | {ratio(m)} |"
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
    span_ns = LONG_NS * len(LONG) + SHORT_NS * len(SHORT)
    learned = f"{len(TRAINING)} peptides, {span_ns:g} ns in all (OpenMM, 4 fs, hydrogens of 3 amu)"
    rows = []
    for measures in zip(*(comparison["measures"] for comparison in comparisons.values()), strict=True):
        if all(m["rollout"] is not None for m in measures):
            ratios = [m["ratio"] for m in measures if m["ratio"] is not None]
            cells = [f"{told(m['rollout'])} ({told(m['floor'])})" for m in measures]
            cells.append(told(float(np.median(ratios)) if ratios else None))
            rows.append(f"| {label(measures[0]['kind'])} | {' | '.join(cells)} |")
    return f"""# peptides: Tetrapeptides of A, D, F, G, S and V, free termini

- Frames {interval_ps:g} ps apart at {settings["temperature_K"]:g} K, heavy atoms; amber14, OBC2 solvent.
- Learned from {learned}, in {minutes(figures):.0f} minutes.
- {sum(figures["n_parameters"].values()):,} parameters, stored in half precision.
- Takes a start of any tetrapeptide of these residues: `lamslide simulate GDAF --ns 0.1 --replicates 1 --out GDAF`, then
  `lamslide rollout peptides --start GDAF/rep1.xtc --out rollout.xtc`.

## How far to trust it

Peptides that it has not seen, each from one frame: {N_CHAINS} chains of {N_FRAMES} frames against {TEST_NS} ns of MD,
and in brackets the floor (MD), another {TEST_NS} ns against the first. One training seed.

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
`python benchmarks/pretrained.py {name}`, which runs, and rounds the weights to half precision before the rollout,

```
{chr(10).join(steps)}
```
"""


def ratio(measure: Mapping[str, Any]) -> str:
    """Give the ratio with its error, where there is one."""
    return "-" if measure["ratio"] is None else f"{told(measure['ratio'])} ± {told(measure['ratio_error'])}"


def told(value: float | None) -> str:
    """Three digits, or a dash where there is no figure."""
    return "-" if value is None else f"{value:.3g}"
