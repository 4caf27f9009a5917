"""`Progress`: where a training stands."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a long phase stands.

    Attributes
    ----------
    phase
        What is running.
    done, total
        Units of work.
    message
        A figure worth showing, with its unit.
    """

    phase: str
    done: int
    total: int
    message: str = ""


OnProgress = Callable[[Progress], None]
