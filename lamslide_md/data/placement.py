"""Where a frame is put before it is encoded: internal motion is learned, overall motion is not."""

from typing import Literal

import numpy as np
from jaxtyping import Float

Placement = Literal["superposed", "centred"]
"""``superposed`` on a reference frame (one molecule), or only ``centred`` on the mean position."""


def centred(points: Float[np.ndarray, "*frames points dim"]) -> Float[np.ndarray, "*frames points dim"]:
    """Move the mean position of every frame to the origin."""
    return points - points.mean(axis=-2, keepdims=True)


def superposed(
    points: Float[np.ndarray, "frames points dim"], reference: Float[np.ndarray, "points dim"]
) -> Float[np.ndarray, "frames points dim"]:
    """Centre every frame and turn it onto a reference by the rotation of least squared deviation.

    Parameters
    ----------
    points
        Frames, any unit of length.
    reference
        One frame, same unit.

    Returns
    -------
    np.ndarray
        The frames, turned; never mirrored.

    References
    ----------
    Kabsch, Acta Cryst. A 32 (1976) 922, by singular value decomposition, which always converges.
    """
    frames = centred(points).astype(np.float64)
    u, _, vt = np.linalg.svd(np.einsum("fpi,pj->fij", frames, centred(reference).astype(np.float64)))
    u[:, :, -1] *= np.sign(np.linalg.det(u @ vt))[:, None]
    return np.einsum("fpi,fij->fpj", frames, u @ vt).astype(points.dtype)
