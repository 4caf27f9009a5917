"""The models that ship: simulate, train on replicate 1, judge against replicate 2, write model and card.

    python benchmarks/pretrained.py ala2      # or AGVD, SVFA; about 40 minutes each on 2 idle cores

Trains in the folder of the first seed of row "NAME quick" of benchmarks/accuracy.py: what is done is kept, what was
interrupted goes on. What ships has its weights in half precision, and is rolled out and judged anew.
Writes lamslide_md/pretrained/NAME.lamslide and NAME.md, and benchmarks/results/pretrained_NAME.json.
"""

import argparse
import json
import shutil
from typing import Any

from common import RESULTS, write_result
from pipeline import MOLECULES, N_CHAINS, N_FRAMES, ROOT, commands, figures_of, run

import lamslide_md as lam
from lamslide_md.pretrained import HOME


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=MOLECULES)
    name = parser.parse_args().name
    steps = commands(name, "--preset quick", seed=0)
    trained, folder = ROOT / "runs" / "accuracy" / f"{name}_quick_0", ROOT / "runs" / "pretrained" / name
    judged = ("rollout.xtc", "comparison.json")
    run(trained, {made: command for made, command in steps.items() if made not in judged})
    lam.Surrogate.load(trained / f"{name}.lamslide").save(folder / f"{name}.lamslide", half_precision=True)
    for made in judged:
        (folder / made).unlink(missing_ok=True)
    run(folder, {made: steps[made] for made in judged})
    comparison = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    figures = figures_of(folder, name)
    write_result(f"pretrained_{name}", figures)
    shutil.copyfile(folder / f"{name}.lamslide", HOME / f"{name}.lamslide")
    (HOME / f"{name}.md").write_text(card(name, list(steps.values()), comparison, figures), encoding="utf-8")
    print(f"written: {HOME / name}.lamslide and .md; figures in {RESULTS}")


def card(name: str, steps: list[str], comparison: dict[str, Any], figures: dict[str, Any]) -> str:
    """Say what a model is, what it was made of, how it did, and what it is not for."""
    settings, molecule = comparison["settings"], MOLECULES[name]
    reference = settings["sides"]["reference"]
    span_ns = reference["n_frames"] * reference["interval_ps"] / 1000
    minutes = sum(figures["training_min"].values())
    rows = [
        f"| {m['kind']['label']}{', ' + m['kind']['unit'] if m['kind']['unit'] else ''} | {told(m['rollout'])} "
        f"| {told(m['floor'])} | {ratio(m)} |"
        for m in comparison["measures"]
        if m["rollout"] is not None
    ]
    return f"""# {name}: {molecule.title}

- Frames {molecule.interval_ps:g} ps apart at {settings["temperature_K"]:g} K, heavy atoms; amber14, OBC2 solvent.
- Learned from {span_ns:g} ns of one OpenMM trajectory (4 fs, hydrogens of 3 amu) in {minutes:.0f} minutes.
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
- Heavy atoms only: no hydrogens, no energies, no velocities. Rebuild hydrogens and minimise before MD from its frames.
- A frame is {molecule.interval_ps:g} ps after the one before: motions faster than that are statistics, not paths.
- Paths between two ends and upsampling reach as far as a window of 16 frames.

## Made by

`python benchmarks/pretrained.py {name}`, which runs, and rounds the weights to half precision before the rollout,

```
{chr(10).join(steps)}
```
"""


def ratio(measure: dict[str, Any]) -> str:
    """Give the ratio with its error, where there is one."""
    return "-" if measure["ratio"] is None else f"{told(measure['ratio'])} ± {told(measure['ratio_error'])}"


def told(value: float | None) -> str:
    """Three digits, or a dash where there is no figure."""
    return "-" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    main()
