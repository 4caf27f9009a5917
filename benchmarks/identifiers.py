"""Traceability for more entities than were trained on, and for any assignment of identifiers.

    python benchmarks/identifiers.py        # about 6 minutes on one core

First stages are trained on charged particles in systems of 3 to N0 = 8 and tested on systems of 3 to 12 = 1.5 N0. The
pool has 16 identifiers, drawn afresh for every sample or always the same. Told are, for every number of particles, the
RMSD of the reconstruction and, over 20 assignments of the same state, its spread. Figures go to
benchmarks/results/identifiers.json and .png.
"""

import argparse

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from charged_particles import ChargedParticles
from common import RESULTS, write_result
from lightning_fabric import Fabric

from lamslide_md.config import forecast_settings
from lamslide_md.data.batch import Batch
from lamslide_md.models.first_stage import FirstStage
from lamslide_md.training.autoencoder_stage import train_autoencoder
from lamslide_md.training.recordings import TrainingData, gather, prepare_data
from lamslide_md.training.trainer import Engine

matplotlib.use("Agg")

MOST_TRAINED, MOST_TESTED, POOL, N_ASSIGNMENTS = 8, 12, 16, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--trajectories", type=int, default=300, help="of each number of particles")
    args = parser.parse_args()
    simulated = {n: ChargedParticles(n_particles=n).simulate(args.trajectories, n) for n in range(3, MOST_TESTED + 1)}
    settings = forecast_settings("nbody", "quick")
    results = {}
    for identifiers in ("random", "canonical"):
        own = settings.autoencoder.model_copy(
            update={
                "identifiers": identifiers,
                "n_identifiers": POOL,
                "n_channels": 48,
                "optimisation": settings.autoencoder.optimisation.model_copy(update={"n_steps": args.steps}),
            }
        )
        changed = settings.model_copy(update={"autoencoder": own, "placement": "centred"})
        learned = [r for n in range(3, MOST_TRAINED + 1) for r in simulated[n].recordings()]
        data = prepare_data(gather(learned, changed), changed, None)
        stage = train_autoencoder(Engine(Fabric(accelerator="cpu", devices=1)), "none", data.series, changed)
        results[identifiers] = {
            n: tested(stage, data, trajectories.positions[:50, 15], trajectories.charges[:50])
            for n, trajectories in simulated.items()
        }
        print(identifiers, results[identifiers])
    write_result("identifiers", {"steps": args.steps, "trained_up_to": MOST_TRAINED, "results": results})
    draw(results)


@torch.no_grad()
def tested(stage: FirstStage, data: TrainingData, frames: np.ndarray, charges: np.ndarray) -> dict[str, float]:
    """RMSD of states of one number of particles, and its spread over assignments, in units of the simulation."""
    generator = torch.Generator().manual_seed(0)
    centred = frames - frames.mean(axis=1, keepdims=True)
    positions = torch.from_numpy(centred / np.float32(data.length_scale_nm))[:, None, :, None]
    n_states, n_particles = charges.shape
    kinds = torch.from_numpy((charges < 0).astype(np.int64))[..., None]
    squared = []
    for _ in range(N_ASSIGNMENTS):
        given = stage.pool.assign(n_states, n_particles, "random", generator)
        mask = torch.ones(n_states, n_particles, 1, dtype=torch.bool)
        states = Batch(positions, mask, kinds, given)
        decoded = stage.decode(stage.encode(states), states).positions
        squared.append((decoded - positions).square().sum(dim=-1).mean(dim=(1, 2, 3)))
    rmsd = torch.stack(squared).sqrt() * data.length_scale_nm
    return {"rmsd": float(rmsd.mean()), "spread_over_assignments": float(rmsd.std(dim=0).mean())}


def draw(results: dict[str, dict[int, dict[str, float]]]) -> None:
    figure, axis = plt.subplots(figsize=(7, 4.5), constrained_layout=True)
    for identifiers, by_number in results.items():
        numbers = np.array(list(by_number))
        rmsd, spread = (np.array([v[key] for v in by_number.values()]) for key in ("rmsd", "spread_over_assignments"))
        axis.errorbar(numbers, rmsd, spread, marker="o", capsize=3, label=f"trained with {identifiers} identifiers")
    axis.axvspan(MOST_TRAINED + 0.5, MOST_TESTED + 0.5, color="0.9", label="more particles than trained on")
    axis.set(xlabel="particles", ylabel="RMSD of the reconstruction, simulation units", yscale="log")
    axis.legend()
    figure.savefig(RESULTS / "identifiers.png", dpi=120)


if __name__ == "__main__":
    main()
