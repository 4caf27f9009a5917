"""What the caller gives to be compared: trajectories or rollouts, checked, and the time between their frames."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import mdtraj as md
import numpy as np

from lamslide_md.errors import InputError, option
from lamslide_md.io.gate import screened
from lamslide_md.io.stored_trajectories import StoredTrajectory
from lamslide_md.io.times import believable_interval
from lamslide_md.systems.topologies import atom_keys
from lamslide_md.units import MOST_PS, RELATIVE_TOLERANCE, check_quantity

MIN_FRAMES = 10


@runtime_checkable
class RolloutLike(Protocol):
    """A `lamslide_md.Rollout`, which this package need not know."""

    frame_interval_ps: float
    facts: dict[str, Any]

    def chains(self) -> list[md.Trajectory]:
        """Every chain as a trajectory of its own."""
        ...


AnyTrajectory: TypeAlias = md.Trajectory | StoredTrajectory
Given: TypeAlias = AnyTrajectory | RolloutLike | Sequence[AnyTrajectory | RolloutLike]


def trajectories_of(given: object) -> object:
    """Replace rollouts by their chains; what is neither a rollout nor a list of them is left as it is."""
    if isinstance(given, list | tuple):
        return [part for one in given for part in (one.chains() if isinstance(one, RolloutLike) else [one])]
    return given.chains() if isinstance(given, RolloutLike) else given


def temperature_of(given: object) -> float | None:
    """Temperature that a rollout was learned at, K; None for trajectories."""
    listed = given if isinstance(given, list | tuple) else [given]
    temperatures_K = {one.facts.get("temperature_K") for one in listed if isinstance(one, RolloutLike)}
    return temperatures_K.pop() if len(temperatures_K) == 1 else None


def read_dataset(trajectories: object, name: str) -> list[AnyTrajectory]:
    """Check one dataset as the user gave it: one trajectory or several of the same atoms, all coordinates finite.

    Parameters
    ----------
    trajectories
        What the user gave: one trajectory or a list of them.
    name
        What to call this dataset in messages.

    Returns
    -------
    list
        The trajectories that have frames.

    Raises
    ------
    InputError
        If there is no trajectory, fewer than ten frames, a coordinate that is not a number, or differing atoms; or from
        the gate that every trajectory passes.
    """
    given = list(trajectories) if isinstance(trajectories, list | tuple) else [trajectories]
    listed: list[AnyTrajectory] = []
    for trajectory in given:
        if not isinstance(trajectory, AnyTrajectory):
            raise InputError(f"{name} must be an mdtraj.Trajectory or a list of them, got {type(trajectory).__name__}")
        listed += [trajectory] if trajectory.n_frames > 0 else []
    n_frames = sum(trajectory.n_frames for trajectory in listed)
    if n_frames < MIN_FRAMES:
        raise InputError(f"{name} has {n_frames} frames; a comparison of distributions needs at least {MIN_FRAMES}")
    for index, trajectory in enumerate(listed):
        if atom_keys(trajectory.topology) != atom_keys(listed[0].topology):
            raise InputError(
                f"{name} trajectory {index} ({trajectory.topology.n_atoms} atoms) has other atoms than trajectory 0 "
                f"({listed[0].topology.n_atoms} atoms); the trajectories of one dataset must be of the same system"
            )
        if isinstance(trajectory, StoredTrajectory):
            continue  # it has passed the gate when it was read
        bad = ~np.isfinite(trajectory.xyz).all(axis=(1, 2))
        if bad.any():
            raise InputError(
                f"{name} trajectory {index} has coordinates that are not finite in {int(bad.sum())} of {len(bad)} "
                f"frames, first in frame {int(np.argmax(bad))}; cut the trajectory before it"
            )
        # Broken bonds are a finding about a dataset, not a reason to refuse it. What the first lacked, all lack.
        listed[index] = screened(trajectory, f"the {name}", topology=listed[0].topology, check_bonds=False)
    return listed


def dataset_interval_ps(trajectories: Sequence[AnyTrajectory], name: str, given_ps: float | None = None) -> float:
    """Find the time between two frames of a dataset.

    Parameters
    ----------
    trajectories
        Trajectories of the dataset.
    name
        What to call the dataset: "rollout", "reference", "replicate".
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
    if given_ps is not None:
        check_quantity(f"{name}_interval_ps", given_ps, MOST_PS, "ps")
    intervals_ps: dict[int, float] = {}
    reasons = {}
    for index, trajectory in enumerate(trajectories):
        interval_ps, why = believable_interval(trajectory.time)
        if interval_ps is not None:
            intervals_ps[index] = interval_ps
        elif trajectory.n_frames > 1 or len(trajectories) == 1:
            reasons[index] = why
    _check_alike(intervals_ps, name)
    if given_ps is None:
        if reasons or not intervals_ps:
            index, why = next(iter(reasons.items()), (0, "it has a single frame"))
            which = _called(name, index, trajectories)
            raise InputError(f"{which} does not say how far apart its frames are: {why}; pass {parameter}")
        return next(iter(intervals_ps.values()))
    for index, interval_ps in intervals_ps.items():
        if not _agree(interval_ps, given_ps):
            raise InputError(
                f"by {parameter} the frames of the {name} are {given_ps:g} ps apart, by the times of "
                f"{_called(name, index, trajectories)} {interval_ps:g} ps; leave {parameter} out if the times are "
                "right, read the file anew with frame_interval_ps if they are not"
            )
    return given_ps


def _check_alike(intervals_ps: dict[int, float], name: str) -> None:
    for index, interval_ps in intervals_ps.items():
        first, first_ps = next(iter(intervals_ps.items()))
        if not _agree(interval_ps, first_ps):
            raise InputError(
                f"the frames of {name} trajectory {index} are {interval_ps:g} ps apart, those of trajectory {first} "
                f"{first_ps:g} ps; the trajectories of one dataset must have one interval: stride the finer ones"
            )


def _agree(one_ps: float, other_ps: float) -> bool:
    return abs(one_ps - other_ps) <= RELATIVE_TOLERANCE * other_ps


def _called(name: str, index: int, trajectories: Sequence[AnyTrajectory]) -> str:
    return f"the {name}" if len(trajectories) == 1 else f"{name} trajectory {index}"
