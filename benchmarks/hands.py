"""How far frames with turned-over centres are moved to put them right, and whether they are right then.

    python benchmarks/hands.py      # pip install tblite; a few minutes if the molecules are not simulated yet

Frames of MD of the small molecules with faults put in, as flows draw them: every atom displaced, the hydrogens of each
carbon drawn towards their mean, two of them swapped. Figures go to benchmarks/results/hands.json.
"""

import time

import numpy as np
import torch
from common import write_result
from forecasts import simulated
from md17_files import read_md17
from rich.console import Console
from rich.table import Table

from lamslide_md.sampling.projection import Projection
from lamslide_md.systems.constraints import find_constraints

N_FRAMES, SEED = 2000, 0
DISPLACED_NM = 0.03
DRAWN_IN = 0.9
"""Of the way to their mean."""
MOLECULES = ("ethanol", "malonaldehyde", "aspirin")


def main() -> None:
    rows = []
    for molecule in MOLECULES:
        traj = read_md17(simulated(molecule))
        bonds = np.array([[a.index, b.index] for a, b in traj.topology.bonds])
        projection = projection_of(traj.xyz, bonds)
        frames = torch.from_numpy(traj.xyz[:: traj.n_frames // N_FRAMES][:N_FRAMES])
        hydrogens = [ends for ends in hydrogens_of_carbons(traj.topology) if len(ends) > 1]
        for fault, faulty in faults(frames, hydrogens).items():
            rows.append({"molecule": molecule, "fault": fault, **mended(projection, faulty)})
            print(rows[-1], flush=True)
    write_result("hands", {"n_frames": N_FRAMES, "displaced_nm": DISPLACED_NM, "drawn_in": DRAWN_IN, "rows": rows})
    show(rows)


def projection_of(frames_nm: np.ndarray, bonds: np.ndarray) -> Projection:
    """Constraints learned from all frames."""
    held = find_constraints(frames_nm, bonds, contacts=True)
    floats = [torch.from_numpy(ends).float() for ends in (held.lower_nm, held.upper_nm)]
    return Projection(torch.from_numpy(held.pairs), *floats, torch.from_numpy(held.centres), torch.tensor(held.signs))


def hydrogens_of_carbons(topology: object) -> list[list[int]]:
    """Hydrogens of each carbon."""
    graph = topology.to_bondgraph()
    return [
        [end.index for end in graph[atom] if end.element.symbol == "H"]
        for atom in topology.atoms
        if atom.element.symbol == "C"
    ]


def faults(frames: torch.Tensor, hydrogens: list[list[int]]) -> dict[str, torch.Tensor]:
    """The same frames, each with a fault."""
    found = {
        "displaced": frames + DISPLACED_NM * torch.randn(frames.shape, generator=torch.Generator().manual_seed(SEED))
    }
    if hydrogens:
        drawn_in, swapped = frames.clone(), frames.clone()
        for ends in hydrogens:
            drawn_in[:, ends] = torch.lerp(frames[:, ends], frames[:, ends].mean(dim=1, keepdim=True), DRAWN_IN)
            swapped[:, ends[:2]] = frames[:, ends[1::-1]]
        found |= {"hydrogens drawn in": drawn_in, "two hydrogens swapped": swapped}
    return found


def mended(projection: Projection, faulty: torch.Tensor) -> dict[str, float]:
    """What the projection does to frames."""
    started_s = time.monotonic()
    projected = projection.project(faulty)
    spent_s = time.monotonic() - started_s
    moved = (projected - faulty).norm(dim=-1).mean(dim=1)
    apart = (projected[:, projection.pairs[:, 0]] - projected[:, projection.pairs[:, 1]]).norm(dim=-1)
    beyond = torch.maximum(apart / projection.upper - 1, 1 - apart / projection.lower)
    return {
        "turned_over_before": share(projection, faulty),
        "turned_over_after": share(projection, projected),
        "distance_off_by_1_percent": float((beyond > 0.01).any(dim=1).float().mean()),
        "moved_nm_median": float(moved.median()),
        "moved_nm_most": float(moved.max()),
        "frames_per_s": len(faulty) / spent_s,
    }


def share(projection: Projection, frames: torch.Tensor) -> float:
    """Part of the frames in which a centre is on its wrong side, or nearly so."""
    return float(projection.turned_over(frames).any(dim=1).float().mean())


def show(rows: list[dict[str, object]]) -> None:
    """Print what was measured."""
    table = Table(title="frames, %; mean displacement of an atom, Å")
    for column in ("molecule", "fault", "turned over", "after", "distance off", "moved", "most", "frames/s"):
        table.add_column(column)
    for row in rows:
        shares = [f"{100 * row[key]:.2f}" for key in list(row)[2:5]]
        moved = [f"{10 * row[key]:.2f}" for key in ("moved_nm_median", "moved_nm_most")]
        table.add_row(row["molecule"], row["fault"], *shares, *moved, f"{row['frames_per_s']:.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
