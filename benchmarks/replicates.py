"""Two replicates of a molecule in memory: flows learn from one, rollouts are judged by both; pipeline.py has files."""

import time
from dataclasses import replace

import mdtraj as md
from lightning_fabric import Fabric
from pipeline import MD, MOLECULES

import lamslide_md as lam
from lamslide_md.analysis.measures.measure import Measure
from lamslide_md.config import FlowSettings
from lamslide_md.training.flow_stage import train_flow
from lamslide_md.training.gathering import gather
from lamslide_md.training.recordings import prepare_data
from lamslide_md.training.trainer import Engine


def replicate(name: str, number: int) -> md.Trajectory:
    """Heavy atoms of a replicate."""
    return lam.read(MD / name / f"rep{number}.xtc", MD / name / "system.pdb", atoms="heavy")


def with_flow(
    model: lam.Surrogate, learned: md.Trajectory, flow: FlowSettings, seed: int
) -> tuple[lam.Surrogate, float]:
    """Train another flow on the first stage of a model; also tells the minutes."""
    settings = model.settings.model_copy(update={"flow": flow})
    data = prepare_data(gather(learned, settings), settings, model.frame_interval_ps)
    started_s = time.monotonic()
    engine = Engine(Fabric(accelerator="cpu", devices=1), seed)
    trained = train_flow(engine, "none", model.autoencoder, data.series, settings).requires_grad_(False)
    return replace(model, flow=trained, settings=settings), (time.monotonic() - started_s) / 60


def judged(
    model: lam.Surrogate,
    chains: list[md.Trajectory],
    name: str,
    reference: md.Trajectory,
    floor: md.Trajectory,
) -> dict[str, Measure]:
    """Compare chains of a model with a replicate, and another replicate with it."""
    comparison = lam.compare(
        chains,
        reference,
        replicate=floor,
        rollout_interval_ps=model.frame_interval_ps,
        reference_interval_ps=float(reference.timestep),
        lag_ps=MOLECULES[name].lag_ps,
    )
    return {measure.kind.key: measure for measure in comparison.measures}
