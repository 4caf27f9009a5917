"""How large molecules are in their data: the cheapest measure of whether a structure is like it."""

import numpy as np
from jaxtyping import Float

Extent = tuple[float, float]
"""Least and largest radius of gyration in the training data, nm."""


def extent_of(points_nm: Float[np.ndarray, "frames points dim"]) -> Extent:
    """Least and largest radius of gyration of frames, nm."""
    sizes = [radius_of_gyration_nm(points.astype(np.float64)) for points in points_nm]
    return round(min(sizes), 5), round(max(sizes), 5)


def radius_of_gyration_nm(points: Float[np.ndarray, "points dim"]) -> float:
    """Root mean square distance of points from their middle, all of one weight."""
    return float(np.sqrt(np.square(points - points.mean(axis=0)).sum(axis=1).mean()))
