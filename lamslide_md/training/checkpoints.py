"""Checkpoints of a running training: safetensors with checksums, written whole, exact to the bit on the CPU."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from lamslide_md.config import NumberType
from lamslide_md.errors import InputError, in_one_line
from lamslide_md.io.checksums import check_sums
from lamslide_md.io.manifest_models import Seconds
from lamslide_md.io.tensor_files import write_tensors
from lamslide_md.training.divergence import MOST_RETURNS
from lamslide_md.training.optimiser_states import check_state, states_in, unchanged_parameters

FORMAT_VERSION = 2
"""1: before the number type of a training was among the facts."""

ENTRIES = ("facts", "optimisers")
"""Of the metadata, but for the checksums."""

MEND = "delete it to train this stage afresh"


class _Facts(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False, strict=True)

    step: NonNegativeInt
    fingerprint: str = ""
    trained_s: Seconds = 0.0
    n_returns: Annotated[int, Field(ge=0, le=MOST_RETURNS)] = 0
    fast_type: NumberType = "float32"


@dataclass(frozen=True)
class Checkpoint:
    """What a training continues from, on any number of devices.

    Attributes
    ----------
    path
        Of its file, for messages.
    facts
        JSON-able: step, fingerprint and the like.
    tensors
        Weights, moments and the place in the random sequence.
    scalars
        Of the optimisers.
    """

    path: Path
    facts: dict[str, Any]
    tensors: dict[str, Tensor]
    scalars: dict[str, Any]

    def restore(
        self, modules: dict[str, nn.Module], optimisers: list[torch.optim.Optimizer], generator: torch.Generator
    ) -> None:
        """Overwrite networks, optimisers and generator, which are then the same as were saved.

        Parameters
        ----------
        modules
            Networks by name.
        optimisers
            Of their parameters.
        generator
            Source of randomness.

        Raises
        ------
        InputError
            If it is a checkpoint of something else.
        """
        try:
            self._restore(modules, optimisers, generator)
        except (LookupError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            raise InputError(f"{self.path} is no checkpoint of this training ({in_one_line(error)}); {MEND}") from error

    def _restore(
        self, modules: dict[str, nn.Module], optimisers: list[torch.optim.Optimizer], generator: torch.Generator
    ) -> None:
        for name, module in modules.items():
            prefix = f"{name}/"
            own = {key.removeprefix(prefix): t for key, t in self.tensors.items() if key.startswith(prefix)}
            _check_types(module, own, name)
            module.load_state_dict(own)
        unchanged = unchanged_parameters(modules)
        states = states_in(self.tensors, self.scalars, optimisers)
        for optimiser, state in zip(optimisers, states, strict=True):
            check_state(optimiser, state, self.facts["step"], unchanged)
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        generator.set_state(self.tensors["generator"])


def _check_types(module: nn.Module, own: dict[str, Tensor], name: str) -> None:
    """Refuse weights of another number type, which a network converts in silence."""
    for key, mine in module.state_dict().items():
        if key in own and own[key].dtype != mine.dtype:
            raise ValueError(f"{name}/{key} is of type {own[key].dtype}, not {mine.dtype}")


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

    Raises
    ------
    InputError
        If the disk is full or read-only; the old file is as it was.
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
    write_tensors(path, whole, header, "free space and start again: the training goes on from its last checkpoint")


def read_checkpoint(path: Path, n_steps: int | None = None) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Parameters
    ----------
    path
        A checkpoint.
    n_steps
        Of the whole training; None: any number.

    Returns
    -------
    Checkpoint
        All of it.

    Raises
    ------
    InputError
        If the file is damaged, holds numbers that are not finite, or is newer than this program.
    """
    facts = read_facts(path)
    if n_steps is not None and facts["step"] > n_steps:
        raise InputError(f"{path} is of step {facts['step']:,}, this training has {n_steps:,} steps; {MEND}")
    try:
        check_sums(path, lambda _: True, ENTRIES)
        with safe_open(path, framework="pt") as file:
            scalars = dict(json.loads(file.metadata()["optimisers"]))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    for key, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise InputError(
                f"{path} holds numbers that are not finite ({key}, after {facts['step']:,} steps): the training had "
                f"left its course; {MEND}, with a lower learning rate if it does so again"
            )
    return Checkpoint(path, facts, tensors, scalars)


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
            check_sums(path, lambda _: False, ENTRIES)
            facts = json.loads(file.metadata()["facts"])
        version = facts.get("format_version", 1)
        is_known = version in range(1, FORMAT_VERSION + 1)
        if is_known:
            _Facts.model_validate(facts)
    except (SafetensorError, OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _damaged(path, error) from error
    if not is_known:
        raise InputError(
            f"{path} is a checkpoint of format {version!r}, this program reads 1 to {FORMAT_VERSION}; update "
            f"lamslide_md, or {MEND}"
        )
    return facts


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is a damaged checkpoint ({in_one_line(error)}); {MEND}")
