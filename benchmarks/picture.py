"""The README's picture: Ramachandran maps and implied timescales of alanine dipeptide, MD beside a rollout.

    lamslide simulate A --capped --ns 8 --temperature-K 300 --replicates 1 --seed 7 --out runs/md/picture
    python benchmarks/picture.py        # a minute on one core; writes docs/picture.png

The model that ships as `ala2` has not seen this MD (another seed). Its 20 chains of 400 frames start from its own
reference structure, 5 ps apart; the MD has a frame each ps, so that both maps hold as many frames. Timescales are the
slowest of Markov state models of φ and ψ on clusters of both, one for each dataset; the band is the 16-84 % range of
a bootstrap over chains, or over twenty blocks of the MD.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import mdtraj as md
import numpy as np
from common import MD, N_CHAINS, ROOT
from deeptime.clustering import KMeans
from deeptime.markov import TransitionCountEstimator
from deeptime.markov.msm import MaximumLikelihoodMSM

import lamslide_md as lam

matplotlib.use("Agg")

N_FRAMES = 400
N_BLOCKS, N_CLUSTERS, N_RESAMPLES = 20, 50, 50
LAGS_PS = (5, 10, 15, 20, 25, 30)
GREY, COLOUR = "0.35", "C0"


@dataclass(frozen=True)
class Dataset:
    """Torsions of a dataset, by chain or block, in degrees; the time between frames; how it is drawn."""

    name: str
    parts: list[np.ndarray]
    interval_ps: float
    colour: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--md", type=Path, default=MD / "picture", help="folder of the simulation")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "picture.png")
    args = parser.parse_args()
    model = lam.load_pretrained("ala2")
    simulated = lam.read(args.md / "rep1.xtc", args.md / "system.pdb", atoms="heavy")
    chains = model.rollout("reference", N_FRAMES, n_chains=N_CHAINS, seed=1).chains()
    simulation = Dataset("MD", np.array_split(torsions(simulated), N_BLOCKS), float(simulated.timestep), GREY)
    rollout = Dataset("rollout", [torsions(chain) for chain in chains], model.frame_interval_ps, COLOUR)
    draw([simulation, rollout], args.out)
    print(f"written: {args.out} ({args.out.stat().st_size / 1000:.0f} kB)")


def torsions(trajectory: md.Trajectory) -> np.ndarray:
    """Give φ and ψ of every frame, in degrees."""
    return np.degrees(np.concatenate([md.compute_phi(trajectory)[1], md.compute_psi(trajectory)[1]], axis=1))


def draw(datasets: Sequence[Dataset], path: Path) -> None:
    """Draw both maps and the timescales."""
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), constrained_layout=True)
    bins = np.linspace(-180, 180, 61)
    for axis, dataset in zip(axes, datasets, strict=False):
        joined = np.concatenate(dataset.parts)
        counts, _, _ = np.histogram2d(*joined.T, bins=bins)
        energy = -np.log(np.where(counts > 0, counts, np.nan) / counts.max())
        mesh = axis.pcolormesh(bins, bins, energy.T, cmap="viridis", vmin=0, vmax=8)
        title = f"{dataset.name}, {len(joined):,} frames"
        axis.set(title=title, xlabel="φ, degrees", ylabel="ψ, degrees", aspect="equal")
        axis.set(xticks=range(-180, 181, 90), yticks=range(-180, 181, 90))
    figure.colorbar(mesh, ax=axes[:2], label="free energy, kT", shrink=0.85)
    clustering = KMeans(N_CLUSTERS, fixed_seed=1).fit(on_circle(np.concatenate(datasets[0].parts))).fetch_model()
    for dataset in datasets:
        clusters = [clustering.transform(on_circle(part)) for part in dataset.parts]
        low, best, high = timescales(clusters, dataset.interval_ps)
        axes[2].plot(LAGS_PS, best, "o-", color=dataset.colour, label=dataset.name)
        axes[2].fill_between(LAGS_PS, low, high, color=dataset.colour, alpha=0.2, linewidth=0)
    axes[2].plot(LAGS_PS, LAGS_PS, ":", color="0.6", label="lag time")
    axes[2].set(title="slowest implied timescale", xlabel="lag time, ps", ylabel="timescale, ps", ylim=(0, 45))
    axes[2].legend(frameon=False, loc="lower right")
    figure.get_layout_engine().set(w_pad=0.1)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def on_circle(degrees: np.ndarray) -> np.ndarray:
    """Give cosines and sines, in which -180° and 180° are the same."""
    return np.concatenate([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1).astype(np.float32)


def timescales(clusters: Sequence[np.ndarray], interval_ps: float) -> np.ndarray:
    """Slowest implied timescale by lag, in ps: rows are the low end of the band, the estimate and the high end."""
    rng = np.random.default_rng(0)
    drawn = [[clusters[i] for i in rng.integers(len(clusters), size=len(clusters))] for _ in range(N_RESAMPLES)]
    lags = [round(lag_ps / interval_ps) for lag_ps in LAGS_PS]
    best = np.array([slowest(clusters, lag) for lag in lags])
    resampled = np.array([[slowest(parts, lag) for lag in lags] for parts in drawn])
    low, high = np.percentile(resampled, (16, 84), axis=0)
    return interval_ps * np.stack([low, best, high])


def slowest(clusters: Sequence[np.ndarray], lag: int) -> float:
    """Estimate a reversible Markov state model on the largest connected set; its slowest timescale, in frames."""
    counts = TransitionCountEstimator(lag, "sliding").fit_fetch(list(clusters)).submodel_largest()
    return float(MaximumLikelihoodMSM(reversible=True).fit_fetch(counts).timescales(k=1)[0])


if __name__ == "__main__":
    main()
