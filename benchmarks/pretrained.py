"""The models that ship: simulate, train on replicate 1, judge against replicate 2, write model and card.

    python benchmarks/pretrained.py ala2      # or AGVD, SVFA; 30 to 60 minutes each on 2 idle cores

Runs the commands that the card shows, in runs/pretrained/NAME; what is done is kept, what was interrupted goes on.
Writes lamslide_md/pretrained/NAME.lamslide and NAME.md, and benchmarks/results/pretrained_NAME.json.
"""

import argparse
import json
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import RESULTS, write_result

from lamslide_md.pretrained import HOME

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Recipe:
    """What a model is made of.

    Attributes
    ----------
    title
        Of the card.
    simulate
        Options of `lamslide simulate`.
    train
        Options of `lamslide train`.
    interval_ps
        Time between two frames of the model, ps.
    lag_ps
        Lag of the judgement, ps.
    """

    title: str
    simulate: str
    train: str
    interval_ps: float
    lag_ps: float


LONGER = "--set autoencoder.optimisation.n_steps=4000 --set flow.optimisation.n_steps=6000"
RECIPES = {
    "ala2": Recipe("Alanine dipeptide (ACE-ALA-NME)", "A --capped --ns 40 --temperature-K 300", "", 5.0, 50.0),
    "AGVD": Recipe("Tetrapeptide AGVD, free termini", "AGVD --ns 20", LONGER, 10.0, 100.0),
    "SVFA": Recipe("Tetrapeptide SVFA, free termini", "SVFA --ns 20", LONGER, 10.0, 100.0),
}
N_CHAINS, N_FRAMES = 20, 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=RECIPES)
    name = parser.parse_args().name
    recipe, folder = RECIPES[name], ROOT / "runs" / "pretrained" / name
    folder.mkdir(parents=True, exist_ok=True)
    steps = commands(name, recipe)
    for made, command in steps.items():
        if made == "simulation" or not (folder / made).exists():
            print(command, flush=True)
            subprocess.run(shlex.split(command), cwd=folder, check=True)
    comparison = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    model = json.loads(
        subprocess.run(
            ["lamslide", "info", f"{name}.lamslide", "--json"], cwd=folder, check=True, capture_output=True, text=True
        ).stdout
    )
    figures = {
        "training_min": {stage: seconds / 60 for stage, seconds in model["provenance"]["training_s"].items()},
        "n_parameters": model["provenance"]["n_parameters"],
        "held_out_rmsd_A": 10 * model["provenance"]["held_out_rmsd_nm"],
        "rollout_ns_per_s": comparison["provenance"]["rollout_ns_per_s"],
        "md_ns_per_s": comparison["provenance"]["md_ns_per_s"],
        "measures": {
            m["kind"]["key"]: {key: m[key] for key in ("rollout", "rollout_error", "floor", "ratio", "ratio_error")}
            for m in comparison["measures"]
        },
        "failures": comparison["failures"],
    }
    write_result(f"pretrained_{name}", figures)
    shutil.copyfile(folder / f"{name}.lamslide", HOME / f"{name}.lamslide")
    (HOME / f"{name}.md").write_text(card(name, recipe, list(steps.values()), comparison, figures), encoding="utf-8")
    print(f"written: {HOME / name}.lamslide and .md; figures in {RESULTS}")


def commands(name: str, recipe: Recipe) -> dict[str, str]:
    """Each file to be made, and the command that makes it, in the order of their making."""
    frames = f"--chains {N_CHAINS} --frames {N_FRAMES}"
    judged = f"--reference rep2.xtc --replicate rep1.xtc --lag-ps {recipe.lag_ps:g}"
    return {
        "simulation": f"lamslide simulate {recipe.simulate} --replicates 2 --platform Reference --out .",
        f"{name}.lamslide": " ".join(
            f"lamslide train rep1.xtc --preset quick --interval-ps {recipe.interval_ps:g} {recipe.train} "
            f"--out {name}.lamslide".split()
        ),
        "rollout.xtc": f"lamslide rollout {name}.lamslide {frames} --out rollout.xtc",
        "comparison.json": f"lamslide compare rollout.xtc {judged} --out comparison.json --report report.html",
    }


def card(name: str, recipe: Recipe, steps: list[str], comparison: dict[str, Any], figures: dict[str, Any]) -> str:
    """Say what a model is, what it was made of, how it did, and what it is not for."""
    settings = comparison["settings"]
    reference = settings["sides"]["reference"]
    span_ns = reference["n_frames"] * reference["interval_ps"] / 1000
    minutes = sum(figures["training_min"].values())
    rows = [
        f"| {m['kind']['label']}{', ' + m['kind']['unit'] if m['kind']['unit'] else ''} | {told(m['rollout'])} "
        f"| {told(m['floor'])} | {told(m['ratio'])} ± {told(m['ratio_error'])} |"
        for m in comparison["measures"]
    ]
    return f"""# {name}: {recipe.title}

A frame each {recipe.interval_ps:g} ps at {settings["temperature_K"]:g} K, heavy atoms; amber14, OBC2 implicit solvent.
Learned from {span_ns:g} ns of one OpenMM trajectory (4 fs, hydrogens of 3 amu) in {minutes:.0f} minutes on 2 CPU cores;
{sum(figures["n_parameters"].values()):,} parameters. It rolls out {figures["rollout_ns_per_s"]:.1f} ns/s
with {N_CHAINS} chains on the machine whose MD runs {figures["md_ns_per_s"]:.3f} ns/s.

## How far to trust it

{N_CHAINS} chains of {N_FRAMES} frames against a second trajectory of {span_ns:g} ns that the model has not
seen. The floor is the first trajectory against the second: what MD itself differs by. Lag {settings["lag_ps"]:g} ps,
{settings["n_clusters"]} clusters, {settings["n_states"]} metastable states; one training seed; errors by bootstrap.

| measure | rollout | floor (MD) | ratio |
|---|---|---|---|
{chr(10).join(rows)}

## Limits

- This molecule, solvent model and temperature only; nothing outside of what the {span_ns:g} ns of MD have visited.
- Heavy atoms only: no hydrogens, no energies, no velocities. Rebuild hydrogens and minimise before MD from its frames.
- A frame is {recipe.interval_ps:g} ps after the one before: motions faster than that are statistics, not paths.
- Paths between two ends and upsampling reach as far as a window of 16 frames.

## Made by

`python benchmarks/pretrained.py {name}`, which runs

```
{chr(10).join(steps)}
```
"""


def told(value: float | None) -> str:
    """Three digits, or a dash where there is no figure."""
    return "-" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    main()
