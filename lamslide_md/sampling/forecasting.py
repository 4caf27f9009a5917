"""Forecasts: what follows on each of many short histories, several samples of it."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Unpack

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.errors import InputError
from lamslide_md.sampling.needs import check_frames, frame_bytes, smallest_system
from lamslide_md.sampling.sampler import Sampler
from lamslide_md.sampling.settings import Sampling, SamplingOptions, check_whole
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
    **sampling: Unpack[SamplingOptions],
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
    **sampling
        ``solver``, ``n_solver_steps``, ``seed``, ``constrain`` of `Sampling`; forecasts of a seed are those of the same
        list of histories.

    Returns
    -------
    list of np.ndarray
        For each history its samples, nm, in the order of the history's own points where those are all modelled.

    Raises
    ------
    InputError
        If a history is too short, lacks atoms, or a setting is impossible.
    """
    how = Sampling(**sampling)
    check_whole(n_frames=n_frames, n_samples=n_samples)
    if n_frames < 1 or n_samples < 1:
        raise InputError(f"n_frames={n_frames} and n_samples={n_samples} must both be at least 1")
    if isinstance(histories, bytes) or not isinstance(histories, Sequence):
        raise InputError(f"histories is of type {type(histories).__name__}; pass a list of trajectories")
    if not len(histories):
        raise InputError("histories is an empty list; pass at least one trajectory")
    check_frames(n_samples * len(histories), n_frames, frame_bytes(smallest_system(model)))
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
                **asdict(replace(how, seed=int(np.random.SeedSequence([how.seed, batch]).generate_state(1)[0]))),
            )
            chains = rollout.points_nm().reshape(n_samples, len(some), n_frames, *rollout.system.reference_nm.shape)
            for place, index in enumerate(some):
                forecasts[index] = chains[:, place]
            batch += 1
    return forecasts
