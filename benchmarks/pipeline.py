"""The user's own commands as a pipeline: simulate, train on replicate 1, roll out, judge against replicate 2."""

import json
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
MD = ROOT / "runs" / "md"
"""Holds a folder with two replicates for every molecule; all benchmarks share them."""
N_CHAINS, N_FRAMES = 20, 1000
FORMER_QUICK = ("flow.tokens=latents", "flow.width=96", "flow.slow_weight=0", "flow.optimisation.n_steps=2500")
"""Changes that give the preset `quick` of before docs/decisions/slow-coordinates.md."""
FORMER_PEPTIDE = (
    "autoencoder.n_latents=4",
    "flow.tokens=frames",
    "flow.width=192",
    "flow.optimisation.batch_size=64",
    "flow.optimisation.n_steps=3500",
)
"""Changes that give the preset `peptide` of before docs/decisions/latents-as-tokens.md."""
SUMMARY = (
    "js_distance_torsions_backbone",
    "js_distance_torsions_side_chain",
    "js_distance_tic0",
    "js_distance_tic01",
    "js_distance_states_occupancy",
    "relaxation_log_ratio",
)
"""Measures that tell how a rollout is."""


@dataclass(frozen=True)
class Molecule:
    """What is simulated, and how it is modelled and judged.

    Attributes
    ----------
    title
        For people.
    simulate
        Options of `lamslide simulate`.
    preset
        Of the model that ships, if one does.
    interval_ps
        Time between two frames of the model, ps.
    lag_ps
        Lag of the judgement, ps.
    """

    title: str
    simulate: str
    preset: str
    interval_ps: float
    lag_ps: float


MOLECULES = {
    "ala2": Molecule("Alanine dipeptide (ACE-ALA-NME)", "A --capped --ns 40 --temperature-K 300", "quick", 5.0, 50.0),
    "AGVD": Molecule("Tetrapeptide AGVD, free termini", "AGVD --ns 20", "peptide", 10.0, 100.0),
    "SVFA": Molecule("Tetrapeptide SVFA, free termini", "SVFA --ns 20", "peptide", 10.0, 100.0),
    "VGASDF": Molecule("Hexapeptide VGASDF, free termini", "VGASDF --ns 10", "peptide", 10.0, 100.0),
}


def commands(name: str, train: str, seed: int) -> dict[str, str]:
    """Each file to be made in a run's folder, and the command that makes it, in the order of their making."""
    molecule = MOLECULES[name]
    md = f"../../md/{name}"
    judged = f"--reference {md}/rep2.xtc --replicate {md}/rep1.xtc --lag-ps {molecule.lag_ps:g}"
    return {
        "": f"lamslide simulate {molecule.simulate} --replicates 2 --platform Reference --out {md}",
        f"{name}.lamslide": f"lamslide train {md}/rep1.xtc --interval-ps {molecule.interval_ps:g} {train} "
        f"--seed {seed} --out {name}.lamslide",
        "rollout.xtc": f"lamslide rollout {name}.lamslide --chains {N_CHAINS} --frames {N_FRAMES} --seed {seed} "
        "--out rollout.xtc",
        "comparison.json": f"lamslide compare rollout.xtc {judged} --out comparison.json --report report.html",
    }


def run(folder: Path, steps: Mapping[str, str]) -> None:
    """Run what is missing; an interrupted simulation or training goes on.

    Parameters
    ----------
    folder
        Two below runs/.
    steps
        From `commands`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for made, command in steps.items():
        if not made or not (folder / made).exists():
            print(command, flush=True)
            subprocess.run(shlex.split(command), cwd=folder, check=True)


def figures_of(folder: Path, name: str) -> dict[str, Any]:
    """Gather what was measured in a run's folder."""
    comparison = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    told = subprocess.run(
        ["lamslide", "info", f"{name}.lamslide", "--json"], cwd=folder, check=True, capture_output=True, text=True
    )
    provenance = json.loads(told.stdout)["provenance"]
    return {
        "training_min": {stage: seconds / 60 for stage, seconds in provenance["training_s"].items()},
        "n_parameters": provenance["n_parameters"],
        "held_out_rmsd_A": 10 * provenance["held_out_rmsd_nm"],
        "rollout_ns_per_s": comparison["provenance"]["rollout_ns_per_s"],
        "md_ns_per_s": comparison["provenance"]["md_ns_per_s"],
        "measures": {
            m["kind"]["key"]: {
                key: m[key] for key in ("rollout", "rollout_error", "floor", "ratio", "ratio_error", "reference")
            }
            for m in comparison["measures"]
        },
        "failures": comparison["failures"],
    }
