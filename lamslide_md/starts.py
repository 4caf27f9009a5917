"""Where chains begin: the known frames of a rollout, from what the user gives."""

from collections.abc import Sequence
from dataclasses import replace

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.data.systems import Recording, System
from lamslide_md.data.topologies import labels_of
from lamslide_md.errors import InputError


def draw_starts(
    starts_nm: Float[np.ndarray, "starts known points dim"], n_chains: int, seed: int
) -> Float[np.ndarray, "chains known points dim"]:
    """Draw the known frames of every chain from those kept with a model."""
    return starts_nm[np.random.default_rng(seed).integers(len(starts_nm), size=n_chains)]


def known_frames(
    start: md.Trajectory | Recording | str, systems: Sequence[System], n_known: int, n_chains: int
) -> tuple[System, Float[np.ndarray, "chains known points dim"]]:
    """Find out which system a start is, and the known frames of every chain.

    Parameters
    ----------
    start
        Frames of a molecule or of points.
    systems
        What the model was trained on.
    n_known
        Known frames of a window.
    n_chains
        Chain c starts from frame c modulo their number; with several known frames all start from the last ones.

    Returns
    -------
    system
        One of the systems, or the start's own where it is made of points.
    known_nm
        Not yet placed.

    Raises
    ------
    InputError
        If atoms or frames are missing, or a coordinate is not finite.
    """
    if isinstance(start, str):
        raise InputError(f"start={start!r} is neither a trajectory nor 'reference'; read a file with lamslide_md.read")
    if isinstance(start, Recording):
        entities = start.system.entities.with_vocabularies(systems[0].entities.vocabularies)
        system, points_nm = replace(start.system, entities=entities), start.points_nm
    else:
        system = _system_of(start, systems)
        points_nm = system.select(start).xyz
    if len(points_nm) < n_known:
        raise InputError(f"the start has {len(points_nm)} frame(s); this model needs {n_known} known frames")
    if not np.isfinite(points_nm).all():
        raise InputError("the start has coordinates that are not finite")
    if n_known > 1:
        return system, np.repeat(points_nm[None, -n_known:], n_chains, axis=0)
    return system, points_nm[np.arange(n_chains) % len(points_nm)][:, None]


def _system_of(start: md.Trajectory, systems: Sequence[System]) -> System:
    """Choose the system whose atoms the start has; the first one, for its error, if none fits."""
    there = set(labels_of(start.topology))
    fitting = [system for system in systems if system.topology is not None and set(system.labels()) <= there]
    return (fitting or list(systems))[0]
