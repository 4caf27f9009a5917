"""The time between two frames of each side: from its trajectories, and in agreement with what the caller says."""

from collections.abc import Sequence

import mdtraj as md
import numpy as np

from lamslide_md.errors import InputError, option
from lamslide_md.io.times import believable_interval
from lamslide_md.units import RELATIVE_TOLERANCE


def side_interval_ps(trajectories: Sequence[md.Trajectory], name: str, given_ps: float | None = None) -> float:
    """Find the time between two frames of a side.

    Parameters
    ----------
    trajectories
        Of the side.
    name
        What to call the side: "rollout", "reference", "replicate".
    given_ps
        The interval that the caller gives, ps, needed where the trajectories hold no times.

    Returns
    -------
    float
        Interval in ps: the caller's where given, which is not rounded to single precision.

    Raises
    ------
    InputError
        If nothing tells the interval, its trajectories differ, or the caller contradicts them.
    """
    parameter = option(f"{name}_interval_ps")
    if given_ps is not None and not (np.isfinite(given_ps) and given_ps > 0):
        raise InputError(f"{parameter} must be positive, got {given_ps:g}")
    told: dict[int, float] = {}
    reasons = {}
    for index, trajectory in enumerate(trajectories):
        interval_ps, why = believable_interval(trajectory.time)
        if interval_ps is not None:
            told[index] = interval_ps
        elif trajectory.n_frames > 1 or len(trajectories) == 1:
            reasons[index] = why
    _check_alike(told, name)
    if given_ps is None:
        if reasons or not told:
            index, why = next(iter(reasons.items()), (0, "it has a single frame"))
            side = _called(name, index, trajectories)
            raise InputError(f"{side} does not say how far apart its frames are: {why}; pass {parameter}")
        return next(iter(told.values()))
    for index, interval_ps in told.items():
        if not _agree(interval_ps, given_ps):
            raise InputError(
                f"by {parameter} the frames of the {name} are {given_ps:g} ps apart, by the times of "
                f"{_called(name, index, trajectories)} {interval_ps:g} ps; leave {parameter} out if the times are "
                "right, read the file anew with frame_interval_ps if they are not"
            )
    return given_ps


def _check_alike(told: dict[int, float], name: str) -> None:
    for index, interval_ps in told.items():
        first, first_ps = next(iter(told.items()))
        if not _agree(interval_ps, first_ps):
            raise InputError(
                f"the frames of {name} trajectory {index} are {interval_ps:g} ps apart, those of trajectory {first} "
                f"{first_ps:g} ps; the trajectories of one side must have one interval: stride the finer ones"
            )


def _agree(one_ps: float, other_ps: float) -> bool:
    return abs(one_ps - other_ps) <= RELATIVE_TOLERANCE * other_ps


def _called(name: str, index: int, trajectories: Sequence[md.Trajectory]) -> str:
    return f"the {name}" if len(trajectories) == 1 else f"{name} trajectory {index}"
