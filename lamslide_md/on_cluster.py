"""Rollouts on a dask.distributed cluster: chains, of one system or of many, divided among workers that share files.

Every job rolls out some of the chains into a file in `STEM.jobs`, with the starts and noise that they have among all.
It commits its frames every second: when a worker dies, another goes on from there. The client joins the files.
"""

import functools
import json
import shutil
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path

import torch

from lamslide_md.errors import InputError, option
from lamslide_md.io.checked_values import checked
from lamslide_md.io.cluster import RunFile, Task, connected, run_tasks
from lamslide_md.io.growing_files import GROWING
from lamslide_md.io.locks import only_writer
from lamslide_md.io.outputs import check_folder
from lamslide_md.io.plain_paths import suffix
from lamslide_md.io.records import read_json
from lamslide_md.io.whole_files import write_whole
from lamslide_md.sampling.chain_state import RestartFile
from lamslide_md.sampling.files import RolloutFiles
from lamslide_md.sampling.frame_stream import OnFrames
from lamslide_md.sampling.rollout_locks import only_writer_of_rollout
from lamslide_md.sampling.rollout_names import EXACT
from lamslide_md.sampling.settings import Sampling
from lamslide_md.sampling.starts import Start
from lamslide_md.shares import Share
from lamslide_md.surrogate import Surrogate

RUN_FILE = "jobs.json"
"""In the folder of the jobs: how many there are, and which run they are of. A job of another run ends itself."""

LOOK_S, PATIENCE_S = 1.0, 60.0
"""A job whose run was given up notices after the one; another that writes its file waits the other, at most."""


@dataclass(frozen=True)
class ClusterRollout:
    """What is rolled out: the parameters of `Sampler.rollout` and `Rollout.save`, of a model in a file.

    Attributes
    ----------
    model
        File that all workers see.
    path
        Trajectory to be written.
    start
        Frames to start from.
    n_frames
        New frames of each chain.
    n_chains
        Independent chains.
    sampling
        How windows are drawn.
    n_jobs
        Parts that the chains are divided into; one for each thread of the workers when left out.
    accelerator
        Of Lightning Fabric, on the workers.
    resume
        Go on where the same rollout was interrupted.
    overwrite
        Replace the file also where it is no such rollout.
    inputs
        Files that are not replaced.
    """

    model: Path
    path: Path
    start: Start | str = "reference"
    n_frames: int = 10_000
    n_chains: int = 1
    sampling: Sampling = field(default_factory=Sampling)
    n_jobs: int | None = None
    accelerator: str = "auto"
    resume: bool = False
    overwrite: bool = False
    inputs: tuple[Path, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the jobs write."""
        return self.path.with_name(f"{self.path.stem}.jobs").absolute()


@dataclass(frozen=True)
class RolloutJob:
    """Some of the chains.

    Attributes
    ----------
    whole
        What they are of.
    share
        Which they are.
    run_id
        Of the run that the job belongs to.
    """

    whole: ClusterRollout
    share: Share
    run_id: str

    @property
    def path(self) -> Path:
        """File of these chains."""
        ending = suffix(self.whole.path) if suffix(self.whole.path) in GROWING else EXACT
        return self.whole.folder / f"part{self.share.rank + 1}{ending}"

    @property
    def n_chains(self) -> int:
        """How many chains these are."""
        rows = self.share.rows(self.share.rank)
        return rows.stop - rows.start

    def run(self) -> None:
        """Roll out what is not on disk yet; a job whose run was given up ends itself within seconds."""
        whole, looked_s = self.whole, time.monotonic()

        def look(done: int, total: int) -> None:
            nonlocal looked_s
            if time.monotonic() - looked_s > LOOK_S:
                looked_s = time.monotonic()
                if read_json(whole.folder / RUN_FILE).get("run") != self.run_id:
                    raise InputError(f"{self.path}: the rollout that this is a part of was given up")

        model = _loaded(whole.model, whole.model.stat().st_mtime_ns, whole.accelerator)
        rollout = model.rollout_part(
            self.share, whole.start, whole.n_frames, n_chains=whole.n_chains, **vars(whole.sampling)
        )
        with only_writer_of_rollout(self.path, lends=True, patience_s=PATIENCE_S):
            rollout.save(self.path, look, resume=True)

    def n_done(self) -> int:
        """Frames of each chain that are on disk."""
        try:
            return RestartFile.load(self.path.with_name(f"{self.path.stem}.restart.npz")).n_frames
        except InputError:
            finished = read_json(self.path.with_suffix(".json")).get("n_frames")
            return self.whole.n_frames if finished else 0


def roll_out_on_cluster(
    rollouts: Sequence[ClusterRollout],
    scheduler: str,
    on_frames: OnFrames | None = None,
    on_begun: Callable[[], None] | None = None,
) -> list[Path]:
    """Roll out on the workers of a scheduler, each rollout into one file as `Rollout.save` writes it.

    Frames do not depend on how many workers there are nor on whether one dies, only on the number of jobs: those of
    another number, or of one machine alone, are the same to rounding.

    Parameters
    ----------
    rollouts
        Of one system each, with files on a file system that the workers share.
    scheduler
        Address, such as `tcp://10.0.0.1:8786`.
    on_frames
        Callback receiving the frames of all chains that are done, and those asked for, every second.
    on_begun
        Called once nothing speaks against the rollouts and their first files are there.

    Returns
    -------
    list of Path
        The trajectories.

    Raises
    ------
    InputError
        If dask is not installed, the scheduler does not answer, a file may not be written, or a job fails.
    """
    with ExitStack() as held:
        for rollout in rollouts:
            held.enter_context(only_writer_of_rollout(rollout.path))
        with connected(scheduler) as client:
            n_threads = sum(client.nthreads().values())
            begun = [found for rollout in rollouts if (found := _begin(rollout, max(1, n_threads)))]
            if on_begun:
                on_begun()
            jobs = [job for _, own in begun for job in own]
            total = sum(job.n_chains * job.whole.n_frames for job in jobs)

            def look(left: int) -> None:
                if on_frames:
                    on_frames(sum(job.n_chains * job.n_done() for job in jobs), total)

            tasks = [Task(_run_on_worker, job, job.path, f"{job.path}-{job.run_id}") for job in jobs]
            try:
                run_tasks(client, tasks, look)
            except BaseException:
                for files, own in begun:
                    _write_run(own[0].whole.folder, len(own), "", files.spent_s())
                raise
        for files, own in begun:
            files.finish([job.path for job in own])
            shutil.rmtree(own[0].whole.folder, ignore_errors=True)
    return [rollout.path for rollout in rollouts]


def _begin(rollout: ClusterRollout, n_threads: int) -> tuple[RolloutFiles, list[RolloutJob]] | None:
    """Check the rollout, lay down topology and manifest, and divide the chains; None where it is finished."""
    rollout = replace(rollout, model=rollout.model.absolute())
    model = _loaded(rollout.model, rollout.model.stat().st_mtime_ns, rollout.accelerator)
    whole = model.rollout(rollout.start, rollout.n_frames, n_chains=rollout.n_chains, **vars(rollout.sampling))
    files = whole.files(rollout.path, overwrite=rollout.overwrite, inputs=rollout.inputs)
    if not files.begin(rollout.resume):
        return None
    folder = rollout.folder
    check_folder(folder)
    earlier = read_json(folder / RUN_FILE)
    if folder.exists() and "run" not in earlier:
        raise InputError(
            f"{folder} is not of a rollout's jobs; choose another file for the rollout, or move the folder"
        )
    n_jobs = min(rollout.n_jobs or n_threads, rollout.n_chains)
    if earlier:
        mend = f"remove {folder} and roll out anew, without {option('resume=True')}"
        begun = checked(RunFile, earlier, f"{folder / RUN_FILE} is damaged", mend)
    if earlier and rollout.resume:
        # Otherwise frames would not go on as they began.
        if begun.jobs > rollout.n_chains:
            raise InputError(f"{folder / RUN_FILE} is damaged: {begun.jobs} jobs of {rollout.n_chains} chains; {mend}")
        n_jobs, files.spent_before_s = begun.jobs, begun.wall_time_s
    elif folder.exists():
        # Jobs of it that still run give up, and their locks would go with the folder.
        _write_run(folder, begun.jobs, "", 0.0)
        held = (folder / f"part{rank + 1}.restart.npz" for rank in range(begun.jobs))
        with only_writer(*held, patience_s=PATIENCE_S):
            shutil.rmtree(folder)
    run_id = uuid.uuid4().hex
    _write_run(folder, n_jobs, run_id, files.spent_before_s)
    shares = [Share(rank, n_jobs, rollout.n_chains) for rank in range(n_jobs)]
    return files, [RolloutJob(rollout, share, run_id) for share in shares]


def _write_run(folder: Path, n_jobs: int, run_id: str, spent_s: float) -> None:
    try:
        write_whole(folder / RUN_FILE, json.dumps({"jobs": n_jobs, "run": run_id, "wall_time_s": spent_s}))
    except OSError as error:
        raise InputError(f"cannot write {folder / RUN_FILE}: {error}; {option('resume=True')} goes on later") from error


def _run_on_worker(job: RolloutJob) -> str | None:
    """Run on a worker; return the message of a failure that trying again would not mend."""
    # One thread for each job, so that frames do not depend on the worker.
    torch.set_num_threads(1)
    try:
        job.run()
    except (InputError, OSError) as error:
        return f"{import_module('distributed').get_worker().address}: {error}"
    return None


@functools.lru_cache(maxsize=8)
def _loaded(path: Path, changed: int, accelerator: str) -> Surrogate:
    """Load a model once a process, unless its file has changed."""
    return Surrogate.load(path, accelerator=accelerator)
