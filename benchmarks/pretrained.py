"""The models that ship: simulate, train on replicate 1, judge against replicate 2, write model and card.

    python benchmarks/pretrained.py ala2      # or AGVD, SVFA; about 40 minutes each on 2 idle cores
    python benchmarks/pretrained.py peptides  # some hours

Trains in the folder of the first seed of row "NAME quick" of benchmarks/accuracy.py, or of benchmarks/peptides.py:
what is done is kept, what was interrupted goes on. What ships has its weights in half precision, and is rolled out and
judged anew. Writes lamslide_md/pretrained/NAME.lamslide and NAME.md, and benchmarks/results/pretrained_NAME.json.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import peptides
from cards import card_of_molecule, card_of_peptides
from common import RESULTS, write_result
from pipeline import MOLECULES, ROOT, commands, figures_of, run

import lamslide_md as lam
from lamslide_md.pretrained import HOME


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=(*MOLECULES, "peptides"))
    name = parser.parse_args().name
    folder = ROOT / "runs" / "pretrained" / name
    shutil.rmtree(folder, ignore_errors=True)
    figures, card = ship_peptides(folder) if name == "peptides" else ship_molecule(name, folder)
    write_result(f"pretrained_{name}", figures)
    shutil.copyfile(folder / f"{name}.lamslide", HOME / f"{name}.lamslide")
    (HOME / f"{name}.md").write_text(card, encoding="utf-8")
    print(f"written: {HOME / name}.lamslide and .md; figures in {RESULTS}")


def ship_molecule(name: str, folder: Path) -> tuple[dict[str, Any], str]:
    """Train a model of one molecule, and judge it by another trajectory."""
    steps = commands(name, "--preset quick", seed=0)
    trained = ROOT / "runs" / "accuracy" / f"{name}_quick_0"
    judged = ("rollout.xtc", "comparison.json")
    run(trained, {made: command for made, command in steps.items() if made not in judged})
    lam.Surrogate.load(trained / f"{name}.lamslide").save(folder / f"{name}.lamslide", half_precision=True)
    run(folder, {made: steps[made] for made in judged})
    figures = figures_of(folder, name)
    return figures, card_of_molecule(name, MOLECULES[name], list(steps.values()), comparison_of(folder), figures)


def ship_peptides(folder: Path) -> tuple[dict[str, Any], str]:
    """Train a model of many peptides, and judge it by those that it has not seen."""
    for name in (*peptides.TRAINING, *peptides.TEST):
        peptides.simulate(name)
    trained = ROOT / "runs" / "peptides" / "quick_0"
    peptides.train(trained, peptides.TRAINING, peptides.CHANGES, seed=0)
    lam.Surrogate.load(trained / peptides.MODEL).save(folder / peptides.MODEL, half_precision=True)
    unseen = {name: peptides.judge(folder, name, seed=0) for name in peptides.TEST}
    comparisons = {name: comparison_of(folder / name) for name in unseen}
    files = f"../../md/peptides/{{{','.join(peptides.TRAINING)}}}/rep1.xtc"
    steps = [peptides.training(files, peptides.CHANGES, seed=0), *peptides.judging(peptides.TEST[0], seed=0).values()]
    return unseen, card_of_peptides(steps, comparisons, next(iter(unseen.values())))


def comparison_of(folder: Path) -> dict[str, Any]:
    """Read what `lamslide compare` has found."""
    return json.loads((folder / "comparison.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
