"""Whether this process is one of several that train together, by what torchrun puts into the environment."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Processes that train together, one for each device.

    Attributes
    ----------
    rank
        Of this process, from 0.
    n_ranks
        Processes in all.
    n_local
        Processes on each machine.
    """

    rank: int
    n_ranks: int
    n_local: int


def started_group() -> Group | None:
    """Tell with which others torchrun has started this process; None: with none."""
    if "TORCHELASTIC_RUN_ID" not in os.environ or "RANK" not in os.environ:
        return None
    n_ranks = int(os.environ["WORLD_SIZE"])
    return Group(int(os.environ["RANK"]), n_ranks, int(os.environ.get("LOCAL_WORLD_SIZE", n_ranks)))


def is_first() -> bool:
    """Tell whether this is the process that writes files and speaks to the user."""
    group = started_group()
    return group is None or group.rank == 0
