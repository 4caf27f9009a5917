"""Forecasts: what follows on each of many short histories, several samples of it."""

from collections.abc import Sequence

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.flow.solvers import DEFAULT_SOLVER, DEFAULT_STEPS
from lamslide_md.sampling.sampler import Sampler
from lamslide_md.sampling.starts import group_by_system
from lamslide_md.systems.system import PointTrajectory

CHAINS_AT_ONCE = 2048
"""Histories times samples that are drawn as one batch: bounds memory."""


def forecast(
    model: Sampler,
    histories: Sequence[md.Trajectory] | Sequence[PointTrajectory],
    n_frames: int,
    *,
    n_samples: int = 1,
    solver: str = DEFAULT_SOLVER,
    n_solver_steps: int = DEFAULT_STEPS,
    seed: int = 0,
    constrain: bool = True,
) -> list[Float[np.ndarray, "samples frames points dim"]]:
    """Draw what follows on histories, which may be of different systems.

    Parameters
    ----------
    model
        Trained with anchored windows, if the forecast is to stand in the place of its history.
    histories
        The last frames of each are the context.
    n_frames
        New frames; more than a window holds are chained.
    n_samples
        Independent samples for each history.
    solver
        As in `Sampler.rollout`.
    n_solver_steps
        Steps of the solver in each window.
    seed
        Same seed, same forecasts, on the same machine, for the same list of histories.
    constrain
        As in `Sampler.rollout`.

    Returns
    -------
    list of np.ndarray
        For each history its samples, nm, in the order of the history's own points where those are all modelled.

    Raises
    ------
    InputError
        If a history is too short, lacks atoms, or a setting is impossible.
    """
    forecasts: list[np.ndarray] = [np.empty(0)] * len(histories)
    batch = 0
    at_once = max(1, CHAINS_AT_ONCE // n_samples)
    for members in group_by_system(histories, model.resolver, model.settings.flow.n_known):
        for first in range(0, len(members), at_once):
            some = members[first : first + at_once]
            rollout = model.rollout(
                [histories[i] for i in some],
                n_frames,
                n_chains=len(some) * n_samples,
                solver=solver,
                n_solver_steps=n_solver_steps,
                seed=int(np.random.SeedSequence([seed, batch]).generate_state(1)[0]),
                constrain=constrain,
            )
            chains = rollout.points_nm().reshape(n_samples, len(some), n_frames, *rollout.system.reference_nm.shape)
            for place, index in enumerate(some):
                forecasts[index] = chains[:, place]
            batch += 1
    return forecasts
