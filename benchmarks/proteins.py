"""How good a model of a protein is, beside three that cost nothing and beside MD's own floor.

    python benchmarks/proteins.py gb3 --data DIR            # DIR holds 00.xtc to 14.xtc and gb3.pdb
    python benchmarks/proteins.py beta_peptide --data DIR   # DIR holds beta_peptide.xtc and beta_peptide.pdb
    python benchmarks/proteins.py chignolin                 # of benchmarks/reference.py --md; trp_cage likewise
    python benchmarks/proteins.py AGVD                      # of benchmarks/accuracy.py, as is ala2: the same of little
    ... --seeds 0 1 2    --set flow.optimisation.n_steps=8000    --long

Rows: the model; the linear propagator that it starts from (its Gaussian prior, with the same projection); frames of the
training data replayed by a Markov state model; the start frames for ever ("do nothing"). Each is compared with MD that
nothing was trained on, the floor is the MD that the model was trained on. `--long` rolls out 100 chains of 1,000 frames
and tells their first and last tenth apart. Figures go to benchmarks/results/protein_NAME.json, row by row, beside rows
of the same settings that stand there.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import mdtraj as md
import numpy as np
from common import MD, RESULTS, ROOT, write_result
from deeptime.clustering import KMeans
from deeptime.decomposition import TICA
from deeptime.markov.msm import MaximumLikelihoodMSM

import lamslide_md as lam
from lamslide_md.analysis.features import (
    alpha_pairs,
    find_alphas,
    find_torsions,
    pair_distances,
    torsion_angles,
    torsion_features,
)
from lamslide_md.cli.settings_changes import changed_settings

UNTRAINED = ("flow.prediction=velocity", "flow.optimisation.n_steps=1", "flow.optimisation.learning_rate=1e-12")
"""A flow whose velocity is zero gives its Gaussian prior."""
ROWS = ("model", "linear propagator", "replay", "do nothing", "MD")
N_CHAINS, N_FRAMES = 20, 1000
N_MICROSTATES = 100
N_PAIRS = 400
MIN_RESIDUES = 5
"""Of a chain with slow distances between its C-alphas."""
AUTOCORRELATION_FRAMES = (1, 5, 20, 50)


@dataclass(frozen=True)
class Protein:
    """Files of the training data and of what is kept for judgement, of the data's folder.

    Attributes
    ----------
    training, held_out
        Names; a slice of frames where one trajectory serves both.
    topology
        Name of the PDB.
    interval_ps
        Between frames of the files; None: they tell.
    model_interval_ps
        Between frames of the model.
    lag_ps
        Of the comparison.
    halves
        Whether the first half of the one trajectory is trained on, and the second one held out.
    n_frames
        Of each chain.
    preset
        Of the training.
    """

    training: tuple[str, ...]
    held_out: tuple[str, ...]
    topology: str
    interval_ps: float | None
    model_interval_ps: float
    lag_ps: float
    halves: bool = False
    n_frames: int = N_FRAMES
    preset: str = "protein"


GB3 = tuple(f"{i:02d}.xtc" for i in range(15))
REPLICATES = Protein(("rep1.xtc",), ("rep2.xtc",), "system.pdb", None, 10.0, 100.0)
PROTEINS = {
    "gb3": Protein(GB3[:10], GB3[10:], "gb3.pdb", 200.0, 200.0, 10_000.0, n_frames=750),
    "beta_peptide": Protein(
        ("beta_peptide.xtc",), ("beta_peptide.xtc",), "beta_peptide.pdb", 10.0, 10.0, 200.0, halves=True
    ),
    "chignolin": REPLICATES,
    "trp_cage": REPLICATES,
    "AGVD": replace(REPLICATES, preset="peptide"),
    "ala2": replace(REPLICATES, preset="quick", model_interval_ps=5.0, lag_ps=50.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=PROTEINS)
    parser.add_argument("--data", type=Path, help="folder of the trajectories; runs/md/NAME if not given")
    parser.add_argument("--preset", help="another one")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of the preset's settings")
    parser.add_argument("--long", action="store_true", help="also 100 chains of 1,000 frames")
    parser.add_argument("--rows", nargs="+", default=ROWS, choices=ROWS, help="which of them to make")
    args = parser.parse_args()
    protein = PROTEINS[args.name]
    args.preset = args.preset or protein.preset
    training, held_out = trajectories(protein, args.data or MD / args.name)
    judge = Judge(training, held_out, protein)
    rows: dict[str, Callable[[], dict[str, Any]]] = {}
    for seed in args.seeds:
        rows |= {
            f"model, seed {seed}": partial(modelled, args, protein, training, judge, seed),
            f"linear propagator, seed {seed}": partial(modelled, args, protein, training, judge, seed, UNTRAINED),
            f"replay, seed {seed}": partial(judged_replay, training, judge, seed),
        }
    rows |= {
        "do nothing": lambda: judge.of([still(training, protein, i) for i in range(N_CHAINS)]),
        "MD (training data)": lambda: judge.of(training),
    }
    for label, row in rows.items():
        if not label.startswith(tuple(args.rows)):
            continue
        found = row()
        print(label, found, flush=True)
        keep(f"protein_{args.name}", {"preset": args.preset, "set": args.set}, label, found)


def keep(name: str, settings: dict[str, Any], label: str, found: dict[str, Any]) -> None:
    """Write a row beside those that are stored with the same settings."""
    path = RESULTS / f"{name}.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    same = all(stored.get(key) == value for key, value in settings.items())
    write_result(name, settings | {"runs": (stored["runs"] if same else {}) | {label: found}})


def trajectories(protein: Protein, folder: Path) -> tuple[list[md.Trajectory], list[md.Trajectory]]:
    """Read heavy atoms of the training data and of what is held out, at the model's frame interval."""

    def read(name: str) -> md.Trajectory:
        whole = lam.read(folder / name, folder / protein.topology, atoms="heavy", frame_interval_ps=protein.interval_ps)
        return whole[:: round(protein.model_interval_ps / float(whole.timestep))]

    training, held_out = [read(name) for name in protein.training], [read(name) for name in protein.held_out]
    if protein.halves:
        half = len(training[0]) // 2
        return [training[0][:half]], [held_out[0][half:]]
    return training, held_out


def modelled(
    args: argparse.Namespace,
    protein: Protein,
    training: list[md.Trajectory],
    judge: "Judge",
    seed: int,
    changes: Sequence[str] = (),
) -> dict[str, Any]:
    """Train, roll out and compare."""
    settings = changed_settings(args.preset, [*args.set, *changes, f"frame_interval_ps={protein.model_interval_ps}"])
    model = lam.Surrogate.fit(
        training, settings=settings, seed=seed, checkpoint_dir=checkpoints(args.name, seed, *args.set, *changes)
    )
    rollout = model.rollout(n_frames=protein.n_frames, n_chains=N_CHAINS, seed=seed)
    started_s = time.perf_counter()
    chains = rollout.chains()
    rolled_s = time.perf_counter() - started_s
    result = judge.of(chains) | {
        "training_min": sum(model.provenance["training_s"].values()) / 60,
        "frames_per_s": N_CHAINS * protein.n_frames / rolled_s,
        "n_parameters": sum(p.numel() for p in model.flow.parameters()),
        "held_out_rmsd_A": 10 * model.provenance["held_out_rmsd_nm"],
    }
    if args.long and not changes:
        chains = model.rollout(n_frames=1000, n_chains=100, seed=seed + 1).chains()
        tenths = [[chain[i * 100 : (i + 1) * 100] for chain in chains] for i in (0, 9)]
        result["long"] = dict(zip(("first_tenth", "last_tenth"), map(judge.of, tenths), strict=True))
    return result


def checkpoints(name: str, seed: int, *changes: str) -> Path:
    """Where a training that is interrupted goes on."""
    return ROOT / "runs" / "proteins" / "_".join([name, str(seed), *changes])


def still(training: list[md.Trajectory], protein: Protein, i: int) -> md.Trajectory:
    """One of the frames that chains start from, for ever."""
    whole = training[i % len(training)]
    return whole[np.full(protein.n_frames, i * len(whole) // N_CHAINS)]


def judged_replay(training: list[md.Trajectory], judge: "Judge", seed: int) -> dict[str, Any]:
    """Compare a replay."""
    return judge.of(replayed(training, judge.protein, seed))


def replayed(training: list[md.Trajectory], protein: Protein, seed: int) -> list[md.Trajectory]:
    """Random training frames of the states that a Markov chain of one model step runs through."""
    features = [slow_features(t) for t in training]
    lag = max(1, round(protein.lag_ps / protein.model_interval_ps))
    slow = TICA(lagtime=lag, dim=10, scaling="kinetic_map").fit(features).fetch_model()
    projected = [slow.transform(part) for part in features]
    clusters = KMeans(N_MICROSTATES, fixed_seed=1, max_iter=200).fit_fetch(np.concatenate(projected))
    states = [clusters.transform(part) for part in projected]
    msm = MaximumLikelihoodMSM(lagtime=1, allow_disconnected=False).fit_fetch(states)
    flat, whole = np.concatenate(states), md.join(training, check_topology=False)
    members = [np.flatnonzero(flat == state) for state in range(N_MICROSTATES)]
    generator = np.random.default_rng(seed)
    chains = []
    for i in range(N_CHAINS):
        path = msm.simulate(protein.n_frames, seed=seed * N_CHAINS + i)
        active = msm.state_symbols()[path]
        chains.append(whole[np.array([generator.choice(members[state]) for state in active])])
    return chains


def slow_features(trajectory: md.Trajectory) -> np.ndarray:
    """Distances between C-alphas, or of very short chains cosines and sines of torsions: (frames, features)."""
    alphas = find_alphas(trajectory.topology, min_residues=1)
    if len(alphas) < MIN_RESIDUES:
        return torsion_features(torsion_angles(trajectory.xyz, find_torsions(trajectory.topology, trajectory.xyz[:1])))
    return pair_distances(trajectory.xyz[:, alphas.atoms], alpha_pairs(alphas, N_PAIRS))


class Judge:
    """Compares chains with MD that nothing was trained on."""

    def __init__(self, training: list[md.Trajectory], held_out: list[md.Trajectory], protein: Protein) -> None:
        self.training, self.held_out, self.protein = training, held_out, protein
        lag = max(1, round(protein.lag_ps / protein.model_interval_ps))
        features = [slow_features(t) for t in held_out]
        self.slow = TICA(lagtime=lag, dim=1, scaling="kinetic_map").fit(features).fetch_model()

    def of(self, chains: Sequence[md.Trajectory]) -> dict[str, Any]:
        """Every measure of the comparison, its floor and the reference's own value, and autocorrelations."""
        step_ps = self.protein.model_interval_ps
        comparison = lam.compare(
            list(chains),
            self.held_out,
            replicate=self.training,
            rollout_interval_ps=step_ps,
            reference_interval_ps=step_ps,
            replicate_interval_ps=step_ps,
            lag_ps=min(self.protein.lag_ps, step_ps * (len(chains[0]) // 10)),
        )
        return {
            "measures": {
                m.kind.key: {
                    key: getattr(m, key) for key in ("rollout", "rollout_error", "floor", "ratio", "reference")
                }
                for m in comparison.measures
            },
            "autocorrelation_tic0": self.autocorrelation(chains),
            "failures": list(comparison.failures),
        }

    def autocorrelation(self, chains: Sequence[md.Trajectory]) -> dict[str, float]:
        """Of the slowest coordinate of the held-out MD, about the mean of all chains."""
        series = [self.slow.transform(slow_features(chain))[:, 0] for chain in chains]
        mean, variance = np.concatenate(series).mean(), np.concatenate(series).var()
        found = {}
        for k in AUTOCORRELATION_FRAMES:
            products = [(part[:-k] - mean) * (part[k:] - mean) for part in series if len(part) > k]
            found[str(k)] = float(np.concatenate(products).mean() / max(variance, 1e-12))
        return found


if __name__ == "__main__":
    main()
