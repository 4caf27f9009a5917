"""How fast models that ship are beside MD on the same cores, and what fewer evaluations of the network cost.

    python benchmarks/speed.py                   # speeds, in rounds of everything; ten minutes on idle cores
    python benchmarks/speed.py --quality AGVD    # distances to MD; half an hour after benchmarks/pretrained.py AGVD
    python benchmarks/speed.py --profile AGVD    # where the time of a frame goes; nothing is written

Speeds: in every round two replicates of MD at once (platform Reference, a thread each), then rollouts of as many chains
as the table has, with all threads; and one chain as ASE drives it. Medians over rounds.
Quality: 20 chains of 1,000 frames, nine evaluations of the network a frame against two and one, judged as in
benchmarks/accuracy.py. Seed 0 has the map that ships; for the others a map is learned anew from the flow that ships,
and rolled out with another seed, as is the flow. Figures go to benchmarks/results/speed.json.
"""

import argparse
import cProfile
import json
import pstats
import statistics
import subprocess
import sys
import time
from typing import Any

import numpy as np
from common import MOLECULES, N_CHAINS, N_FRAMES, RESULTS, ROOT, evaluated, replicate, write_result

import lamslide_md as lam
from lamslide_md.analysis.features import find_torsions, torsion_angles
from lamslide_md.analysis.kinetics.autocorrelation import relaxation_times, torsion_autocorrelation
from lamslide_md.ase import LatentDynamics
from lamslide_md.simulate import PlatformChoice, SimulationSettings, peptide, prepare
from lamslide_md.simulate.timing import time_platform

NAMES = ("ala2", "AGVD")
CHAINS = {"ala2": (1, 20, 200), "AGVD": (1, 20, 100, 1000)}
EVALUATIONS: dict[int, tuple[str, int]] = {9: ("heun", 5), 2: ("map", 2), 1: ("map", 1)}
"""Solver and its steps, by the evaluations that they take."""
SECONDS = 5.0
"""Of each rollout and of MD in a round, and of what is profiled."""
KEYS = {
    "torsions": "js_distance_torsions_all",
    "TIC 0": "js_distance_tic0",
    "states": "js_distance_states_occupancy",
    "relaxation": "relaxation_log_ratio",
    "timescales": "timescale_log_ratio",
    "bond_error": "bond_error",
}
N_LAGS = 2000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quality", choices=MOLECULES, help="measure the distances of one model")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--profile", choices=MOLECULES, help="of one model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--md", choices=MOLECULES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.md:
        print(md_ns_per_s(args.md))
        return
    if args.profile:
        profile(args.profile)
        return
    path = RESULTS / "speed.json"
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"speed": {}, "quality": {}}
    content.pop("machine", None)
    if args.quality:
        runs = {str(seed): quality(args.quality, seed) for seed in args.seeds}
        content["quality"][args.quality] = {"runs": runs, "relaxation_ps": slowest_ps(args.quality)}
    else:
        content["speed"] = {name: speeds(name, args.rounds) for name in NAMES}
    write_result("speed", content)


def speeds(name: str, rounds: int) -> dict[str, Any]:
    """Time MD and rollouts in turn."""
    model = lam.load_pretrained(name)
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        times.setdefault("md", []).append(sum(both_replicates(name)))
        times.setdefault("ase", []).append(ase_frames_per_s(model))
        for n_chains in CHAINS[name]:
            for evaluations, how in EVALUATIONS.items():
                key = f"{n_chains} chains, {evaluations} evaluations"
                times.setdefault(key, []).append(frames_per_s(model, n_chains, how))
                print(f"{name}: {key}: {times[key][-1]:.3g} frames/s of all chains", flush=True)
    return {key: statistics.median(own) for key, own in times.items()} | {"interval_ps": model.frame_interval_ps}


def both_replicates(name: str) -> list[float]:
    """Speed of two replicates at once, ns/s."""
    command = [sys.executable, __file__, "--md", name]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    return [float(process.communicate()[0]) for process in running]


def md_ns_per_s(name: str) -> float:
    """Speed of MD on one core."""
    sequence, *options = MOLECULES[name].simulate.split()
    molecule, settings = peptide(sequence, capped="--capped" in options), SimulationSettings()
    choice = time_platform(prepare(molecule, settings), settings, PlatformChoice("Reference"), SECONDS)
    return choice.ns_per_day / 86_400


def frames_per_s(model: lam.Surrogate, n_chains: int, how: tuple[str, int]) -> float:
    """Frames of all chains in a second, without those of the first window."""
    solver, n_steps = how
    chunks = model.rollout("reference", 1_000_000, n_chains=n_chains, solver=solver, n_solver_steps=n_steps).chunks()
    next(chunks)
    n_frames, begun_s = 0, time.perf_counter()
    while (spent_s := time.perf_counter() - begun_s) < SECONDS:
        n_frames += next(chunks).shape[1]
    return n_chains * n_frames / spent_s


def ase_frames_per_s(model: lam.Surrogate) -> float:
    """Frames a second of one chain as ASE drives it, with what the model does by itself."""
    dynamics = LatentDynamics(model.rollout("reference", 1).to_ase()[0], model)
    dynamics.run(10)
    begun_s, before = time.perf_counter(), dynamics.nsteps
    while (spent_s := time.perf_counter() - begun_s) < SECONDS:
        dynamics.run(10)
    return (dynamics.nsteps - before) / spent_s


def quality(name: str, seed: int) -> dict[str, Any]:
    """Distances to MD of a rollout with nine, two and one evaluations."""
    model = model_of(name, seed)
    reference, floor = replicate(name, 2), replicate(name, 1)
    found: dict[str, Any] = {"missed": float(model.flow.map.error) if model.flow.map else None}
    for evaluations, (solver, n_steps) in EVALUATIONS.items():
        rollout = model.rollout(
            "reference", N_FRAMES, n_chains=N_CHAINS, seed=seed, solver=solver, n_solver_steps=n_steps
        )
        measures = evaluated(model, rollout.chains(), name, reference, floor)
        found[str(evaluations)] = {label: measures[key].rollout for label, key in KEYS.items()}
        found["MD"] = {label: measures[key].floor for label, key in KEYS.items()}
        print(f"{name}, seed {seed}, {evaluations} evaluations: {found[str(evaluations)]}", flush=True)
    return found


def model_of(name: str, seed: int) -> lam.Surrogate:
    """The model that ships, for other seeds than 0 with a map learned anew."""
    model = lam.load_pretrained(name)
    if not seed:
        return model
    path = ROOT / "runs" / "speed" / f"{name}_{seed}.lamslide"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        lam.distil(model, seed=seed, checkpoint_dir=path.with_suffix(".checkpoints")).save(path)
    return lam.Surrogate.load(path)


def slowest_ps(name: str) -> float:
    """Relaxation time of the slowest torsion in MD."""
    frames = replicate(name, 2)
    angles = torsion_angles(frames.xyz, find_torsions(frames.topology, frames.xyz[:1]))
    decays = torsion_autocorrelation([angles], N_LAGS)
    return float(np.nanmax(relaxation_times(decays, np.arange(N_LAGS) * float(frames.timestep))))


def profile(name: str) -> None:
    """Print where the time of a frame of one, 20 and 100 chains goes."""
    model = lam.load_pretrained(name)
    for n_chains in (1, 20, 100):
        print(f"\n{name}, {n_chains} chains, one evaluation: {frames_per_s(model, n_chains, ('map', 1)):.0f} frames/s")
        profiler = cProfile.Profile()
        profiler.runcall(frames_per_s, model, n_chains, ("map", 1))
        pstats.Stats(profiler).sort_stats("cumulative").print_stats("lamslide_md", 25)


if __name__ == "__main__":
    main()
