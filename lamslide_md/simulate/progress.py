"""How far a simulation is, for a progress bar."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

SECONDS_PER_DAY = 86_400.0
PS_PER_NS = 1000.0


@dataclass(frozen=True)
class Progress:
    """State of a run of one or many replicates.

    Attributes
    ----------
    phase
        What is being done, for the eye.
    done_ps
        Simulated so far, equilibration included, ps.
    total_ps
        To be simulated in all, ps.
    ns_per_day
        Present speed, summed over replicates, ns/day; 0 while unknown.
    platform
        Where it runs, for the eye.
    """

    phase: str
    done_ps: float
    total_ps: float
    ns_per_day: float = 0.0
    platform: str = ""

    @property
    def fraction(self) -> float:
        """Part that is done, 0 to 1."""
        return min(1.0, self.done_ps / self.total_ps) if self.total_ps else 1.0

    @property
    def remaining_s(self) -> float | None:
        """Time to the end at the present speed, s; None while unknown."""
        if self.ns_per_day <= 0:
            return None
        return (self.total_ps - self.done_ps) / PS_PER_NS / self.ns_per_day * SECONDS_PER_DAY


ProgressCallback: TypeAlias = Callable[[Progress], None]


def speed_ns_per_day(simulated_ps: float, wall_time_s: float) -> float:
    """Convert a simulated time and the time it took, to ns/day; 0 where nothing was measured."""
    return simulated_ps / PS_PER_NS / wall_time_s * SECONDS_PER_DAY if wall_time_s > 0 else 0.0
