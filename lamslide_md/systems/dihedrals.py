"""Dihedral angles of four points."""

import numpy as np
from jaxtyping import Float

Points = Float[np.ndarray, "*frames 3"]


def dihedral(first: Points, second: Points, third: Points, fourth: Points) -> Float[np.ndarray, "*frames"]:
    """Angle between the planes of the first and the last three of four points, by the IUPAC sign.

    Parameters
    ----------
    first
        In any unit.
    second
        Begins the axis.
    third
        Ends it.
    fourth
        Cis to the first one at 0, clockwise positive.

    Returns
    -------
    np.ndarray
        Angles in [-pi, pi], rad.
    """
    before, axis, after = second - first, third - second, fourth - third
    normal_before, normal_after = np.cross(before, axis), np.cross(axis, after)
    sine = (before * normal_after).sum(-1) * np.linalg.norm(axis, axis=-1)
    cosine = (normal_before * normal_after).sum(-1)
    return np.arctan2(sine, cosine)
