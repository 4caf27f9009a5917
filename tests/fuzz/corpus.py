"""Sound files of every kind that a command reads, small, and made in seconds."""

import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import ase.io
import mdtraj as md

import lamslide_md as lam
from lamslide_md.cli.app import run
from lamslide_md.io.interrupts import RolloutInterrupted
from lamslide_md.simulate import PlatformChoice, SimulationSettings, peptide, replicate, simulate
from lamslide_md.simulate.replicates import make_jobs

SMALL = {
    "autoencoder.width": 16,
    "autoencoder.n_channels": 8,
    "autoencoder.optimisation.n_steps": 3,
    "autoencoder.optimisation.batch_size": 8,
    "flow.width": 16,
    "flow.depth": 1,
    "flow.optimisation.n_steps": 3,
    "flow.optimisation.batch_size": 8,
}
SETTINGS = tuple(word for name, value in SMALL.items() for word in ("--set", f"{name}={value}"))
TRAIN = ("train", "md/rep1.xtc", "--interval-ps", "0.5", *SETTINGS)
DISTIL = ("distil", "model.lamslide", "--set", "flow.map.width=16", "--set", "flow.map.depth=1")
DISTIL = (*DISTIL, "--set", "flow.map.optimisation.n_steps=3", "--set", "flow.map.optimisation.batch_size=8")
SIMULATE = ("simulate", "AG", "--ns", "0.01", "--frame-interval-ps", "0.1", "--equilibration-ps", "1")
SIMULATE = (*SIMULATE, "--platform", "Reference")
HOW = ("--frames", "12", "--chains", "2", "--solver-steps", "2", "--seed", "3")
ROLLOUT = ("rollout", "model.lamslide", *HOW)
ROLLOUT_BY_MAP = ("rollout", "mapped.lamslide", "--solver", "map", *HOW)
COMPARE = (
    "compare",
    "md/rep1.xtc",
    "--reference",
    "md/rep2.xtc",
    "--lag-ps",
    "0.2",
    "--clusters",
    "4",
    "--states",
    "2",
)


def make_corpus(folder: Path) -> None:
    """Fill a folder.

    Parameters
    ----------
    folder
        Empty, and the working directory when this returns.

    Raises
    ------
    RuntimeError
        If a command refuses what is sound.
    """
    os.chdir(folder)
    _must((*SIMULATE, "--replicates", "2", "--out", "md"))
    _interrupt_simulation()
    _must((*TRAIN, "--checkpoints", "stages", "--out", "model.lamslide"))
    _must((*DISTIL, "--checkpoints", "mapped", "--out", "mapped.lamslide"))
    _must((*ROLLOUT, "--out", "whole.xtc"))
    frames = lam.read("md/rep1.xtc", "md/system.pdb", atoms="heavy")
    frames[:6].save_pdb("start.pdb")
    for suffix in ("dcd", "trr", "nc", "h5", "gro"):
        frames[:20].save(f"frames.{suffix}")
    ase.io.write("frames.extxyz", ase.io.read("start.pdb", ":6"))
    ase.io.write("frames.traj", ase.io.read("start.pdb", ":6"))
    Path("settings.toml").write_text(_section("toml"), encoding="utf-8")
    Path("settings.json").write_text(_section("json"), encoding="utf-8")
    Path("settings.yaml").write_text(_section("yaml"), encoding="utf-8")
    Path("one").mkdir()
    _must((*COMPARE, "--out", "one/comparison.json"))
    _interrupt_rollout()


def _must(arguments: tuple[str, ...]) -> None:
    if run(arguments) != 0:
        raise RuntimeError(f"lamslide {' '.join(arguments)} failed on sound files")


def _section(kind: str) -> str:
    if kind == "toml":
        return '[rollout]\nframes = 5\nchains = 2\nseed = 4\nsolver = "heun"\nsolver_steps = 2\nconstrain = true\n'
    content = {"rollout": {"frames": 5, "chains": 2, "seed": 4, "solver": "heun", "constrain": True}}
    return json.dumps(content, indent=1) if kind == "json" else "rollout:\n  frames: 5\n  chains: 2\n  seed: 4\n"


def _interrupt_simulation() -> None:
    """Leave half a trajectory as Ctrl-C does."""
    settings = SimulationSettings(
        length_ps=10.0, frame_interval_ps=0.1, equilibration_ps=1.0, checkpoint_interval_ps=1.0
    )
    (job,) = make_jobs([peptide("AG")], settings, [Path("half")], n_replicates=1)

    def stop(progress: object) -> None:
        if Path("half/rep1.xtc").exists() and Path("half/rep1.xtc").stat().st_size > 4000:
            raise KeyboardInterrupt

    replicate.PROGRESS_SECONDS = 0.0
    with suppress(KeyboardInterrupt):
        simulate(
            job.prepared, settings, job.trajectory, seed=job.seed, platform=PlatformChoice("Reference"), progress=stop
        )


def _interrupt_rollout() -> None:
    """Leave half a rollout as Ctrl-C does."""
    rollout = lam.Surrogate.load("model.lamslide").rollout("reference", 12, n_chains=2, n_solver_steps=2, seed=3)

    def windows(place: object) -> object:
        for n_done, window in enumerate(rollout.windows(place)):
            if n_done == 5:
                raise KeyboardInterrupt
            yield window

    Path("rolled").mkdir()
    with suppress(RolloutInterrupted):
        replace(rollout, windows=windows).save("rolled/r.xtc")


def read_frames(path: str, top: str | None) -> md.Trajectory | list[md.Trajectory]:
    """Read a trajectory as a user of Python does."""
    return lam.read(path, top, frame_interval_ps=0.1)
