"""Smoothness of the latent space: what lies between two states, beside straight lines of the atoms.

    python workflows/md17.py --simulate ethanol --simulate malonaldehyde --simulate aspirin      # makes the files
    python benchmarks/latent_paths.py runs/md17/ethanol.npz runs/md17/malonaldehyde.npz runs/md17/aspirin.npz

First stages of all molecules in one are trained, with the linear code of the forecast presets and with a learned one
(15 minutes on one core). Pairs of frames of each molecule, far apart in its test trajectory and superposed, are
joined in eleven steps by interpolating latents and decoding, and by interpolating coordinates. Told along the way: the
energy by GFN2-xTB above the mean of the ends, and the largest relative error of a bond. Figures go to
benchmarks/results/latent_paths.json and .png.
"""

import argparse
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from ase import Atoms
from common import RESULTS, write_result
from lightning_fabric import Fabric
from md17_files import read_md17, split_in_time

from lamslide_md.cli.train import with_changes
from lamslide_md.config import Settings, forecast_settings
from lamslide_md.frames.base import as_seen
from lamslide_md.frames.placement import superposed
from lamslide_md.models.first_stage import FirstStage
from lamslide_md.simulate.ase_md import xtb_calculator
from lamslide_md.systems.system import System
from lamslide_md.training.autoencoder_stage import reconstruction_rmsd, train_autoencoder
from lamslide_md.training.recordings import TrainingData, gather, prepare_data
from lamslide_md.training.trainer import Engine
from lamslide_md.training.windows import Series

matplotlib.use("Agg")

N_PAIRS, N_POINTS, STRIDE = 20, 11, 10
CODES = {
    "linear code": [],
    "learned code": ["autoencoder.linear_code=false", "autoencoder.optimisation.n_steps=4000"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="files of molecules, as of MD17")
    args = parser.parse_args()
    splits = {path.stem: split_in_time(read_md17(path)[::STRIDE]) for path in args.data}
    results: dict[str, dict[str, dict[str, list[list[float]]]]] = {molecule: {} for molecule in splits}
    rmsd_A = {}
    for code, changes in CODES.items():
        settings = with_changes(forecast_settings("md17", "quick"), changes)
        data = prepare_data(gather([learned for learned, _, _ in splits.values()], settings), settings, None)
        learned, unseen = data.held_out(settings.flow.n_frames)
        stage = train_autoencoder(Engine(Fabric(accelerator="cpu", devices=1)), "none", learned, settings)
        rmsd_A[code] = 10 * data.length_scale_nm * reconstruction_rmsd(stage, unseen, settings)
        for system, (molecule, (_, _, held_out)) in zip(data.systems, splits.items(), strict=True):
            begins = np.linspace(0, held_out.n_frames // 2 - 1, N_PAIRS).astype(int)
            ends = held_out.xyz[begins], held_out.xyz[begins + held_out.n_frames // 2]
            results[molecule][code] = judged(system, through_latents(stage, settings, data, system, *ends))
            if "coordinates" not in results[molecule]:
                results[molecule]["coordinates"] = judged(system, straight(*ends))
    for molecule, paths in results.items():
        half = {path: [f"{np.median(v, axis=0)[N_POINTS // 2]:.3g}" for v in m.values()] for path, m in paths.items()}
        print(molecule, "energy in eV and bond error half-way, medians:", half)
    write_result("latent_paths", {"n_pairs": N_PAIRS, "reconstruction_A": rmsd_A, "results": results})
    draw(results)


def straight(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Straight lines of the superposed atoms, shape (pairs, points, atoms, 3), nm."""
    ends = np.stack([superposed(end[None], start)[0] for start, end in zip(starts, ends, strict=True)])
    starts = starts - starts.mean(axis=1, keepdims=True)
    share = np.linspace(0, 1, N_POINTS, dtype=np.float32)
    return starts[:, None] + share[:, None, None] * (ends - starts)[:, None]


@torch.no_grad()
def through_latents(
    stage: FirstStage, settings: Settings, data: TrainingData, system: System, starts: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """Decode straight lines of latents; shape (pairs, points, atoms, 3), nm."""
    line, scale = straight(starts, ends), np.float32(data.length_scale_nm)
    series = Series(system.entities, np.concatenate([line[:, 0], line[:, -1]]) / scale)
    batch = series.batch(np.arange(len(line))[:, None] + np.array([0, len(line)]))
    batch = as_seen(batch, 0, settings.placement)
    first, last = stage.encode(batch).split(1, dim=1)
    share = torch.linspace(0, 1, N_POINTS)[None, :, None, None]
    decoded = stage.decode(first + share * (last - first), batch).positions.numpy()
    return scale * system.entities.to_points(decoded)


def judged(system: System, paths: np.ndarray) -> dict[str, list[list[float]]]:
    """Energies, eV, above the mean of the ends, and largest relative errors of bonds, of every pair and point."""
    calculator = xtb_calculator()
    atoms = Atoms([atom.element.symbol for atom in system.topology.atoms])
    bonds = system.entities.bonds
    lengths = np.linalg.norm(paths[:, :, bonds[:, 0]] - paths[:, :, bonds[:, 1]], axis=-1)
    usual = lengths[:, [0, -1]].mean(axis=(0, 1))
    energies = []
    for path in paths:
        own = []
        for points in path:
            atoms.positions[:] = 10 * points
            atoms.calc = calculator
            own.append(float(atoms.get_potential_energy()))
        energies.append((np.array(own) - (own[0] + own[-1]) / 2).tolist())
    return {"energy_eV": energies, "bond_error": np.abs(lengths / usual - 1).max(axis=2).tolist()}


def draw(results: dict[str, dict[str, dict[str, list[list[float]]]]]) -> None:
    size = (4 * len(results), 6.5)
    figure, axes = plt.subplots(2, len(results), figsize=size, constrained_layout=True, squeeze=False)
    share = np.linspace(0, 1, N_POINTS)
    for column, (molecule, by_name) in enumerate(results.items()):
        for row, (key, label) in enumerate((("energy_eV", "energy, eV"), ("bond_error", "largest bond error"))):
            for colour, (name, measures) in zip(("C0", "0.5", "C1"), by_name.items(), strict=True):
                low, middle, high = np.quantile(measures[key], [0.25, 0.5, 0.75], axis=0)
                axes[row, column].plot(share, middle, color=colour, label=name)
                axes[row, column].fill_between(share, low, high, color=colour, alpha=0.25)
            axes[row, column].set(xlabel="share of the way", ylabel=label)
        axes[0, column].set_title(molecule)
    axes[0, 0].legend(title="interpolated")
    figure.savefig(RESULTS / "latent_paths.png", dpi=120)


if __name__ == "__main__":
    main()
