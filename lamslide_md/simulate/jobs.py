"""A job is one replicate of one molecule: all a worker needs, on this machine or another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lamslide_md.simulate.manifests import run_fingerprint
from lamslide_md.simulate.platforms import PlatformChoice
from lamslide_md.simulate.progress import Progress, ProgressCallback
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.simulation import PATIENCE_S, is_finished, simulate
from lamslide_md.simulate.systems import PreparedSystem


@dataclass(frozen=True)
class Job:
    """One replicate to be simulated.

    Attributes
    ----------
    prepared
        What is simulated.
    settings
        How, and how long.
    trajectory
        Path of the xtc.
    seed
        Seed of velocities and noise.
    platform
        Where; timed by the worker when None.
    """

    prepared: PreparedSystem
    settings: SimulationSettings
    trajectory: Path
    seed: int
    platform: PlatformChoice | None = None

    @property
    def total_ps(self) -> float:
        """Time to simulate, equilibration included, ps."""
        return self.settings.length_ps + self.settings.equilibration_ps

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides the trajectory."""
        return run_fingerprint(self.prepared, self.settings, self.seed)

    def is_finished(self) -> bool:
        """Tell whether the trajectory is there already."""
        return is_finished(self.trajectory, self.settings, self.fingerprint)

    def on(self, platform: PlatformChoice) -> "Job":
        """Return a copy of the job for another platform."""
        return replace(self, platform=platform)

    def run(self, progress: ProgressCallback | None = None) -> Path:
        """Simulate it here; see `simulate`."""
        return simulate(
            self.prepared,
            self.settings,
            self.trajectory,
            seed=self.seed,
            platform=self.platform,
            progress=progress,
            patience_s=PATIENCE_S,
        )


def replicate_seed(seed: int, replicate: int) -> int:
    """Derive the seed of a replicate, from 1 to 2³¹ - 1; OpenMM takes 0 for "any".

    Parameters
    ----------
    seed
        Seed of the whole set.
    replicate
        Number of the replicate, from 1.

    Returns
    -------
    int
        The same for the same two numbers, unrelated for others.
    """
    return int(np.random.SeedSequence([seed, replicate]).generate_state(1)[0] % (2**31 - 1)) + 1


def summed(progresses: Sequence[Progress], total_ps: float) -> Progress:
    """Add the progress of jobs to that of the whole; jobs not begun are in `total_ps` only.

    Parameters
    ----------
    progresses
        Latest of each job that has begun.
    total_ps
        Time to simulate in all, ps.

    Returns
    -------
    Progress
        Speeds are added.
    """
    done_ps = sum(progress.done_ps for progress in progresses)
    running = [progress for progress in progresses if progress.phase != "done"]
    phases = sorted({progress.phase for progress in running})
    return Progress(
        ", ".join(phases) or "done",
        done_ps,
        total_ps,
        sum((progress.ns_per_day for progress in running), start=0.0),
        progresses[-1].platform,
    )
