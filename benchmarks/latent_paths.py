r"""Smoothness of the latent space: what lies between two states, beside straight lines of the atoms.

    python workflows/md17.py --simulate ethanol --simulate malonaldehyde --simulate aspirin      # makes the model
    python benchmarks/latent_paths.py runs/md17/ethanol.npz runs/md17/malonaldehyde.npz runs/md17/aspirin.npz \
        --model runs/md17/aspirin_ethanol_malonaldehyde/quick/LaM-SLidE.lamslide

Pairs of frames of each molecule, far apart in its test trajectory and superposed, are joined in eleven steps by
interpolating latents and decoding, and by interpolating coordinates. Told along the way: the energy by GFN2-xTB above
the mean of the ends, and the largest relative error of a bond. Figures go to benchmarks/results/latent_paths.json and
.png.
"""

import argparse
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from ase import Atoms
from common import RESULTS, write_result

import lamslide_md as lam
from lamslide_md.data.md17 import read_md17, split_in_time
from lamslide_md.data.placement import superposed
from lamslide_md.data.poses import pose_of
from lamslide_md.data.systems import System
from lamslide_md.data.windows import Series
from lamslide_md.reference.ase_md import xtb_calculator

matplotlib.use("Agg")

N_PAIRS, N_POINTS = 20, 11


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="files that the model has learned from")
    parser.add_argument("--model", type=Path, required=True)
    args = parser.parse_args()
    model = lam.Surrogate.load(args.model)
    results = {}
    for path in args.data:
        molecule, held_out = path.stem, split_in_time(read_md17(path))[-1]
        residue = held_out.topology.residue(0).name
        system = next(s for s in model.systems if s.topology.residue(0).name == residue)
        begins = np.linspace(0, held_out.n_frames // 2 - 1, N_PAIRS).astype(int)
        starts, ends = held_out.xyz[begins], held_out.xyz[begins + held_out.n_frames // 2]
        paths = joined(model, system, starts, ends)
        results[molecule] = {name: judged(system, path) for name, path in paths.items()}
        print(
            molecule,
            {
                name: {k: np.round(np.mean(v, axis=0), 3).tolist() for k, v in r.items()}
                for name, r in results[molecule].items()
            },
        )
    write_result("latent_paths", {"n_pairs": N_PAIRS, "results": results})
    draw(results)


@torch.no_grad()
def joined(model: lam.Surrogate, system: System, starts: np.ndarray, ends: np.ndarray) -> dict[str, np.ndarray]:
    """Paths of pairs, shape (pairs, points, atoms, 3), nm."""
    ends = np.stack([superposed(end[None], start)[0] for start, end in zip(starts, ends, strict=True)])
    starts = starts - starts.mean(axis=1, keepdims=True)
    share = np.linspace(0, 1, N_POINTS, dtype=np.float32)
    straight = starts[:, None] + share[:, None, None] * (ends - starts)[:, None]
    scale = np.float32(model.length_scale_nm)
    series = Series(system.entities, np.concatenate([starts, ends]) / scale)
    batch = series.batch(np.arange(len(starts))[:, None] + np.array([0, len(starts)]))
    batch = pose_of(batch, 0, model.settings.placement).enter(batch)
    first, last = model.autoencoder.encode(batch).split(1, dim=1)
    along = first + torch.from_numpy(share)[None, :, None, None] * (last - first)
    decoded = model.autoencoder.decode(along, batch).positions.numpy()
    return {"latents": scale * system.entities.to_points(decoded), "coordinates": straight}


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
    figure, axes = plt.subplots(
        2, len(results), figsize=(4 * len(results), 6.5), constrained_layout=True, squeeze=False
    )
    share = np.linspace(0, 1, N_POINTS)
    for column, (molecule, by_name) in enumerate(results.items()):
        for row, (key, label) in enumerate((("energy_eV", "energy, eV"), ("bond_error", "largest bond error"))):
            for colour, (name, measures) in zip(("C0", "0.5"), by_name.items(), strict=True):
                low, middle, high = np.quantile(measures[key], [0.25, 0.5, 0.75], axis=0)
                axes[row, column].plot(share, middle, color=colour, label=f"interpolated {name}")
                axes[row, column].fill_between(share, low, high, color=colour, alpha=0.25)
            axes[row, column].set(xlabel="share of the way", ylabel=label)
        axes[0, column].set_title(molecule)
    axes[0, 0].legend()
    figure.savefig(RESULTS / "latent_paths.png", dpi=120)


if __name__ == "__main__":
    main()
