"""Checkpoints of a running training: safetensors and JSON, written atomically, exact to the bit on the CPU."""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from lamslide_md.errors import InputError
from lamslide_md.io.locks import ENDING, only_writer, only_writer_in
from lamslide_md.io.outputs import check_folder
from lamslide_md.io.whole_files import replacing
from lamslide_md.processes import is_first

FORMAT_VERSION = 2
"""1: before the number type of a training was among the facts."""

SHARED_PREFIX = "lamslide-shared-"
"""Of folders beside checkpoints in which processes share data while they train."""


@dataclass(frozen=True)
class Checkpoint:
    """What a training continues from, on any number of devices.

    Attributes
    ----------
    facts
        JSON-able: step, fingerprint and the like.
    tensors
        Weights, moments and the place in the random sequence.
    scalars
        Of the optimisers.
    """

    facts: dict[str, Any]
    tensors: dict[str, Tensor]
    scalars: dict[str, Any]

    def restore(
        self, modules: dict[str, nn.Module], optimisers: list[torch.optim.Optimizer], generator: torch.Generator
    ) -> None:
        """Overwrite networks by name, optimisers and generator: the same as were saved."""
        for name, module in modules.items():
            prefix = f"{name}/"
            own = {key.removeprefix(prefix): t for key, t in self.tensors.items() if key.startswith(prefix)}
            module.load_state_dict(own)
        moments: list[dict[int, dict[str, Any]]] = [{} for _ in optimisers]
        scalars = {f"optimiser/{key}": value for key, value in self.scalars.items()}
        for key, value in {**self.tensors, **scalars}.items():
            if key.startswith("optimiser/"):
                _, which, index, name = key.split("/")
                moments[int(which)].setdefault(int(index), {})[name] = value
        for optimiser, state in zip(optimisers, moments, strict=True):
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        generator.set_state(self.tensors["generator"])


def save_checkpoint(
    path: Path,
    modules: dict[str, nn.Module],
    optimisers: list[torch.optim.Optimizer],
    generator: torch.Generator,
    facts: dict[str, Any],
) -> None:
    """Write everything that a training continues from.

    Parameters
    ----------
    path
        Target; replaced only once the new file is complete.
    modules
        Networks by name.
    optimisers
        With their moments.
    generator
        With its place in the random sequence.
    facts
        JSON-able: step, fingerprint and the like.
    """
    tensors = {f"{name}/{key}": t for name, module in modules.items() for key, t in module.state_dict().items()}
    scalars: dict[str, Any] = {}
    for which, optimiser in enumerate(optimisers):
        for index, moments in optimiser.state_dict()["state"].items():
            for key, value in moments.items():
                if isinstance(value, Tensor):
                    tensors[f"optimiser/{which}/{index}/{key}"] = value
                else:
                    scalars[f"{which}/{index}/{key}"] = value
    tensors["generator"] = generator.get_state()
    facts = {**facts, "format_version": FORMAT_VERSION}
    header = {"facts": json.dumps(facts), "optimisers": json.dumps(scalars)}
    whole = {key: t.detach().cpu().contiguous().clone() for key, t in tensors.items()}
    with replacing(path) as partial:
        save_file(whole, partial, metadata=header)


@contextmanager
def frames_folder(folder: Path) -> Iterator[Path]:
    """Make a folder beside checkpoints for the frames of a training; it is removed at the end.

    Parameters
    ----------
    folder
        Of the checkpoints; made if it is missing.

    Yields
    ------
    Path
        Empty.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        inside = tempfile.TemporaryDirectory(prefix=SHARED_PREFIX, dir=folder)
    except OSError as error:
        raise InputError(f"cannot keep frames in {folder}: {error}") from error
    with inside as name:
        yield Path(name)


@contextmanager
def only_trainer(model: Path, folder: Path) -> Iterator[None]:
    """Keep other trainings away from a model and from checkpoints; of processes that train together the first does.

    Parameters
    ----------
    model
        To be written.
    folder
        Of the checkpoints.

    Raises
    ------
    InputError
        If another training writes either, or the folder cannot be made.
    """
    check_folder(folder)
    if is_first():
        with only_writer(model, lends=True), only_writer_in(folder, "checkpoint_dir"):
            yield
    else:
        yield


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of trainings, and their folder if nothing else is in it.

    Parameters
    ----------
    folder
        May be missing.
    """
    for path in folder.glob("*.safetensors"):
        if re.fullmatch(r"(autoencoder|flow)-[0-9a-f]{12}", path.stem):
            path.unlink(missing_ok=True)
    for left in folder.glob(f"{SHARED_PREFIX}*"):
        shutil.rmtree(left, ignore_errors=True)
    with suppress(OSError):
        # The lock of who removes them goes with the folder, if nothing else is in it.
        if {path.name for path in folder.iterdir()} <= {ENDING}:
            (folder / ENDING).unlink(missing_ok=True)
            folder.rmdir()


def read_checkpoint(path: Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Parameters
    ----------
    path
        A checkpoint.

    Returns
    -------
    Checkpoint
        All of it.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    facts = read_facts(path)
    with safe_open(path, framework="pt") as file:
        scalars = json.loads(file.metadata()["optimisers"])
        return Checkpoint(facts, {key: file.get_tensor(key) for key in file.keys()}, scalars)  # noqa: SIM118


def read_facts(path: Path) -> dict[str, Any]:
    """Read the facts that `save_checkpoint` stored, without the weights.

    Parameters
    ----------
    path
        A checkpoint.

    Returns
    -------
    dict
        The facts.

    Raises
    ------
    InputError
        If the file is damaged or newer than this program.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
        version = facts.get("format_version", 1)
    except (SafetensorError, OSError, TypeError, KeyError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is a damaged checkpoint ({error}); delete it to train this stage afresh") from error
    if version not in range(1, FORMAT_VERSION + 1):
        raise InputError(
            f"{path} is a checkpoint of format {version!r}, this program reads 1 to {FORMAT_VERSION}; update "
            "lamslide_md, or delete it to train this stage afresh"
        )
    return facts
