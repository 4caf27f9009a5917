"""The core of a molecule: the atoms that keep their places, by which frames are superposed, and a frame like all."""

from dataclasses import replace

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int

from lamslide_md.frames.superposed import superposed
from lamslide_md.systems.residue_atoms import is_light
from lamslide_md.systems.system import System

MAX_FRAMES = 1000
"""Frames that the core is found in, equally spaced."""

N_ROUNDS = 5
"""Of superposing on the mean structure and leaving out what moves most in it."""

RELATIVE_MOTION = 1.5
"""Atoms whose RMSF is above so many times the median are no part of the core: mobile loops would tilt all the rest."""

LEAST_CANDIDATES = 4
"""C-alpha atoms among which the core is found; where there are fewer, heavy atoms, and then all."""

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
        With `fit` and `reference_nm` of its core; the candidates are C-alpha atoms where there are four, else heavy
        atoms.
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
        atoms = list(system.topology.atoms)
        # Calcium is called CA, too.
        alpha = np.array([a.index for a in atoms if a.name == "CA" and a.element is md.element.carbon], dtype=int)
        heavy = np.array([a.index for a in atoms if not is_light(a)], dtype=int)
        for candidates in (alpha, heavy):
            if len(candidates) >= LEAST_CANDIDATES:
                return candidates
    return np.arange(system.entities.n_points)
