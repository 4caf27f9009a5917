"""What the published sizes (preset `paper`) would take on a GPU: floating-point operations of a training, counted.

    python benchmarks/gpu_budget.py        # some minutes on one core

Every preset starts for real, both stages on small made-up data of each system's size, with one window in a batch; what
one more step adds is counted by torch's own counter, without the optimiser, and multiplied by batch and steps. Hours
are those at a sustained rate, which is assumed (`--tflops`): nothing here was run on a GPU. Figures go to
benchmarks/results/gpu_budget.json.
"""

import argparse
from collections.abc import Callable
from typing import Any

import mdtraj as md
import numpy as np
from charged_particles import ChargedParticles
from common import write_result
from lightning_fabric import Fabric
from pipeline import ROOT
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

import lamslide_md as lam
from lamslide_md.config import TASKS, Optimisation, Settings, forecast_settings, preset_settings
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.system import PointTrajectory, System
from lamslide_md.training.autoencoder_stage import train_autoencoder
from lamslide_md.training.flow_stage import train_flow
from lamslide_md.training.recordings import TrainingData, gather, prepare_data
from lamslide_md.training.trainer import Engine

SHAKEN_NM = 0.001
"""Noise on a structure that makes frames of it: no bond breaks."""
N_COUNTED = 1
"""Windows in a batch that is counted."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tflops", type=float, default=30.0, help="sustained; an A100 has 156 on paper in TF32")
    args = parser.parse_args()
    rows = []
    for name in ("tetrapeptide", *TASKS):
        for preset in ("quick", "paper"):
            settings = preset_settings(preset) if name == "tetrapeptide" else forecast_settings(name, preset)
            rows.append({"system": name, "preset": preset, **counted(settings, made_up(name, settings))})
            rows[-1]["gpu_hours"] = sum(rows[-1]["pflop"].values()) * 1e3 / args.tflops / 3600
            print(rows[-1], flush=True)
    write_result("gpu_budget", {"tflops": args.tflops, "rows": rows})
    show(rows)


def made_up(name: str, settings: Settings) -> TrainingData:
    """Frames that look like a system's and mean nothing."""
    n_frames = settings.flow.n_frames + 8
    noise = np.random.default_rng(0)
    if name == "charges":
        recordings: Any = ChargedParticles(n_frames=n_frames).simulate(4, 0).recordings()
    elif name in ("tetrapeptide", "md17"):
        frame = md.load(ROOT / "example_systems" / "aspirin" / "structure.pdb")
        if name == "tetrapeptide":
            system = lam.load_pretrained("AGVD").systems[0]
            frame = md.Trajectory(system.reference_nm[None], system.topology)
        xyz = frame.xyz + SHAKEN_NM * noise.standard_normal((n_frames, *frame.xyz.shape[1:])).astype(np.float32)
        interval_ps = settings.frame_interval_ps
        recordings = md.Trajectory(xyz, frame.topology, time=interval_ps * np.arange(n_frames))
    else:
        kinds = ["player"] * 10 + ["ball"] if name == "basketball" else ["person"] * 10
        paths = noise.standard_normal((n_frames, len(kinds), 2)).cumsum(axis=0).astype(np.float32)
        system = System(Entities.points(kinds, dim=2), paths[0] - paths[0].mean(axis=0))
        recordings = [PointTrajectory(system, paths, settings.frame_interval_ps)]
    return prepare_data(gather(recordings, settings), settings, None)


def counted(settings: Settings, data: TrainingData) -> dict[str, Any]:
    """Parameters, and PFLOP of a whole training, of both stages."""
    steps = {"autoencoder": settings.autoencoder.optimisation, "flow": settings.flow.optimisation}
    engine = Engine(Fabric(accelerator="cpu", devices=1))
    trained: dict[str, Any] = {}

    def first(n_steps: int) -> None:
        trained["autoencoder"] = train_autoencoder(engine, "none", data.series, small(settings, n_steps))

    def second(n_steps: int) -> None:
        autoencoder = trained["autoencoder"]
        trained["flow"] = train_flow(engine, "none", autoencoder, data.series, small(settings, n_steps))

    pflop = {
        name: of_a_step(train) / N_COUNTED * steps[name].batch_size * steps[name].n_steps / 1e15
        for name, train in (("autoencoder", first), ("flow", second))
    }
    sizes = {name: sum(p.numel() for p in network.parameters()) for name, network in trained.items()}
    return {"n_parameters": sizes, "pflop": pflop}


def small(settings: Settings, n_steps: int) -> Settings:
    """The same networks and windows; an optimiser without matrix products, no bridging, no prior to fit."""

    def few(optimisation: Optimisation) -> Optimisation:
        changes = {"n_steps": n_steps, "batch_size": N_COUNTED, "matrices": "adamw"}
        return optimisation.model_copy(update=changes)

    own = settings.autoencoder
    flow = settings.flow.model_copy(
        update={"optimisation": few(settings.flow.optimisation), "bridging": 0.0, "prior": "white"}
    )
    autoencoder = own.model_copy(update={"optimisation": few(own.optimisation)})
    return settings.model_copy(update={"autoencoder": autoencoder, "flow": flow})


def of_a_step(train: Callable[[int], None]) -> int:
    """Operations that a second step adds to a training of one."""
    totals = []
    for n_steps in (1, 2):
        with FlopCounterMode(display=False) as counter:
            train(n_steps)
        totals.append(counter.get_total_flops())
    return totals[1] - totals[0]


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    table = Table(title="a whole training, counted; hours at the assumed rate")
    for column in ("system", "preset", "parameters", "PFLOP, first stage", "PFLOP, flow", "GPU hours"):
        table.add_column(column)
    for row in rows:
        pflop = row["pflop"]
        cells = (f"{pflop['autoencoder']:.3g}", f"{pflop['flow']:.3g}", f"{row['gpu_hours']:.2g}")
        table.add_row(row["system"], row["preset"], f"{sum(row['n_parameters'].values()):,}", *cells)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
