"""Simulations on a dask.distributed cluster whose workers see the same file system."""

import time
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module

from lamslide_md.errors import InputError
from lamslide_md.io.cluster import Task, connected, run_tasks
from lamslide_md.simulate.checkpoints import load_bookkeeping
from lamslide_md.simulate.jobs import Job, summed
from lamslide_md.simulate.local import LocalWorkers
from lamslide_md.simulate.progress import Progress, ProgressCallback, speed_ns_per_day
from lamslide_md.simulate.replicate import checkpoint_path
from lamslide_md.simulate.timing import choose_platform


def run_on_cluster(jobs: Sequence[Job], scheduler: str, progress: ProgressCallback | None = None) -> None:
    """Run jobs on the workers of a scheduler.

    Each job runs in a process of its own beside its worker. When a worker dies the scheduler gives its job to another,
    which continues from the checkpoint: at most one checkpoint interval is lost.

    Parameters
    ----------
    jobs
        Each with a trajectory of its own, on a file system the workers share.
    scheduler
        Address, such as `tcp://10.0.0.1:8786`.
    progress
        Called with the sum over all jobs every second, read from the checkpoints.

    Raises
    ------
    InputError
        If dask is not installed, the scheduler does not answer, or a job fails.
    """
    absolute = [replace(job, trajectory=job.trajectory.resolve()) for job in jobs]
    total_ps, start = sum(job.total_ps for job in jobs), time.monotonic()
    first_ps = sum(_progress_of(job, 0.0).done_ps for job in absolute)

    def look(left: int) -> None:
        done_ps = sum(_progress_of(job, 0.0).done_ps for job in absolute)
        speed = speed_ns_per_day(done_ps - first_ps, time.monotonic() - start)
        if progress is not None:
            progress(summed([_progress_of(job, speed / max(1, left)) for job in absolute], total_ps))

    with connected(scheduler) as client:
        run_tasks(
            client,
            [Task(_run_beside_worker, job, job.trajectory, f"{job.trajectory}-{job.fingerprint}") for job in absolute],
            look,
        )
    for job in absolute:
        if not job.is_finished():
            raise InputError(f"{job.trajectory} is not as its worker has left it: another program wrote to it")


def _run_beside_worker(job: Job) -> str | None:
    """Run on a worker; return the message of a failure that trying again would not mend.

    The Reference platform keeps one random generator per process, so jobs must not share the worker's.
    """
    try:
        if job.platform is None:
            job = job.on(
                choose_platform(
                    job.prepared, job.settings, n_cores=import_module("distributed").get_worker().state.nthreads
                )
            )
        LocalWorkers(1).run([job])
    except InputError as error:
        return str(error)
    return None


def _progress_of(job: Job, ns_per_day: float) -> Progress:
    """How far a job is by its checkpoint."""
    done = load_bookkeeping(checkpoint_path(job.trajectory))
    if done is None:
        return Progress("waiting", 0.0, job.total_ps)
    settings = job.settings
    done_ps = done.equilibration_steps * settings.timestep_ps + done.n_frames * settings.frame_interval_ps
    finished = done.n_frames >= settings.n_frames
    return Progress("done" if finished else "simulating", done_ps, job.total_ps, 0.0 if finished else ns_per_day)
