"""The core of a molecule: the atoms that keep their places, by which frames are superposed, and a frame like all."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.frames.superposed import superposed
from lamslide_md.systems.system import System

MAX_FRAMES = 1000
"""Frames that the core is found in, equally spaced."""

N_ROUNDS = 5
"""Of superposing on the mean structure and leaving out what moves most in it."""

RELATIVE_MOTION = 1.5
"""Atoms whose RMSF is above so many times the median are no part of the core: mobile loops would tilt all the rest."""

LEAST_SHARE = 1 / 3
"""Of the candidates, that are in the core at least."""


def with_core(system: System, points_nm: Float[np.ndarray, "frames points 3"]) -> System:
    """Superpose a system by its core, on the frame that is nearest to the mean structure.

    Parameters
    ----------
    system
        A molecule.
    points_nm
        All its frames.

    Returns
    -------
    System
        With `fit` and `reference_nm` of its core; the candidates are C-alpha atoms where there are four, else all.
    """
    frames = points_nm[:: -(-len(points_nm) // MAX_FRAMES)].astype(np.float64)
    candidates = _candidates(system)
    core, reference = candidates, frames[0]
    for _ in range(N_ROUNDS):
        placed = superposed(frames, reference, core)
        reference = placed.mean(axis=0)
        rmsf = np.sqrt(np.square(placed[:, candidates] - reference[candidates]).sum(axis=-1).mean(axis=0))
        limit = max(RELATIVE_MOTION * np.median(rmsf), np.quantile(rmsf, LEAST_SHARE))
        core = candidates[rmsf <= limit]
    deviation = np.square(superposed(frames, reference, core) - reference).sum(axis=(1, 2))
    nearest = frames[deviation.argmin()]
    return replace(system, reference_nm=(nearest - nearest.mean(axis=0)).astype(np.float32), fit=core)


def _candidates(system: System) -> Int[np.ndarray, " candidates"]:
    """Atoms that may be in the core."""
    if system.topology is not None:
        alpha = np.array([atom.index for atom in system.topology.atoms if atom.name == "CA"], dtype=int)
        if len(alpha) >= 4:
            return alpha
    return np.arange(system.entities.n_points)
