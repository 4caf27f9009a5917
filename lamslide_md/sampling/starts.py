"""Where chains begin: the context frames of a rollout, from what the user gives."""

from collections.abc import Sequence
from typing import TypeAlias

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.errors import InputError
from lamslide_md.io.gate import screened
from lamslide_md.systems.resolver import SystemResolver, alike
from lamslide_md.systems.system import PointTrajectory, System


def draw_starts(
    starts_nm: Float[np.ndarray, "starts context points dim"], n_chains: int, seed: int
) -> Float[np.ndarray, "chains context points dim"]:
    """Draw the context frames of every chain from those kept with a model."""
    return starts_nm[np.random.default_rng(seed).integers(len(starts_nm), size=n_chains)]


Start: TypeAlias = md.Trajectory | PointTrajectory | Sequence[md.Trajectory] | Sequence[PointTrajectory]
"""Frames of one system to start from: those of one trajectory, or the last ones of each of several."""


def start_context(
    start: Start | str, resolver: SystemResolver, n_context: int, n_chains: int, name: str = "the start"
) -> tuple[System, Float[np.ndarray, "chains context points dim"]]:
    """Find out which system a start is, and the context frames of every chain.

    Parameters
    ----------
    start
        Frames of a molecule or of points; several trajectories must be of one system.
    resolver
        What the model can be asked about.
    n_context
        Context frames of a window.
    n_chains
        Chain c starts from frame c modulo their number; with several context frames all start from the last ones. Of
        several trajectories, chain c starts from the last frames of trajectory c modulo their number.
    name
        What to call the start in an error.

    Returns
    -------
    system
        One of the training, or the start's own.
    context_nm
        Not yet placed.

    Raises
    ------
    InputError
        If atoms or frames are missing, or a frame that chains start from is no structure of the system.
    """
    if isinstance(start, str):
        raise InputError(f"start={start!r} is neither a trajectory nor 'reference'; read a file with lamslide_md.read")
    if isinstance(start, (md.Trajectory, PointTrajectory)):
        system, points_nm = _points_of(start, resolver, n_context, name)
        if n_context > 1:
            resolver.check_start(points_nm, system, name, _last(points_nm, n_context))
            return system, np.repeat(points_nm[None, -n_context:], n_chains, axis=0)
        frames = np.arange(n_chains) % len(points_nm)
        resolver.check_start(points_nm, system, name, frames.tolist())
        return system, points_nm[frames][:, None]
    if start is not None and (isinstance(start, bytes) or not isinstance(start, Sequence)):
        raise InputError(
            f"{name} is a {type(start).__name__}; pass an mdtraj.Trajectory, as lamslide_md.read or mdtraj.load give"
        )
    if start is None or not len(start):
        raise InputError("no trajectory to start from: pass at least one")
    names = [f"{name} ({i})" if len(start) > 1 else name for i in range(len(start))]
    found = [_points_of(item, resolver, n_context, own) for item, own in zip(start, names, strict=True)]
    system = found[0][0]
    for (other, points_nm), own in zip(found, names, strict=True):
        if not alike(other, system):
            raise InputError(
                f"chains of one rollout are of one system: the first start has {len(system.reference_nm)} points, "
                f"another {points_nm.shape[1]}, or their kinds differ; lamslide_md.forecast takes several systems"
            )
        resolver.check_start(points_nm, other, own, _last(points_nm, n_context))
    return system, np.stack([found[c % len(found)][1][-n_context:] for c in range(n_chains)])


def group_by_system(
    starts: Sequence[md.Trajectory] | Sequence[PointTrajectory], resolver: SystemResolver, n_context: int
) -> list[list[int]]:
    """Find out which trajectories are of the same system.

    Parameters
    ----------
    starts
        Of one or several systems.
    resolver
        What the model can be asked about.
    n_context
        Context frames of a window.

    Returns
    -------
    list
        Indices of the trajectories of each system.

    Raises
    ------
    InputError
        If atoms or frames are missing.
    """
    groups: list[tuple[System, list[int]]] = []
    for i, start in enumerate(starts):
        system, _ = _points_of(start, resolver, n_context, f"the start ({i})")
        members = next((members for other, members in groups if alike(system, other)), None)
        if members is None:
            groups.append((system, members := []))
        members.append(i)
    return [members for _, members in groups]


def _points_of(
    start: md.Trajectory | PointTrajectory, resolver: SystemResolver, n_context: int, name: str
) -> tuple[System, Float[np.ndarray, "frames points dim"]]:
    """Find the system of a trajectory, and take its points."""
    if isinstance(start, PointTrajectory):
        system, points_nm = resolver.of_points(start.system), start.points_nm[:]
    else:
        start = _whole(start, name)
        system = resolver.of_molecule(start)
        points_nm = system.select(start, name).xyz
    if len(points_nm) < n_context:
        raise InputError(f"{name} has {len(points_nm)} frame(s); this model needs {n_context} context frames")
    return system, points_nm


def _whole(start: object, name: str) -> md.Trajectory:
    """Make a molecule whole that a box has cut; bonds are checked with the rest, against the training data."""
    if not isinstance(start, md.Trajectory):
        raise InputError(
            f"{name} is a {type(start).__name__}; pass an mdtraj.Trajectory, as lamslide_md.read or mdtraj.load give"
        )
    return start if start.unitcell_lengths is None else screened(start, name, check_bonds=False)


def _last(points_nm: Float[np.ndarray, "frames points dim"], n_context: int) -> range:
    """Indices of the last frames."""
    return range(len(points_nm) - n_context, len(points_nm))
