"""Alanine dipeptide: reconstruction, distributions, kinetics and structure of the quick preset.

    python benchmarks/ala2.py                                   # simulates 100 ns first (about 20 minutes on a core)
    python benchmarks/ala2.py --trajectory ala2.xtc --top ala2.pdb

Trains on the trajectory, rolls out 20 chains of 1,000 frames of 5 ps, and compares with the same trajectory; the floor
is the distance between its halves, or that of `--replicate`. Results go to benchmarks/results/ala2_PRESET_SEED.json.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import mdtraj as md
import numpy as np
from common import write_result
from lightning_fabric import Fabric

import lamslide_md as lam
from lamslide_md.analysis.distributions import js_distances
from lamslide_md.analysis.features import find_torsions, torsion_angles
from lamslide_md.analysis.kinetics.autocorrelation import cosine_autocorrelation
from lamslide_md.config import preset_settings
from lamslide_md.training.autoencoder_stage import reconstruction_rmsd, train_autoencoder
from lamslide_md.training.gathering import gather
from lamslide_md.training.recordings import prepare_data
from lamslide_md.training.trainer import Engine, Progress

LAGS_PS = (5.0, 25.0, 100.0)
N_CHAINS, N_FRAMES = 20, 1000


def main() -> None:
    args = parse_arguments()
    trajectory, top = (args.trajectory, args.top) if args.trajectory else simulate(args.folder)
    reference = lam.read(trajectory, top=top, atoms="heavy")
    replicate = lam.read(args.replicate, top=top, atoms="heavy") if args.replicate else None
    surrogate = lam.Surrogate.fit(
        reference, preset=args.preset, frame_interval_ps=5.0, temperature_K=300.0, seed=args.seed, on_progress=show
    )
    surrogate.save(args.folder / f"ala2_{args.preset}_{args.seed}.lamslide")
    rollout = surrogate.rollout(
        reference[0], N_FRAMES, n_chains=N_CHAINS, solver="euler", n_solver_steps=args.solver_steps, seed=1
    )
    started_s = time.monotonic()
    chains = rollout.chains()
    rollout_s = time.monotonic() - started_s
    comparison = lam.compare(
        chains,
        reference,
        replicate=replicate,
        temperature_K=300.0,
    )
    comparison.save_report(args.folder / "ala2.html")
    print(comparison.summary())
    figures: dict[str, Any] = {
        "preset": args.preset,
        "seed": args.seed,
        "solver_steps": args.solver_steps,
        "training_min": {stage: s / 60 for stage, s in surrogate.provenance["training_s"].items()},
        "n_parameters": surrogate.provenance["n_parameters"],
        "held_out_rmsd_A": {"canonical": 10 * surrogate.provenance["held_out_rmsd_nm"]},
        "rollout_ns_per_s": N_CHAINS * N_FRAMES * 5e-3 / rollout_s,
        **chain_figures(chains, reference),
        "measures": {m.kind.key: {"rollout": m.rollout, "md": m.floor} for m in comparison.measures},
    }
    if args.random_identifiers:
        figures["held_out_rmsd_A"]["random"] = 10 * random_identifier_rmsd_nm(reference, args.preset, args.seed)
    for key, value in figures.items():
        print(f"{key}: {value}")
    write_result(f"ala2_{args.preset}_{args.seed}", figures)


def chain_figures(chains: list[md.Trajectory], reference: md.Trajectory) -> dict[str, Any]:
    """Memory of psi, and whether the last quarter of the chains is as good as the first."""
    torsions = find_torsions(reference.topology, reference.xyz[:1])
    md_angles = torsion_angles(reference.xyz, torsions)
    angles = np.stack([torsion_angles(chain.xyz, torsions) for chain in chains])
    psi = [t.name for t in torsions].index(next(t.name for t in torsions if "ψ" in t.name or "psi" in t.name))
    interval_ps = float(reference.timestep)
    md_memory = cosine_autocorrelation(md_angles, [round(lag / interval_ps) for lag in LAGS_PS])[:, psi]
    memory = cosine_autocorrelation(list(angles), [round(lag / 5.0) for lag in LAGS_PS])[:, psi]
    quarters = np.array_split(angles, 4, axis=1)
    distances = [
        float(np.mean(js_distances(histograms(q.reshape(-1, len(torsions))), histograms(md_angles)))) for q in quarters
    ]
    return {
        "psi_memory": {
            f"{lag:g} ps": {"rollout": float(r), "md": float(m)}
            for lag, r, m in zip(LAGS_PS, memory, md_memory, strict=True)
        },
        "torsion_js_distance_by_quarter": distances,
    }


def histograms(angles: np.ndarray) -> np.ndarray:
    """Count the angles of every torsion in 100 bins, (torsions, bins)."""
    edges = np.linspace(-np.pi, np.pi, 101)
    return np.stack([np.histogram(column, edges)[0].astype(float) for column in angles.T])


def random_identifier_rmsd_nm(reference: md.Trajectory, preset: str, seed: int) -> float:
    """Held-out error of a first stage with fresh random identifiers for every sample, otherwise the same."""
    settings = preset_settings(preset)
    data = prepare_data(gather(reference, settings), settings, 5.0)
    trained_on, held_out = data.held_out()
    own = settings.autoencoder.model_copy(update={"identifiers": "random"})
    settings = settings.model_copy(update={"autoencoder": own})
    engine = Engine(Fabric(accelerator="cpu", devices=1), seed=seed, on_progress=show)
    autoencoder = train_autoencoder(engine, "", trained_on, settings)
    return reconstruction_rmsd(autoencoder, held_out, settings) * data.length_scale_nm


def simulate(folder: Path) -> tuple[Path, Path]:
    """Simulate 100 ns at 300 K, or continue."""
    from lamslide_md.simulate.peptides import peptide
    from lamslide_md.simulate.replicates import simulate_replicates
    from lamslide_md.simulate.settings import SimulationSettings

    settings = SimulationSettings(length_ps=100_000.0, temperature_K=300.0)
    (trajectory,) = simulate_replicates(peptide("A", capped=True), settings, folder, n_replicates=1, progress=print)
    return trajectory, folder / "system.pdb"


def show(progress: Progress) -> None:
    """Print progress in one line that overwrites itself."""
    end = "\n" if progress.done == progress.total else "\r"
    print(
        f"{progress.phase} {progress.done}/{progress.total} {progress.message}   ", end=end, file=sys.stderr, flush=True
    )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trajectory", type=Path)
    parser.add_argument("--top", type=Path)
    parser.add_argument("--replicate", type=Path, help="independent MD of the same system, for the floor")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--solver-steps", type=int, default=10)
    parser.add_argument("--folder", type=Path, default=Path("runs/benchmarks/ala2"))
    parser.add_argument("--random-identifiers", action="store_true", help="also train a first stage with random ones")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    return args


if __name__ == "__main__":
    main()
