"""How large molecules are in their data: the cheapest measure of whether a structure is like it."""

import numpy as np
from jaxtyping import Float

Extent = tuple[float, float]
"""Least and largest radius of gyration in the training data, nm."""

FRAMES_AT_ONCE = 1000
"""Bounds memory."""


def extent_of(points_nm: Float[np.ndarray, "frames points dim"]) -> Extent:
    """Least and largest radius of gyration of frames, nm."""
    parts = range(0, len(points_nm), FRAMES_AT_ONCE)
    sizes = np.concatenate([radii_of_gyration_nm(points_nm[first : first + FRAMES_AT_ONCE]) for first in parts])
    return round(float(sizes.min()), 5), round(float(sizes.max()), 5)


def radii_of_gyration_nm(points_nm: Float[np.ndarray, "frames points dim"]) -> Float[np.ndarray, " frames"]:
    """Root mean square distance of the points of each frame from their middle, all of one weight."""
    centred = points_nm.astype(np.float64)
    centred -= centred.mean(axis=1, keepdims=True)
    return np.sqrt(np.square(centred).sum(axis=-1).mean(axis=1))
