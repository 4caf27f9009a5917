"""All that changes in a training: kept on disk, or in memory."""

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lamslide_md.training.checkpoints import save_checkpoint


@dataclass(frozen=True)
class TrainingState:
    """All that changes in a training.

    Attributes
    ----------
    modules
        Networks by name.
    optimisers
        With their moments.
    generator
        With its place in the random sequence.
    facts
        JSON-able, that do not change: for checkpoints.
    """

    modules: dict[str, nn.Module]
    optimisers: list[torch.optim.Optimizer]
    generator: torch.Generator
    facts: dict[str, Any]

    def save(self, path: Path, step: int, n_returns: int, trained_s: float) -> None:
        """Write a checkpoint.

        Parameters
        ----------
        path
            Target.
        step
            Steps that are done.
        n_returns
            Times that the training has gone back to where it was sound, which have lowered the learning rate.
        trained_s
            Time that they took, s.
        """
        facts = self.facts | {"step": step, "n_returns": n_returns, "trained_s": trained_s}
        save_checkpoint(path, self.modules, self.optimisers, self.generator, facts)


class Kept:
    """State of a training in memory.

    Parameters
    ----------
    step
        Steps that are done.
    state
        Is copied.
    """

    def __init__(self, step: int, state: TrainingState) -> None:
        self.step = step
        self._weights = copy.deepcopy({name: module.state_dict() for name, module in state.modules.items()})
        self._moments: list[dict[Any, Any]] = copy.deepcopy([o.state_dict()["state"] for o in state.optimisers])
        self._place = state.generator.get_state()

    def restore(self, state: TrainingState) -> None:
        """Overwrite networks, optimisers and generator; what is kept stays as it is, to be asked again."""
        for name, module in state.modules.items():
            module.load_state_dict(self._weights[name])
        for optimiser, moments in zip(state.optimisers, copy.deepcopy(self._moments), strict=True):
            optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
        state.generator.set_state(self._place)
