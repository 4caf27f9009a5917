"""Jobs in processes of this machine."""

import os
import pickle
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lamslide_md.errors import InputError
from lamslide_md.io.parents import ending, message_in, running
from lamslide_md.simulate.jobs import Job, summed
from lamslide_md.simulate.progress import Progress, ProgressCallback

ATTEMPTS = 3
"""A worker killed from outside (out of memory, by hand) is started again; it continues from its checkpoint."""


class LocalWorkers:
    """Runs jobs in processes of their own, so that replicates use all cores and a crash of one harms no other.

    Parameters
    ----------
    n_processes
        Jobs at a time.
    progress
        Called with the sum over all jobs about twice a second, from one thread at a time.
    """

    def __init__(self, n_processes: int, progress: ProgressCallback | None = None) -> None:
        self._n_processes = n_processes
        self._progress = progress
        self._lock = threading.Lock()
        self._latest: dict[int, Progress] = {}
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(self, jobs: Sequence[Job]) -> None:
        """Run jobs until all have finished.

        Parameters
        ----------
        jobs
            Each with a trajectory of its own.

        Raises
        ------
        InputError
            If a job fails; the others are stopped, and what they have written is kept.
        """
        total_ps = sum(job.total_ps for job in jobs)
        with ThreadPoolExecutor(self._n_processes) as pool:
            futures = [pool.submit(self._run_one, index, job, total_ps) for index, job in enumerate(jobs)]
            try:
                for future in futures:
                    future.result()
            except BaseException:
                self._stop()
                for future in futures:
                    future.cancel()
                raise

    def _run_one(self, index: int, job: Job, total_ps: float) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            with tempfile.TemporaryFile() as complaints:
                code = self._one_process(index, job, total_ps, complaints.fileno())
                if code == 0 or self._stopped:
                    return
                complaints.seek(0)
                last_line = complaints.read().decode(errors="replace").strip().rpartition("\n")[2]
            if code > 0 or attempt == ATTEMPTS:
                raise InputError(
                    f"{job.trajectory}: the worker process {ending(code)} on platform {job.platform}: "
                    f"{last_line or 'it said nothing'}"
                )

    def _one_process(self, index: int, job: Job, total_ps: float, complaints: int) -> int:
        command = running("lamslide_md.simulate.worker")
        # One thread each for numerical libraries; OpenMM is told its own number.
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints, env=environment
        ) as process:
            with self._lock:
                self._running.add(process)
            try:
                if process.stdin is None or process.stdout is None or self._stopped:
                    return 0
                try:
                    pickle.dump(job, process.stdin)
                    process.stdin.flush()
                except BrokenPipeError:
                    return process.wait()
                for line in process.stdout:
                    self._hear(index, message_in(line), total_ps)
                return process.wait()
            finally:
                process.kill()
                with self._lock:
                    self._running.discard(process)

    def _hear(self, index: int, message: dict[str, object], total_ps: float) -> None:
        if not message:
            return
        if "error" in message:
            raise InputError(str(message["error"]))
        progress = Progress(**message)  # type: ignore[arg-type]
        with self._lock:
            self._latest[index] = progress
            if self._progress is not None and not self._stopped:
                self._progress(summed(list(self._latest.values()), total_ps))

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()
