"""How long chains remember: the slow coordinate of MD after one to six steps of a model from MD's own frames.

    python benchmarks/pretrained.py AGVD                # makes two replicates of MD
    python benchmarks/memory.py AGVD                    # the model that ships
    python benchmarks/memory.py AGVD --model other.lamslide

From every frame of a replicate one chain; told is the correlation of TIC 0 and TIC 1 (of the torsions of both
replicates, at the lag of the comparison) with those of the start, beside that of MD. One step right and six steps wrong
is what a model does that knows the dynamics but not how to go on from its own frames. Figures go to
benchmarks/results/memory_NAME.json.
"""

import argparse
from pathlib import Path

import mdtraj as md
import numpy as np
from common import write_result
from deeptime.decomposition import TICA
from deeptime.util.data import TrajectoriesDataset
from pipeline import MD, MOLECULES
from rich.console import Console
from rich.table import Table

import lamslide_md as lam
from lamslide_md.analysis.features import find_torsions, torsion_angles, torsion_features

N_STEPS, N_TICS, SEED = 6, 2, 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=MOLECULES)
    parser.add_argument("--model", type=Path, help="instead of the one that ships")
    args = parser.parse_args()
    model = lam.load_pretrained(args.name) if args.model is None else lam.Surrogate.load(args.model)
    molecule, folder = MOLECULES[args.name], MD / args.name
    stride = round(molecule.interval_ps)  # MD has a frame each ps
    system = model.systems[0]
    frames_nm = [
        system.select(lam.read(folder / f"rep{i}.xtc", folder / "system.pdb", stride=stride)).xyz for i in (1, 2)
    ]
    torsions = find_torsions(system.topology, frames_nm[0][:10])

    def features(positions_nm: np.ndarray) -> np.ndarray:
        return torsion_features(torsion_angles(positions_nm, torsions)).astype(float)

    lag = round(molecule.lag_ps / molecule.interval_ps)
    both = TrajectoriesDataset.from_numpy(lag, [features(frames) for frames in frames_nm])
    tica = TICA(lagtime=lag, dim=N_TICS).fit_fetch(both)
    results = {}
    for name, frames in zip(("replicate 1 (training)", "replicate 2"), frames_nm, strict=True):
        starts = frames[:-N_STEPS]
        start = md.Trajectory(starts, system.topology)
        chains = model.rollout(start, N_STEPS, n_chains=len(starts), seed=SEED).points_nm()
        truth = tica.transform(features(frames))
        steps = range(1, N_STEPS + 1)
        drawn = [tica.transform(features(chains[:, step - 1])) for step in steps]
        results[name] = {
            "model": [correlation(truth[: len(starts)], tics, truth) for tics in drawn],
            "MD": [correlation(truth[: len(starts)], truth[step : step + len(starts)], truth) for step in steps],
        }
    write_result(f"memory_{args.name}", {"model": str(args.model or "shipped"), "results": results})
    show(args.name, molecule.interval_ps, results)


def correlation(starts: np.ndarray, later: np.ndarray, truth: np.ndarray) -> list[float]:
    """Correlation of each coordinate between starts and later frames, in the variance of MD."""
    mean, variance = truth.mean(axis=0), truth.var(axis=0)
    return list(((starts - mean) * (later - mean)).mean(axis=0) / variance)


def show(name: str, interval_ps: float, results: dict[str, dict[str, list[list[float]]]]) -> None:
    """Print the correlations of TIC 0."""
    table = Table(title=f"{name}: correlation of TIC 0 with the start, after")
    for column in ("start from", "", *(f"{interval_ps * step:g} ps" for step in range(1, N_STEPS + 1))):
        table.add_column(column)
    for replicate, rows in results.items():
        for what, values in rows.items():
            table.add_row(replicate, what, *(f"{tics[0]:.3f}" for tics in values))
    Console().print(table)


if __name__ == "__main__":
    main()
