"""Training on several devices of this machine: a process for each, started, heard and ended together."""

import os
import queue
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch

from lamslide_md.config import Settings
from lamslide_md.errors import InputError, note
from lamslide_md.io.parents import message_in, running
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.training.building import build_autoencoder, build_flow
from lamslide_md.training.devices import OTHER_ENDED, single_device
from lamslide_md.training.handing_over import hand_over
from lamslide_md.training.progress import OnProgress, Progress
from lamslide_md.training.training_data import TrainingData

PATIENCE_S = 5.0
"""Once a process has failed, the others have this long to say why."""


@dataclass(frozen=True)
class RankJob:
    """All that the process of one device needs.

    Attributes
    ----------
    data, settings
        What is trained on, and how.
    seed
        Of weights, batches and noise.
    checkpoint_dir
        Where the first process keeps checkpoints.
    accelerator
        Of Lightning Fabric.
    devices
        Processes.
    """

    data: TrainingData
    settings: Settings
    seed: int
    checkpoint_dir: Path | None
    accelerator: str
    devices: int


def train_on_devices(
    job: RankJob, on_progress: OnProgress | None = None
) -> tuple[Autoencoder, LatentFlow, dict[str, Any]]:
    """Train both stages, a process for each device; see `train_both`.

    Parameters
    ----------
    job
        What the processes are given.
    on_progress
        Called about once a second, in this process.

    Returns
    -------
    autoencoder, flow
        On the first device.
    facts
        As of `train_both`.

    Raises
    ------
    InputError
        If a process fails; all others are ended then.
    """
    if job.checkpoint_dir is not None:
        job.checkpoint_dir.mkdir(parents=True, exist_ok=True)
    # Without names, so that nothing is left if this process is killed.
    with (
        tempfile.TemporaryFile(dir=job.checkpoint_dir) as shared,
        tempfile.TemporaryFile(dir=job.checkpoint_dir) as trained,
    ):
        hand_over(job, shared)
        with _Ranks((shared.fileno(), trained.fileno()), job.devices) as ranks:
            ranks.listen(on_progress)
        trained.seek(0)
        result = torch.load(trained, weights_only=True)
    systems = [dataset.entities for dataset in job.data.datasets]
    autoencoder = build_autoencoder(systems, job.settings.autoencoder, job.settings.placement)
    flow = build_flow(autoencoder, job.settings)
    device = single_device(job.accelerator).device
    for name, module in (("autoencoder", autoencoder), ("flow", flow)):
        module.load_state_dict(result[name])
        module.to(device).eval().requires_grad_(False)
    return autoencoder, flow, result["facts"]


class _Ranks:
    """The processes; a context manager that ends them all."""

    def __init__(self, descriptors: tuple[int, int], n: int) -> None:
        self._messages: queue.Queue[tuple[int, dict[str, Any] | None]] = queue.Queue()
        self._complaints: list[IO[bytes]] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        n_threads = max(1, len(os.sched_getaffinity(0)) // n)
        shared = {
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(_free_port()),
            "TORCHELASTIC_RUN_ID": "lamslide",
            "TORCHELASTIC_USE_AGENT_STORE": "False",
            "WORLD_SIZE": str(n),
            "LOCAL_WORLD_SIZE": str(n),
            "GROUP_RANK": "0",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(n_threads)),
        }
        for rank in range(n):
            self._complaints.append(tempfile.TemporaryFile())  # noqa: SIM115 - closed at the end
            self._processes.append(
                subprocess.Popen(
                    [*running("lamslide_md.training.rank_worker"), *map(str, descriptors)],
                    pass_fds=descriptors,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._complaints[rank],
                    env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                )
            )
            threading.Thread(target=self._hear, args=(rank,), daemon=True).start()

    def __enter__(self) -> "_Ranks":
        return self

    def __exit__(self, *about: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()
        for complaints in self._complaints:
            complaints.close()

    def listen(self, on_progress: OnProgress | None) -> None:
        """Hand on what the processes say until all have ended; raise what ended one of them."""
        errors: dict[int, str] = {}
        running, failed_s = set(range(len(self._processes))), 0.0
        while running and not (failed_s and time.monotonic() - failed_s > PATIENCE_S):
            try:
                rank, message = self._messages.get(timeout=PATIENCE_S)
            except queue.Empty:
                continue
            if message is None:
                running.discard(rank)
                if self._processes[rank].wait():
                    failed_s = failed_s or time.monotonic()
            elif "error" in message:
                errors[rank] = message["error"]
            elif "note" in message:
                note(message["note"])
            elif on_progress:
                on_progress(Progress(**message))
        if failed_s:
            self._complain(errors)

    def _hear(self, rank: int) -> None:
        output = self._processes[rank].stdout
        if output is not None:
            try:
                for line in output:
                    if message := message_in(line):
                        self._messages.put((rank, message))
            except ValueError:
                pass  # closed while it was read
        self._messages.put((rank, None))

    def _complain(self, errors: dict[int, str]) -> None:
        """Raise what says most: a user's mistake, a kill from outside, or a defect."""
        own = [text for _, text in sorted(errors.items()) if text != OTHER_ENDED]
        if own:
            raise InputError(own[0])
        codes = {rank: process.poll() for rank, process in enumerate(self._processes)}
        for rank, code in codes.items():
            if code is not None and code < 0:
                raise InputError(
                    f"the process of device {rank} was ended by signal {-code} (out of memory?); the same command goes "
                    "on from the last checkpoint"
                )
        if errors:
            raise InputError(OTHER_ENDED)
        rank = next(rank for rank, code in codes.items() if code)
        self._complaints[rank].seek(0)
        text = self._complaints[rank].read().decode(errors="replace").strip()
        raise RuntimeError(f"the process of device {rank} failed:\n{text}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
