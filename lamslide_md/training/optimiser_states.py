"""The states of optimisers in a checkpoint, compared with the optimisers that go on from them."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

MOMENTS = {"Muon": {"momentum_buffer"}, "AdamW": {"step", "exp_avg", "exp_avg_sq"}}
"""What each optimiser has of a parameter that it has changed."""

States = dict[int, dict[str, Any]]


def states_in(
    tensors: dict[str, Tensor], scalars: dict[str, Any], optimisers: list[torch.optim.Optimizer]
) -> list[States]:
    """Sort what a checkpoint holds of optimisers.

    Parameters
    ----------
    tensors
        Of the checkpoint; names are ``optimiser/WHICH/PARAMETER/NAME``.
    scalars
        Named alike, but for the first word.
    optimisers
        Of the training.

    Returns
    -------
    list of dict
        The state of each optimiser, by the index of the parameter.

    Raises
    ------
    ValueError
        If one belongs to none of their parameters, or is there twice.
    """
    states: list[States] = [{} for _ in optimisers]
    named = [(key, value) for key, value in tensors.items() if key.startswith("optimiser/")]
    for key, value in [*named, *((f"optimiser/{key}", value) for key, value in scalars.items())]:
        words = key.split("/")
        if len(words) != 4 or not all(word.isdecimal() and word == str(int(word)) for word in words[1:3]):
            raise ValueError(f"{key} is of no parameter")
        which, index, name = int(words[1]), int(words[2]), words[3]
        if which >= len(optimisers) or index >= len(_parameters(optimisers[which])):
            raise ValueError(f"{key} is of no parameter of the {len(optimisers)} optimisers")
        state = states[which].setdefault(index, {})
        if name in state:
            raise ValueError(f"{key} is there twice")
        state[name] = value
    return states


def check_state(optimiser: torch.optim.Optimizer, states: States, n_steps: int, unchanged: Iterable[Tensor]) -> None:
    """Compare what is to be an optimiser's state with its parameters, which it does not do itself.

    Parameters
    ----------
    optimiser
        Has the parameters, with the weights of the checkpoint.
    states
        By the index of the parameter.
    n_steps
        Steps that are done.
    unchanged
        Parameters that no step has changed: the loss may not depend on them, and there is no state then.

    Raises
    ------
    ValueError
        If a state is missing, of another shape or type, or cannot come of so many steps.
    """
    names, untouched = MOMENTS[type(optimiser).__name__], {id(parameter) for parameter in unchanged}
    for index, parameter in enumerate(_parameters(optimiser)):
        state = states.get(index, {})
        if not state and (n_steps == 0 or id(parameter) in untouched):
            continue
        if missing := names - state.keys():
            raise ValueError(f"it lacks {min(missing)} of parameter {index}")
        if foreign := state.keys() - names:
            raise ValueError(f"parameter {index} has no {min(foreign)}")
        for name, value in state.items():
            what = f"{name} of parameter {index}"
            if name == "step":
                _check_step(what, value, n_steps)
            else:
                _check_moment(what, value, parameter)


def unchanged_parameters(modules: dict[str, nn.Module]) -> list[Tensor]:
    """Parameters of the network that are the same as in its average, to the bit."""
    if not {"network", "average"} <= modules.keys():
        return []
    pairs = zip(modules["network"].parameters(), modules["average"].parameters(), strict=True)
    return [parameter for parameter, mean in pairs if torch.equal(parameter, mean)]


def _check_step(what: str, value: object, n_steps: int) -> None:
    if isinstance(value, Tensor):
        if value.shape or not value.dtype.is_floating_point:
            raise ValueError(f"{what} is no number")
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{what} is no number")
    if not (1 <= value <= n_steps and value == int(value)):
        raise ValueError(f"{what} is {value:g}, of {n_steps:,} steps that are done")


def _check_moment(what: str, value: object, parameter: Tensor) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(f"{what} is no tensor")
    if value.shape != parameter.shape:
        raise ValueError(f"{what} is of shape {list(value.shape)}, not {list(parameter.shape)}")
    if value.dtype != parameter.dtype:
        raise ValueError(f"{what} is of type {value.dtype}, not {parameter.dtype}")
    if what.startswith("exp_avg_sq ") and bool((value < 0).any()):
        raise ValueError(f"{what} is negative, which no mean of squares is")


def _parameters(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
