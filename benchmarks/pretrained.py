"""The models that ship: simulate, train on replicate 1, judge against replicate 2, write model and card.

    python benchmarks/pretrained.py ala2      # or AGVD, SVFA; about 40 minutes each on 2 idle cores
    python benchmarks/pretrained.py peptides  # some hours
    python benchmarks/pretrained.py ala2 --judge    # the model that ships already, after a change of the sampling

Trains in the folder of the first seed of row "NAME PRESET" of benchmarks/accuracy.py, or of benchmarks/peptides.py:
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
    parser.add_argument("--judge", action="store_true", help="train nothing, judge what ships anew")
    args = parser.parse_args()
    name, folder = args.name, ROOT / "runs" / "pretrained" / args.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if args.judge:
        shutil.copyfile(HOME / f"{name}.lamslide", folder / f"{name}.lamslide")
    else:
        trained = train_peptides() if name == "peptides" else train_molecule(name)
        lam.Surrogate.load(trained).save(folder / f"{name}.lamslide", half_precision=True)
    figures, card = judge_peptides(folder) if name == "peptides" else judge_molecule(name, folder)
    write_result(f"pretrained_{name}", figures)
    shutil.copyfile(folder / f"{name}.lamslide", HOME / f"{name}.lamslide")
    (HOME / f"{name}.md").write_text(card, encoding="utf-8")
    print(f"written: {HOME / name}.lamslide and .md; figures in {RESULTS}")


def train_molecule(name: str) -> Path:
    """Train a model of one molecule, or go on with it."""
    folder = ROOT / "runs" / "accuracy" / f"{name}_{MOLECULES[name].preset}_0"
    steps = steps_of(name)
    run(folder, {made: steps[made] for made in ("", f"{name}.lamslide")})
    return folder / f"{name}.lamslide"


def judge_molecule(name: str, folder: Path) -> tuple[dict[str, Any], str]:
    """Judge a model by a trajectory that it has not seen."""
    steps = steps_of(name)
    run(folder, {made: steps[made] for made in ("", "rollout.xtc", "comparison.json")})
    figures = figures_of(folder, name)
    return figures, card_of_molecule(name, MOLECULES[name], list(steps.values()), comparison_of(folder), figures)


def steps_of(name: str) -> dict[str, str]:
    """Give all commands of a molecule."""
    return commands(name, f"--preset {MOLECULES[name].preset}", seed=0)


def train_peptides() -> Path:
    """Train a model of many peptides, or go on with it."""
    for name in peptides.TRAINING:
        peptides.simulate(name)
    folder = ROOT / "runs" / "peptides" / "peptide_0"
    peptides.train(folder, peptides.TRAINING, peptides.CHANGES, seed=0)
    return folder / peptides.MODEL


def judge_peptides(folder: Path) -> tuple[dict[str, Any], str]:
    """Judge a model by peptides that it has not seen."""
    for name in peptides.TEST:
        peptides.simulate(name)
    unseen = {name: peptides.judge(folder, name, seed=0) for name in peptides.TEST}
    comparisons = {name: comparison_of(folder / name) for name in unseen}
    files = f"../../md/peptides/{{{','.join(peptides.TRAINING)}}}/rep1.xtc"
    simulation = "# MD: python benchmarks/peptides.py --simulate"
    training = peptides.training(files, peptides.CHANGES, seed=0)
    steps = [simulation, training, *peptides.judging(peptides.TEST[0], seed=0).values()]
    return unseen, card_of_peptides(steps, comparisons, next(iter(unseen.values())))


def comparison_of(folder: Path) -> dict[str, Any]:
    """Read what `lamslide compare` has found."""
    return json.loads((folder / "comparison.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
