"""What the caller gives to be compared: trajectories, lists of them, or rollouts, which know more."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import mdtraj as md


@runtime_checkable
class RolloutLike(Protocol):
    """A `lamslide_md.Rollout`, which this package need not know."""

    frame_interval_ps: float
    facts: dict[str, Any]

    def chains(self) -> list[md.Trajectory]:
        """Every chain as a trajectory of its own."""
        ...


Given: TypeAlias = md.Trajectory | RolloutLike | Sequence[md.Trajectory | RolloutLike]


def trajectories_of(given: object) -> object:
    """Replace rollouts by their chains; what is neither a rollout nor a list of them is left as it is."""
    if isinstance(given, list | tuple):
        return [part for one in given for part in (one.chains() if isinstance(one, RolloutLike) else [one])]
    return given.chains() if isinstance(given, RolloutLike) else given


def temperature_of(given: object) -> float | None:
    """Temperature that a rollout was learned at, K; None for trajectories."""
    listed = given if isinstance(given, list | tuple) else [given]
    told = {one.facts.get("temperature_K") for one in listed if isinstance(one, RolloutLike)}
    return told.pop() if len(told) == 1 else None
