"""What the benchmarks share: the machine and its results, the user's own commands as a pipeline, replicates in memory.

The pipeline simulates, trains on replicate 1, rolls out and evaluates against replicate 2.
"""

import json
import os
import platform
import shlex
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mdtraj as md
import torch

import lamslide_md as lam
from lamslide_md.analysis.measures.measure import Measure
from lamslide_md.config import Settings

ROOT = Path(__file__).parent.parent
RESULTS = Path(__file__).parent / "results"
MD = ROOT / "runs" / "md"
"""Holds a folder with two replicates for every molecule; all benchmarks share them."""
N_CHAINS, N_FRAMES = 20, 1000


@dataclass(frozen=True)
class Molecule:
    """What is simulated, and how it is modelled and evaluated.

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
        Lag of the comparison, ps.
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


def commands(name: str, train: str, seed: int, solver: str = "heun") -> dict[str, str]:
    """Each file to be made in a run's folder, and the command that makes it, in the order of their making."""
    molecule = MOLECULES[name]
    md = f"../../md/{name}"
    evaluated = f"--reference {md}/rep2.xtc --replicate {md}/rep1.xtc --lag-ps {molecule.lag_ps:g}"
    return {
        "": f"lamslide simulate {molecule.simulate} --replicates 2 --platform Reference --out {md}",
        f"{name}.lamslide": f"lamslide train {md}/rep1.xtc --interval-ps {molecule.interval_ps:g} {train} "
        f"--seed {seed} --out {name}.lamslide",
        "rollout.xtc": f"lamslide rollout {name}.lamslide --chains {N_CHAINS} --frames {N_FRAMES} --seed {seed} "
        f"--solver {solver} --out rollout.xtc",
        "comparison.json": f"lamslide compare rollout.xtc {evaluated} --out comparison.json --report report.html",
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
    output = subprocess.run(
        ["lamslide", "info", f"{name}.lamslide", "--json"], cwd=folder, check=True, capture_output=True, text=True
    )
    provenance = json.loads(output.stdout)["provenance"]
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


def machine() -> dict[str, Any]:
    """Describe the machine and the libraries."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "load_average": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("lamslide_md", "torch", "mdtraj", "openmm", "deeptime", "numpy")},
        "date": time.strftime("%Y-%m-%d"),
    }


def write_result(name: str, content: dict[str, Any]) -> None:
    """Write figures with the machine they were measured on."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), **content}, indent=1) + "\n", encoding="utf-8")
    print(f"written: {path}")


def fewer_steps(settings: Settings, share: float) -> str:
    """Options of a training for a share of the steps of both stages."""
    stages = {"autoencoder": settings.autoencoder, "flow": settings.flow}
    return " ".join(
        f"--set {name}.optimisation.n_steps={round(share * stage.optimisation.n_steps)}"
        for name, stage in stages.items()
    )


def replicate(name: str, number: int) -> md.Trajectory:
    """Heavy atoms of a replicate."""
    return lam.read(MD / name / f"rep{number}.xtc", MD / name / "system.pdb", atoms="heavy")


def evaluated(
    model: lam.Surrogate,
    chains: list[md.Trajectory],
    name: str,
    reference: md.Trajectory,
    floor: md.Trajectory,
) -> dict[str, Measure]:
    """Compare chains of a model with a replicate, and another replicate with it."""
    comparison = lam.compare(
        chains,
        reference,
        replicate=floor,
        rollout_interval_ps=model.frame_interval_ps,
        reference_interval_ps=float(reference.timestep),
        lag_ps=MOLECULES[name].lag_ps,
    )
    return {measure.kind.key: measure for measure in comparison.measures}
