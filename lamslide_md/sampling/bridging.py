"""Frames between given ones: which windows to fill for a path or an upsampled trajectory."""

import numpy as np
from jaxtyping import Float

from lamslide_md.config import FlowSettings
from lamslide_md.data.masks import between
from lamslide_md.errors import InputError
from lamslide_md.sampling.propagator import Propagator


def check_bridging(settings: FlowSettings) -> None:
    """Refuse a model that has only learned to go forwards.

    Parameters
    ----------
    settings
        Of the second stage.

    Raises
    ------
    InputError
        If no batch of its training had context frames at both ends.
    """
    if settings.bridging == 0:
        raise InputError(
            "this model was trained with flow.bridging=0: it has only learned to go forwards; train it with "
            "flow.bridging=0.2 to fill in between context frames"
        )


def fill_between(
    start: Float[np.ndarray, "paths points dim"],
    end: Float[np.ndarray, "paths points dim"],
    n_frames: int,
    settings: FlowSettings,
    propagator: Propagator,
    seed: int,
) -> Float[np.ndarray, "paths frames points dim"]:
    """Draw paths from starts to ends, one frame after another, each given the frame before and the end.

    Parameters
    ----------
    start
        First frame of every path.
    end
        Last frame of every path.
    n_frames
        New frames between.
    settings
        Of the second stage.
    propagator
        Fills windows.
    seed
        Of the noise.

    Returns
    -------
    np.ndarray
        The start, the new frames, and the end.

    Raises
    ------
    InputError
        If a window has no room for them.
    """
    check_bridging(settings)
    longest = settings.n_frames - 2
    if not 1 <= n_frames <= longest:
        raise InputError(
            f"{n_frames} frames between the ends: this model fills 1 to {longest} (its windows have "
            f"{settings.n_frames} frames); train one with a larger flow.n_frames for longer paths"
        )
    path = [start]
    for turn in range(n_frames):
        window = propagator.fill(np.stack([path[-1], end], axis=1), between(n_frames - turn), seed, turn)
        path.append(window[:, 1])
    return np.stack([*path, end], axis=1)


def fill_spaced(
    frames: Float[np.ndarray, "frames points dim"],
    factor: int,
    settings: FlowSettings,
    propagator: Propagator,
    seed: int,
) -> Float[np.ndarray, "fine points dim"]:
    """Draw the frames between those of a coarse trajectory: a path for every gap, all at once.

    Parameters
    ----------
    frames
        Coarse trajectory.
    factor
        Fine frames for one coarse frame.
    settings
        Of the second stage.
    propagator
        Fills windows.
    seed
        Of the noise.

    Returns
    -------
    np.ndarray
        (frames - 1) * factor + 1 frames, those given as they were.

    Raises
    ------
    InputError
        If the factor does not fit into a window, or there is only one frame.
    """
    check_bridging(settings)
    if not 2 <= factor < settings.n_frames:
        raise InputError(
            f"factor={factor}: this model fills between frames 2 to {settings.n_frames - 1} intervals apart"
        )
    if len(frames) < 2:
        raise InputError("one frame cannot be upsampled; give a trajectory of at least two")
    paths = fill_between(frames[:-1], frames[1:], factor - 1, settings, propagator, seed)
    return np.concatenate([*paths[:, :-1], frames[-1:]])
