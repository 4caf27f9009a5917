"""Which distances of a system never leave a narrow range: bonds, angles, planar groups, found without chemistry."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

RELATIVE_SPREAD = 0.05
"""A pair is rigid if the standard deviation of its distance is below this part of the mean."""

TAIL = 5e-4
"""Part of the training frames beyond either end of a pair's range."""

MAX_FRAMES = 20_000
"""Frames from which ranges are estimated, equally spaced."""


@dataclass(frozen=True)
class RigidPairs:
    """Pairs of points and the range of distances that the training data has shown.

    Attributes
    ----------
    pairs
        Indices of points.
    lower_nm, upper_nm
        Ends of the range of each pair.
    """

    pairs: Int[np.ndarray, "pairs 2"]
    lower_nm: Float[np.ndarray, " pairs"]
    upper_nm: Float[np.ndarray, " pairs"]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able content."""
        return {
            "pairs": self.pairs.tolist(),
            "lower_nm": self.lower_nm.tolist(),
            "upper_nm": self.upper_nm.tolist(),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "RigidPairs":
        """Inverse of `to_dict`."""
        pairs = np.array(content["pairs"], dtype=int).reshape(-1, 2)
        return cls(pairs, *(np.array(content[key], dtype=np.float64) for key in ("lower_nm", "upper_nm")))


def no_rigid_pairs() -> RigidPairs:
    """Nothing known to be rigid."""
    return RigidPairs(np.empty((0, 2), dtype=int), np.empty(0), np.empty(0))


def find_rigid_pairs(points_nm: Float[np.ndarray, "frames points dim"]) -> RigidPairs:
    """Find the pairs whose distance hardly varies over a trajectory, and its range.

    Parameters
    ----------
    points_nm
        All frames of a system.

    Returns
    -------
    RigidPairs
        Empty for particles that move freely.
    """
    frames = points_nm[:: -(-len(points_nm) // MAX_FRAMES)]
    first, second = np.triu_indices(frames.shape[1], k=1)
    found, lower, upper = [], [], []
    for i, j in zip(first, second, strict=True):
        distance = np.linalg.norm(frames[:, i].astype(np.float64) - frames[:, j], axis=-1)
        if distance.std() < RELATIVE_SPREAD * distance.mean():
            found.append((i, j))
            low, high = np.round(np.quantile(distance, [TAIL, 1 - TAIL]), 6)
            lower.append(low)
            upper.append(high)
    return RigidPairs(np.array(found, dtype=int).reshape(-1, 2), np.array(lower), np.array(upper))
