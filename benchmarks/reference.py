"""Reference simulations: speed per system and platform, and whether they sample the ensemble they claim.

    python benchmarks/reference.py            # about 10 minutes on 2 idle cores
    python benchmarks/reference.py --quick    # 1 minute: fewer systems, wide error bars
    python benchmarks/reference.py --md       # MD that other benchmarks judge by, at the lowest priority; some days
    python benchmarks/reference.py --md KEGH  # of one of them; either goes on when killed

Three tables, also in benchmarks/results/reference.json:
speed        ns/day of one replicate (4 fs, hydrogens of 3 amu) on every platform here, by threads; best of five timings
solvent      the native GBSAOBCForce against the force field's own CustomGBForce: energies and speed
ensemble     kinetic energies against the canonical distribution, and potential energies at 300 K against 400 K

MD to judge by are two replicates each, in runs/md/NAME, of chignolin, Trp-cage, and ten tetrapeptides of the test list
of MDGen (arXiv 2409.17808) that nothing is trained on; among them every amino acid stands at least once. Amber14 and
OBC2 at 350 K, a frame every 2 ps; the two proteins start folded, chignolin at 340 K, where it folds and unfolds in
experiment, Trp-cage at 300 K.
"""

import argparse
import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openmm
from common import MD, RESULTS, ROOT, write_result
from openmm import unit
from openmm.app import ForceField, HBonds, NoCutoff
from rich.console import Console
from rich.table import Table

from lamslide_md.simulate import (
    Molecule,
    PreparedSystem,
    SimulationSettings,
    clean_structure,
    peptide,
    prepare,
    simulate_replicates,
)
from lamslide_md.simulate.energies import sample_energies
from lamslide_md.simulate.systems import PROTEIN
from lamslide_md.simulate.timing import time_platforms
from lamslide_md.simulate.validation import check_ensemble, check_kinetic

IMPLICIT = [("A", True), ("AA", False), ("ALDA", False), ("KFWY", False), ("ACDEFGHIKL", False)]
SOLVENTS = ["vacuum", "obc2", "gbn2"]
EXPLICIT = ["tip3pfb", "opc"]
TABLES = ("speed", "solvent", "ensemble")
TEMPERATURES_K = (300.0, 400.0)
console = Console()


@dataclass(frozen=True)
class Run:
    """What is simulated to judge by, and how long each replicate."""

    name: str
    ns: float
    temperature_K: float = 350.0

    @property
    def molecule(self) -> Molecule:
        """The example system of that name; else the name is the sequence of a peptide."""
        structure = ROOT / "example_systems" / self.name / "structure.pdb"
        return clean_structure(structure) if structure.exists() else peptide(self.name)


TEST_PEPTIDES = ("KEGH", "PGKM", "CPYV", "WSAQ", "IDRH", "FDNT", "LWMR", "ESIC", "NVFH", "APWF")
RUNS = (
    Run("chignolin", 20.0, temperature_K=340.0),
    Run("trp_cage", 10.0, temperature_K=300.0),
    *(Run(name, 20.0) for name in TEST_PEPTIDES),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer systems, fewer samples")
    parser.add_argument("--only", choices=TABLES, action="append", help="one table; the others keep their last result")
    parser.add_argument("--md", nargs="*", choices=[run.name for run in RUNS], help="only simulate these, or all")
    arguments = parser.parse_args()
    if arguments.md is not None:
        simulate_to_judge_by(arguments.md)
        return
    quick, wanted = arguments.quick, arguments.only or TABLES
    peptides = IMPLICIT[:2] if quick else IMPLICIT
    molecules = [(label(sequence, capped), peptide(sequence, capped=capped)) for sequence, capped in peptides]
    seconds = 0.5 if quick else 2.0
    earlier = RESULTS / "reference.json"
    content = json.loads(earlier.read_text()) if arguments.only and earlier.exists() else {}
    content.pop("machine", None)
    if "speed" in wanted:
        content["speed"] = measure_speed(molecules, seconds=seconds, explicit=not quick)
    if "solvent" in wanted:
        content["solvent"] = [compare_solvents(name, molecule, seconds=seconds) for name, molecule in molecules]
        show("native GBSAOBCForce against CustomGBForce, Reference platform", content["solvent"])
    if "ensemble" in wanted:
        content["ensemble"] = [
            check(*molecules[0], timestep_fs, n_samples=1500 if quick else 10_000)
            for timestep_fs in ((4.0,) if quick else (2.0, 4.0))
        ]
        show("ensemble, Langevin middle, hydrogens of 3 amu", content["ensemble"])
    write_result("reference", content)


def simulate_to_judge_by(names: list[str]) -> None:
    """Simulate what is missing; all of them if none is named."""
    be_modest()
    for run in RUNS:
        if names and run.name not in names:
            continue
        settings = SimulationSettings(length_ps=run.ns * 1000, frame_interval_ps=2.0, temperature_K=run.temperature_K)
        print(f"{run.name}: two replicates of {run.ns:g} ns", flush=True)
        simulate_replicates(run.molecule, settings, MD / run.name, n_replicates=2, seed=1)


def be_modest() -> None:
    """Leave the cores to everything else; where sessions share them alike, a nice value counts within one only."""
    with contextlib.suppress(OSError):
        os.setsid()
    os.nice(19)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("19", encoding="ascii")


def label(sequence: str, capped: bool) -> str:
    return f"ACE-{sequence}-NME" if capped else sequence


def measure_speed(molecules: list[tuple[str, Molecule]], *, seconds: float, explicit: bool) -> list[dict[str, Any]]:
    rows = []
    cases = [(name, molecule, solvent) for name, molecule in molecules for solvent in SOLVENTS]
    cases += [(*molecules[0], solvent) for solvent in EXPLICIT] if explicit else []
    for name, molecule, solvent in cases:
        settings = SimulationSettings(solvent=solvent)
        prepared = prepare(molecule, settings)
        row = {"system": name, "solvent": solvent, "particles": prepared.system.getNumParticles()}
        row |= {name: round(speed, 1) for name, speed in fastest(prepared, settings, seconds).items()}
        rows.append(row)
    show("ns/day by platform and threads", rows)
    return rows


def fastest(prepared: PreparedSystem, settings: SimulationSettings, seconds: float) -> dict[str, float]:
    """Best of five timings of each platform, ns/day: others may be using the machine meanwhile."""
    speeds: dict[str, float] = {}
    for _ in range(5):
        for choice in time_platforms(prepared, settings, seconds=seconds / 5):
            name = f"{choice.name} {choice.n_threads}"
            speeds[name] = max(speeds.get(name, 0.0), choice.ns_per_day)
    return speeds


def compare_solvents(name: str, molecule: Molecule, *, seconds: float) -> dict[str, Any]:
    """Solvation energies of 20 shaken structures, and speeds on the Reference platform."""
    settings = SimulationSettings()
    native = prepare(molecule, settings)
    own_system = ForceField(PROTEIN, "implicit/obc2.xml").createSystem(
        molecule.topology, nonbondedMethod=NoCutoff, constraints=HBonds, hydrogenMass=3.0
    )
    own = PreparedSystem(name, molecule.topology, molecule.positions_nm, own_system, native.solute, "obc2.xml")
    vacuum = prepare(molecule, SimulationSettings(solvent="vacuum"))
    shakes = np.random.default_rng(0).normal(scale=0.005, size=(20, *molecule.positions_nm.shape))
    structures_nm = molecule.positions_nm + shakes
    # The total may pass through zero: the solvent's own part is compared.
    native_energies, own_energies = (
        potential_energies(system, structures_nm) - potential_energies(vacuum, structures_nm)
        for system in (native, own)
    )
    speeds = [fastest(system, settings, seconds)["Reference 1"] for system in (native, own)]
    return {
        "system": name,
        "solvation kJ/mol": round(float(own_energies.mean()), 1),
        "largest relative difference": float(np.abs(native_energies / own_energies - 1.0).max()),
        "native ns/day": round(speeds[0], 1),
        "custom ns/day": round(speeds[1], 1),
        "speed ratio": round(speeds[0] / speeds[1], 1),
    }


def potential_energies(prepared: PreparedSystem, structures_nm: np.ndarray) -> np.ndarray:
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(prepared.system, openmm.VerletIntegrator(0.001), platform)
    energies = []
    for positions_nm in structures_nm:
        context.setPositions(positions_nm)
        energy = context.getState(energy=True).getPotentialEnergy()
        energies.append(energy.value_in_unit(unit.kilojoule_per_mole))
    return np.array(energies)


def check(name: str, molecule: Molecule, timestep_fs: float, *, n_samples: int) -> dict[str, Any]:
    row: dict[str, Any] = {"system": name, "timestep_fs": timestep_fs}
    sampled = []
    for seed, temperature_K in enumerate(TEMPERATURES_K, start=1):
        settings = SimulationSettings(
            temperature_K=temperature_K, timestep_fs=timestep_fs, frame_interval_ps=0.4, equilibration_ps=20.0
        )
        sampled.append(sample_energies(prepare(molecule, settings), settings, n_samples, seed=seed))
        kinetic = check_kinetic(sampled[-1])
        row[f"T at {temperature_K:g} K"] = f"{kinetic.temperature_K:.1f} ± {kinetic.temperature_error_K:.1f}"
        row[f"width at {temperature_K:g} K"] = f"{kinetic.width_ratio:.3f} ± {kinetic.width_error:.3f}"
        row[f"kinetic_{temperature_K:g}_K"] = asdict(kinetic)
    ensemble = check_ensemble(*sampled)
    row["ensemble slope"] = f"{ensemble.slope_ratio:.3f} ± {ensemble.slope_error:.3f}"
    return row | {"ensemble": asdict(ensemble)}


def show(title: str, rows: list[dict[str, Any]]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key, value in row.items() if not isinstance(value, dict)))
    table = Table(*columns, title=title)
    for row in rows:
        cells = [row.get(column, "") for column in columns]
        table.add_row(*(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in cells))
    console.print(table)


if __name__ == "__main__":
    main()
