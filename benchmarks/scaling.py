"""What a protein of any length costs: time of a training step and of a rollout frame, memory, and size of the file.

    python benchmarks/scaling.py                    # 28 to 448 residues, two rounds; about a quarter of an hour
    python benchmarks/scaling.py --residues 2000    # others; nothing is written
    python benchmarks/scaling.py --attention        # the two ways of attention; nothing is written
    python benchmarks/scaling.py --memory           # `lamslide compare` of many frames; nothing is written

Protein-like motion for cost, never for quality: Langevin dynamics of an elastic network around copies of Trp-cage that
stand side by side, cut to the number of residues asked for, or around a structure of yours (--structure). Kept in
runs/elastic. Every size is measured in a process of its own, one after another in each round; told are medians and the
exponent of cost = a * residues ** exponent, fitted over all sizes. Figures go to benchmarks/results/scaling.json.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import mdtraj as md
import numpy as np
import openmm
import torch
from common import ROOT, write_result
from openmm import unit
from safetensors import safe_open
from scipy.spatial import cKDTree

import lamslide_md as lam
from lamslide_md.config import preset_settings
from lamslide_md.models.dot_products import attend

RESIDUES = (28, 56, 112, 224, 448)
FOLDER = ROOT / "runs" / "elastic"
N_FRAMES, STEPS_PER_FRAME = 300, 50
N_CHAINS, N_ROLLED = 20, 20
N_TRAINED = 40
COMPARED = (10_000, 100_000, 1_000_000)
"""Frames on each side, of AGVD: copies of a rollout with as much noise as xtc leaves."""
TILE_FRAMES, TILE_NOISE_NM = 500, 0.002
COMPARE = """
import sys
from lamslide_md.cli.app import run
assert run(sys.argv[1:]) == 0
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""
"""What `resource` tells of a child begins with the peak of its parent; this does not."""
SPACING_NM = 2.2
"""Between the centres of two copies of Trp-cage."""
CUTOFF_NM, STIFF_NM = 0.6, 0.26
"""Atoms of the network that are joined, and joined as stiffly as bonded ones are."""
SOFT, STIFF = 100.0, 3e4
"""Spring constants, kJ/(mol nm^2)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--residues", type=int, nargs="+", default=RESIDUES)
    parser.add_argument("--structure", type=Path, help="PDB to move instead of the copies; its residues are all taken")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one", action="store_true", help="measure one size in this process and print the figures")
    parser.add_argument("--attention", action="store_true", help="only time attention, forwards and back")
    parser.add_argument("--memory", action="store_true", help="only compare many frames, and tell time and memory")
    args = parser.parse_args()
    if args.attention or args.memory:
        (time_attention if args.attention else compare_many)()
        return
    structure = md.load(args.structure) if args.structure else None
    sizes = args.residues if structure is None else (structure.n_residues,)
    if args.one:
        print(json.dumps(measured(trajectory_of(sizes[0], structure))))
        return
    for n in sizes:
        trajectory_of(n, structure)
    rounds: dict[int, list[dict[str, float]]] = {n: [] for n in sizes}
    more = ["--structure", str(args.structure)] if args.structure else []
    for _ in range(args.rounds):
        for n in sizes:
            command = [sys.executable, __file__, "--one", "--residues", str(n), *more]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            rounds[n].append(json.loads(output.splitlines()[-1]))
            print(n, rounds[n][-1], flush=True)
    rows = {n: {key: statistics.median(run[key] for run in runs) for key in runs[0]} for n, runs in rounds.items()}
    exponents = {}
    if len(sizes) > 1:
        cost = {key: np.array([rows[n][key] for n in sizes]) for key in ("step_ms", "rollout_frame_ms", "peak_GB")}
        exponents = {key: float(np.polyfit(np.log(sizes), np.log(values), 1)[0]) for key, values in cost.items()}
        print("exponents", {key: round(value, 2) for key, value in exponents.items()})
    if tuple(sizes) == RESIDUES:
        write_result("scaling", {"rows": {str(n): row for n, row in rows.items()}, "exponents": exponents})


def trajectory_of(n_residues: int, structure: md.Trajectory | None) -> Path:
    """Make the trajectory of a size, unless it is there."""
    path = FOLDER / (f"{n_residues}.xtc" if structure is None else f"structure_{n_residues}.xtc")
    if not path.exists():
        whole = copies(n_residues) if structure is None else structure.atom_slice(structure.topology.select("mass > 2"))
        moved = elastic_motion(whole)
        FOLDER.mkdir(parents=True, exist_ok=True)
        moved[0].save_pdb(str(path.with_suffix(".pdb")), ter=False)  # which CONECT records do not count
        moved.save_xtc(str(path))
    return path


def copies(n_residues: int) -> md.Trajectory:
    """Heavy atoms of copies of Trp-cage on a cubic lattice, each a chain, the last one cut short."""
    one = md.load(ROOT / "example_systems" / "trp_cage" / "structure.pdb")
    one = one.atom_slice(one.topology.select("mass > 2"))
    one.center_coordinates()
    n_copies = -(-n_residues // one.n_residues)
    side = int(np.ceil(n_copies ** (1 / 3)))
    whole: md.Trajectory | None = None
    for i in range(n_copies):
        n_left = min(one.n_residues, n_residues - i * one.n_residues)
        part = one.atom_slice(np.array([atom.index for atom in one.topology.atoms if atom.residue.index < n_left]))
        part.xyz += SPACING_NM * np.array([i % side, i // side % side, i // side**2], dtype=np.float32)
        whole = part if whole is None else whole.stack(part)
    assert whole is not None
    return whole


def elastic_motion(structure: md.Trajectory) -> md.Trajectory:
    """Langevin dynamics of springs between atoms near each other, at rest where the structure is.

    References
    ----------
    Tirion, Phys. Rev. Lett. 77 (1996) 1905, elastic networks of proteins.
    """
    xyz = structure.xyz[0].astype(float)
    pairs = cKDTree(xyz).query_pairs(CUTOFF_NM, output_type="ndarray")
    lengths = np.linalg.norm(xyz[pairs[:, 0]] - xyz[pairs[:, 1]], axis=1)
    system, springs = openmm.System(), openmm.HarmonicBondForce()
    for atom in structure.topology.atoms:
        system.addParticle(atom.element.mass)
    for (i, j), length in zip(pairs.tolist(), lengths.tolist(), strict=True):
        springs.addBond(i, j, length, STIFF if length < STIFF_NM else SOFT)
    system.addForce(springs)
    system.addForce(openmm.CMMotionRemover())
    integrator = openmm.LangevinMiddleIntegrator(300 * unit.kelvin, 2 / unit.picosecond, 3 * unit.femtosecond)
    integrator.setRandomNumberSeed(1)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("CPU"))
    context.setPositions(xyz)
    context.setVelocitiesToTemperature(300 * unit.kelvin, 1)
    integrator.step(20 * STEPS_PER_FRAME)
    frames = []
    for _ in range(N_FRAMES):
        integrator.step(STEPS_PER_FRAME)
        frames.append(context.getState(positions=True).getPositions(asNumpy=True).value_in_unit(unit.nanometer))
    time_ps = 0.003 * STEPS_PER_FRAME * np.arange(N_FRAMES)
    return md.Trajectory(np.array(frames, dtype=np.float32), structure.topology, time=time_ps)


def measured(path: Path) -> dict[str, float]:
    """Read, train a few steps, save and roll out, and tell what each took."""
    trajectory, reading_s = timed(lambda: lam.read(path, path.with_suffix(".pdb"), atoms="heavy"))
    settings = preset_settings("protein").model_dump()
    settings["frame_interval_ps"] = float(trajectory.timestep)
    settings["flow"]["optimisation"]["n_steps"] = N_TRAINED
    seen: list[tuple[float, int]] = []
    model, fitting_s = timed(
        lambda: lam.Surrogate.fit(
            trajectory,
            settings=lam.Settings.model_validate(settings),
            on_progress=lambda progress: seen.append((time.perf_counter(), progress.done)),
        )
    )
    (begin_s, first), (end_s, last) = seen[0], seen[-1]
    step_s = (end_s - begin_s) / (last - first)
    out = path.with_suffix(".lamslide")
    model.save(out, overwrite=True)
    with safe_open(out, framework="np") as file:
        header_bytes = sum(len(key) + len(text) for key, text in file.metadata().items())
    rollout_s = 0.0
    for _ in range(2):
        _, rollout_s = timed(lambda: list(model.rollout(n_frames=N_ROLLED, n_chains=N_CHAINS, seed=0).chunks()))
    return {
        "atoms": trajectory.n_atoms,
        "reading_s": reading_s,
        "before_training_s": fitting_s - step_s * N_TRAINED,
        "step_ms": 1e3 * step_s,
        "rollout_frame_ms": 1e3 * rollout_s / (N_ROLLED * N_CHAINS),
        "peak_GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "file_MB": out.stat().st_size / 1e6,
        "header_kB": header_bytes / 1e3,
    }


def time_attention() -> None:
    """Processor time of attention of 32 samples with 4 heads of 32 channels, forwards and back, in both ways."""

    def step(attention: Callable[..., torch.Tensor], inputs: Sequence[torch.Tensor], bfloat16: bool) -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            read = attention(*(x.bfloat16() if bfloat16 else x for x in inputs))
        read.sum().backward()

    ways = {"fused": torch.nn.functional.scaled_dot_product_attention, "written out": attend}
    for n_rows, n_tokens in ((4, 2), (2, 4), (4, 16), (1, 56)):
        inputs = [torch.randn(32, n_rows, 4, n_tokens, 32).requires_grad_() for _ in range(3)]
        for bfloat16 in (False, True):
            seen: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(20):
                for name, way in ways.items():
                    begun_s = time.process_time()
                    step(way, inputs, bfloat16)
                    seen[name].append(time.process_time() - begun_s)
            told = ", ".join(f"{name} {1e3 * statistics.median(own):.2f} ms" for name, own in seen.items())
            print(f"{n_rows} x {n_tokens} tokens, {'bfloat16' if bfloat16 else 'float32'}: {told}")


def compare_many() -> None:
    """Compare more and more frames, each number in a process of its own."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    rolled = lam.load_pretrained("AGVD").rollout(n_frames=TILE_FRAMES, n_chains=N_CHAINS, seed=0).chains()
    for n_frames in COMPARED:
        one, other = (many_frames(FOLDER / f"{side}_{n_frames}.xtc", n_frames, rolled, side) for side in (1, 2))
        command = [sys.executable, "-c", COMPARE, "compare", str(one), "--reference", str(other)]
        begun_s = time.perf_counter()
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        took_s, peak_GB = time.perf_counter() - begun_s, 1024 * int(told.split()[-1]) / 1e9
        print(f"{n_frames:,} frames on each side: {took_s:.0f} s, peak {peak_GB:.2f} GB", flush=True)


def many_frames(path: Path, n_frames: int, rolled: list[md.Trajectory], seed: int) -> Path:
    """Chains of a rollout drawn again and again, with noise, as one trajectory."""
    generator, interval_ps = np.random.default_rng(seed), float(rolled[0].timestep)
    with md.formats.XTCTrajectoryFile(str(path), "w") as file:
        for first in range(0, n_frames, TILE_FRAMES):
            xyz = rolled[generator.integers(len(rolled))].xyz
            noise = generator.normal(scale=TILE_NOISE_NM, size=xyz.shape)
            times_ps = interval_ps * np.arange(first, first + TILE_FRAMES)
            file.write((xyz + noise).astype(np.float32), time=times_ps.astype(np.float32))
    rolled[0][0].save_pdb(str(path.with_suffix(".pdb")))
    return path


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Do something and tell how long it took, s."""
    started_s = time.perf_counter()
    return work(), time.perf_counter() - started_s


if __name__ == "__main__":
    main()
