"""The two replicates of a molecule in memory, and a rollout judged by them: pipeline.py does the same with files."""

import mdtraj as md
from pipeline import MD, MOLECULES

import lamslide_md as lam
from lamslide_md.evaluation.measures import Measure


def replicate(name: str, number: int) -> md.Trajectory:
    """Heavy atoms of a replicate."""
    return lam.read(MD / name / f"rep{number}.xtc", MD / name / "system.pdb", atoms="heavy")


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
