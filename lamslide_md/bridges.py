"""Frames between known ones: which windows to fill for a path or an upsampled trajectory."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.errors import InputError
from lamslide_md.training.presets import FlowSettings
from lamslide_md.training.tasks import between, spaced

Fill = Callable[
    [Float[np.ndarray, "windows known points dim"], Bool[Tensor, " frames"]],
    Float[np.ndarray, "windows frames points dim"],
]
"""Fills windows between their known frames."""


def check_bridging(settings: FlowSettings) -> None:
    """Refuse a model that has only learned to go forwards.

    Parameters
    ----------
    settings
        Of the second stage.

    Raises
    ------
    InputError
        If no batch of its training had known frames at both ends.
    """
    if settings.bridging == 0:
        raise InputError(
            "this model was trained with flow.bridging=0: it has only learned to go forwards; train it with "
            "flow.bridging=0.2 to fill in between known frames"
        )


def fill_between(
    start: Float[np.ndarray, "paths known points dim"],
    end: Float[np.ndarray, "paths 1 points dim"],
    n_frames: int,
    settings: FlowSettings,
    fill: Fill,
) -> Float[np.ndarray, "paths frames points dim"]:
    """Draw paths from starts to ends.

    Parameters
    ----------
    start
        Known frames at the beginning of every path.
    end
        The last frame of every path.
    n_frames
        New frames between.
    settings
        Of the second stage.
    fill
        Fills windows.

    Returns
    -------
    np.ndarray
        The last start frame, the new ones, and the end.

    Raises
    ------
    InputError
        If a window has no room for them.
    """
    check_bridging(settings)
    longest = settings.n_frames - settings.n_known - 1
    if not 1 <= n_frames <= longest:
        raise InputError(
            f"{n_frames} frames between the ends: this model fills 1 to {longest} (its windows have "
            f"{settings.n_frames} frames); train one with a larger flow.n_frames for longer paths"
        )
    windows = fill(np.concatenate([start, end], axis=1), between(settings, n_frames))
    return windows[:, settings.n_known - 1 :]


def fill_spaced(
    frames: Float[np.ndarray, "frames points dim"], factor: int, settings: FlowSettings, fill: Fill
) -> Float[np.ndarray, "fine points dim"]:
    """Draw the frames between those of a coarse trajectory; windows meet at known frames and are drawn at once.

    Parameters
    ----------
    frames
        Coarse trajectory.
    factor
        Fine frames for one coarse frame.
    settings
        Of the second stage.
    fill
        Fills windows.

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
    n_gaps = min((settings.n_frames - 1) // factor, len(frames) - 1)
    first = np.unique(np.minimum(np.arange(0, len(frames) - 1, n_gaps), len(frames) - 1 - n_gaps))
    windows = fill(frames[first[:, None] + np.arange(n_gaps + 1)], spaced(factor, n_gaps))
    fine = np.empty(((len(frames) - 1) * factor + 1, *frames.shape[1:]), dtype=np.float32)
    for at, window in zip(first, windows, strict=True):
        fine[at * factor : (at + n_gaps) * factor + 1] = window
    return fine
