"""The process of one device for `lamslide_md.training.ranks`: what it says stands as JSON lines on stdout."""

import os
import signal
import sys
import warnings
from dataclasses import asdict
from typing import cast

import torch

from lamslide_md.errors import InputError, InputNote
from lamslide_md.io.parents import end_with_parent, tell_parent
from lamslide_md.training.devices import ends_with_others, make_fabric
from lamslide_md.training.handing_over import taken_over
from lamslide_md.training.progress import Progress
from lamslide_md.training.ranks import RankJob
from lamslide_md.training.stages import train_both
from lamslide_md.training.trainer import Trainer


def main() -> None:
    """Train together with the other processes, and end when the parent does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who ends this process
    end_with_parent()
    shared, trained = map(int, sys.argv[1:])
    try:
        with ends_with_others():
            _train(cast(RankJob, taken_over(shared)), trained)
    except (InputError, OSError) as error:
        tell_parent({"error": str(error)})
        sys.exit(2)


def _train(job: RankJob, trained: int) -> None:
    fabric = make_fabric(job.accelerator, job.devices, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("always" if fabric.is_global_zero else "ignore", InputNote)
        warnings.showwarning = _note  # type: ignore[assignment]
        trainer = Trainer(fabric, job.seed, job.checkpoint_dir, _tell)
        autoencoder, flow, facts = train_both(trainer, job.data, job.settings)
    if fabric.is_global_zero:
        with os.fdopen(trained, "wb") as file:
            torch.save({"autoencoder": autoencoder.state_dict(), "flow": flow.state_dict(), "facts": facts}, file)
    fabric.barrier()


def _note(message: Warning | str, category: type[Warning], *where: object) -> None:
    if issubclass(category, InputNote):
        tell_parent({"note": str(message)})


def _tell(progress: Progress) -> None:
    tell_parent(asdict(progress))
