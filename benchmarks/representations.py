"""What the flow should see: one step of flows that are alike, on latents, Cartesian or local coordinates, or torsions.

    python benchmarks/accuracy.py "AGVD quick" --seeds 0      # makes two replicates of MD, and latents
    python benchmarks/representations.py AGVD         # ten minutes on one core

Flows of the preset `quick` with equally many steps learn from replicate 1; no decoder, no constraints, no chains: each
draws one next frame for frames of replicate 2, and its torsions are set beside those of all of replicate 2. The floor
is the next frames of MD. *Local* coordinates are those of each residue's atoms and of two on both sides of it, seen
from its N, C-alpha and C. A jump is a torsion that turns by more than 1.2 rad in a step; told is the mean of
|ln(rate / rate in MD)|. Figures go to benchmarks/results/representations_NAME.json.
"""

import argparse
from abc import abstractmethod
from dataclasses import replace
from typing import Any

import mdtraj as md
import numpy as np
import torch
from common import write_result
from jaxtyping import Float
from pipeline import MOLECULES, ROOT
from replicates import replicate, with_flow
from torch import Tensor

import lamslide_md as lam
from lamslide_md.analysis.distances import torsion_js_distances
from lamslide_md.analysis.features import find_torsions, torsion_angles, torsion_features
from lamslide_md.config import preset_settings
from lamslide_md.data.batch import Batch
from lamslide_md.flow.solvers import Heun
from lamslide_md.models.first_stage import Decoded, FirstStage, Latents
from lamslide_md.systems.dihedrals import dihedral
from lamslide_md.training.windows import Series

N_STARTS = 3000
JUMP = 1.2
RARE = 1e-4
"""Added to rates, of which some are zero."""


class Code(FirstStage):
    """What is fixed in place of learned: one token, from which torsions are read."""

    def __init__(self, model: lam.Surrogate, topology: md.Topology, sample: Batch) -> None:
        super().__init__(model.autoencoder.pool, 1, 1)
        self.model, self.entities, self.topology = model, model.systems[0].entities, topology
        self.torsions = find_torsions(topology, self.points(sample.positions)[:, 0].numpy())
        self.n_channels = self.encode(sample).shape[-1]

    def points(
        self, positions: Float[Tensor, "batch frames entities slots 3"]
    ) -> Float[Tensor, "batch frames points 3"]:
        """Take what exists out of the slots."""
        return positions[:, :, self.entities.entity_of_point, self.entities.slot_of_point]

    def encode(self, batch: Batch) -> Latents:
        """Code every frame."""
        return self.code(batch).flatten(2)[:, :, None]

    def decode(self, latents: Latents, entities: Batch) -> Decoded:
        """Not asked for."""
        raise NotImplementedError

    @abstractmethod
    def code(self, batch: Batch) -> Float[Tensor, "batch frames *features"]:
        """Features of every frame."""

    @abstractmethod
    def angles(self, code: Float[Tensor, "batch channels"]) -> Float[np.ndarray, "batch torsions"]:
        """Torsions of a code, rad."""


class Cartesian(Code):
    """Superposed coordinates, as they are."""

    def code(self, batch: Batch) -> Tensor:
        """Features of every frame."""
        return self.points(batch.positions)

    def angles(self, code: Tensor) -> np.ndarray:
        """Torsions, rad."""
        return torsion_angles(code.unflatten(-1, (-1, 3)).numpy(), self.torsions)


class Torsions(Code):
    """Sine and cosine of every torsion."""

    def code(self, batch: Batch) -> Tensor:
        """Features of every frame."""
        points = self.points(batch.positions)
        angles = torsion_angles(points.flatten(0, 1).numpy(), self.torsions)
        return torch.from_numpy(torsion_features(angles)).float().unflatten(0, points.shape[:2])

    def angles(self, code: Tensor) -> np.ndarray:
        """Torsions, rad."""
        cosine, sine = np.split(code.numpy(), 2, axis=-1)
        return np.arctan2(sine, cosine)


class Local(Code):
    """Atoms of a residue and two on both sides, seen from its backbone."""

    def code(self, batch: Batch) -> Tensor:
        """Features of every frame."""
        points = self.points(batch.positions)
        seen = []
        for atoms, (n, ca, c) in self.groups():
            first = torch.nn.functional.normalize(points[:, :, c] - points[:, :, ca], dim=-1)
            second = points[:, :, n] - points[:, :, ca]
            second = second - (second * first).sum(dim=-1, keepdim=True) * first
            second = torch.nn.functional.normalize(second, dim=-1)
            axes = torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)
            seen.append((points[:, :, atoms] - points[:, :, ca, None]) @ axes)
        return torch.cat(seen, dim=2)

    def angles(self, code: Tensor) -> np.ndarray:
        """Torsions, rad."""
        points, begin, found = code.unflatten(-1, (-1, 3)).numpy(), 0, {}
        for atoms, _ in self.groups():
            for torsion in self.torsions:
                if set(torsion.atoms) <= set(atoms):
                    found[torsion] = dihedral(*(points[:, begin + atoms.index(atom)] for atom in torsion.atoms))
            begin += len(atoms)
        return np.stack([found[torsion] for torsion in self.torsions], axis=-1)

    def groups(self) -> list[tuple[list[int], tuple[int, int, int]]]:
        """Atoms that each residue sees, and those that it sees them from."""
        named = [{atom.name: atom.index for atom in residue.atoms} for residue in self.topology.residues]
        groups = []
        for i, own in enumerate(named):
            before = [named[i - 1]["CA"], named[i - 1]["C"]] if i else []
            after = [named[i + 1]["N"], named[i + 1]["CA"]] if i + 1 < len(named) else []
            groups.append(([*before, *own.values(), *after], (own["N"], own["CA"], own["C"])))
        return groups


class Learned(Code):
    """Latents of an autoencoder of superposed frames, decoded to read torsions."""

    def code(self, batch: Batch) -> Tensor:
        """Features of every frame."""
        return self.model.autoencoder.encode(batch)

    def angles(self, code: Tensor) -> np.ndarray:
        """Torsions, rad."""
        own = self.model.autoencoder
        series = Series(self.entities, np.zeros((1, self.entities.n_points, 3), dtype=np.float32))
        asked = series.batch(np.zeros((len(code), 1), dtype=int))
        decoded = own.decode(code.view(len(code), 1, own.n_latents, own.n_channels), asked)
        return torsion_angles(self.points(decoded.positions)[:, 0].numpy(), self.torsions)


CODES = {"latents": Learned, "Cartesian": Cartesian, "local": Local, "torsions": Torsions}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=[name for name in MOLECULES if name != "ala2"])
    parser.add_argument("--steps", nargs="+", type=int, default=[1000])
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model = lam.Surrogate.load(ROOT / "runs" / "accuracy" / f"{args.name}_quick_0" / f"{args.name}.lamslide")
    learned, other = (replicate(args.name, i) for i in (1, 2))
    rows = []
    for n_steps in args.steps:
        for name, kind in CODES.items():
            rows.append({"sees": name, "n_steps": n_steps, **one_step(model, kind, learned, other, n_steps, args.seed)})
            print(rows[-1], flush=True)
            write_result(f"representations_{args.name}", {"seed": args.seed, "rows": rows})


def one_step(
    model: lam.Surrogate, kind: type[Code], learned: md.Trajectory, other: md.Trajectory, n_steps: int, seed: int
) -> dict[str, Any]:
    """Train a flow on a code and judge its next frames."""
    quick = preset_settings("quick").flow
    flow = quick.model_copy(update={"optimisation": quick.optimisation.model_copy(update={"n_steps": n_steps})})
    stride = round(model.frame_interval_ps / float(other.timestep))
    first = np.linspace(0, other.n_frames - stride - 1, N_STARTS).astype(int)
    system = model.systems[0]
    placed = system.place(other.xyz, model.settings.placement) / np.float32(model.length_scale_nm)
    starts = Series(system.entities, placed).batch(first[:, None])
    code = kind(model, learned.topology, starts)
    trained, minutes = with_flow(replace(model, autoencoder=code), learned, flow, seed)
    generator, latents = torch.Generator().manual_seed(seed), code.encode(starts).repeat(1, 2, 1, 1)
    drawn = trained.flow.sample(latents, torch.tensor([True, False]), Heun(), generator)
    here, then = (torsion_angles(other.xyz[frames], code.torsions) for frames in (first, first + stride))
    everywhere, found = torsion_angles(other.xyz, code.torsions), code.angles(drawn[:, 1, 0])
    rates = [(np.abs(np.angle(np.exp(1j * (angles - here)))) > JUMP).mean(axis=0) for angles in (found, then)]
    distances = torsion_js_distances(found, everywhere)
    return {
        "channels": code.n_channels,
        "training_min": minutes,
        "js_distance": float(distances.mean()),
        "floor": float(torsion_js_distances(then, everywhere).mean()),
        "jumps": float(np.abs(np.log((rates[0] + RARE) / (rates[1] + RARE))).mean()),
        "torsions": {torsion.name: float(d) for torsion, d in zip(code.torsions, distances, strict=True)},
    }


if __name__ == "__main__":
    main()
