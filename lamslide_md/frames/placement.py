"""Where frames are put before they are encoded: whether the motion of the whole is learned, or only the inner one."""

import numpy as np
import torch
from jaxtyping import Float, Int

from lamslide_md.frames.rotations import best_rotation


def centred(points: Float[np.ndarray, "*frames points dim"]) -> Float[np.ndarray, "*frames points dim"]:
    """Move the mean position of every frame to the origin."""
    return points - points.mean(axis=-2, keepdims=True)


def superposed(
    points: Float[np.ndarray, "frames points dim"],
    reference: Float[np.ndarray, "points dim"],
    fit: Int[np.ndarray, " fit"] | None = None,
) -> Float[np.ndarray, "frames points dim"]:
    """Centre every frame and turn it onto a reference by the rotation of least squared deviation.

    Parameters
    ----------
    points
        Frames, any unit of length.
    reference
        One frame, same unit.
    fit
        Points that are centred and fitted; None: all.

    Returns
    -------
    np.ndarray
        The frames, turned; never mirrored.
    """
    chosen = slice(None) if fit is None else fit
    frames = (points - points[:, chosen].mean(axis=1, keepdims=True)).astype(np.float64)
    target = centred(reference[chosen]).astype(np.float64)
    fitted = torch.from_numpy(frames[:, chosen])
    turns = best_rotation(fitted, torch.from_numpy(target).expand_as(fitted))
    return (torch.from_numpy(frames) @ turns).numpy().astype(points.dtype)
