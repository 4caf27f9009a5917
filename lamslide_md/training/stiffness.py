"""Which distances of a system hardly move: what a decoder must get right first."""

import numpy as np
from jaxtyping import Float, Int

MAX_FRAMES = 1000
"""Frames that are enough to estimate the variances."""

RELATIVE_FLOOR = 0.003
"""Variance, relative to the median one, below which a distance counts as rigid."""

LEAST_VARIANCE = 1e-20
"""Of coordinates whose scale is one: below it nothing moves, and all pairs are alike."""

NUMBERS_AT_ONCE = 300_000
"""Coordinates that are taken at once, so that a protein's pairs are weighed in a few megabytes."""


def distance_variances(
    points: Float[np.ndarray, "frames points dim"], first: Int[np.ndarray, " pairs"], second: Int[np.ndarray, " pairs"]
) -> Float[np.ndarray, " pairs"]:
    """Variances of the distances between pairs of points over frames, in double precision."""
    n_at_once = max(1, NUMBERS_AT_ONCE // (points.shape[0] * points.shape[2]))
    variances = np.empty(len(first))
    for part in (slice(i, i + n_at_once) for i in range(0, len(first), n_at_once)):
        apart = points[:, first[part]].astype(np.float64) - points[:, second[part]]
        variances[part] = np.linalg.norm(apart, axis=-1).var(axis=0)
    return variances


def weights_by_stiffness(
    listed: Float[np.ndarray, " pairs"], drawn: Float[np.ndarray, " drawn"], n_far: int, share: float
) -> tuple[Float[np.ndarray, " pairs"], float]:
    """Weights of the squared errors of pair distances: partly equal, partly by stiffness.

    A share of the weight goes to pairs in proportion to the inverse variance of their distance over the trajectory, so
    that an error counts by how far it lies outside thermal motion. In a molecule these are bonds and angles, found
    without looking at the chemistry. Far pairs are all alike: what stiffness gives them is their mean.

    Parameters
    ----------
    listed
        Variances of the pairs that are weighed one by one.
    drawn
        Variances of some of the far pairs.
    n_far
        How many far pairs there are.
    share
        Part of the weight given by stiffness, from 0 to 1.

    Returns
    -------
    weights
        Of the listed pairs.
    far_weight
        Of each far pair; the mean of all weights is 1.
    """
    if not len(listed) + n_far:
        return np.ones(0, dtype=np.float32), 0.0
    # Nearly all pairs are far ones, where there are any.
    floor = RELATIVE_FLOOR * max(float(np.median(drawn if n_far else listed)), LEAST_VARIANCE)
    stiffness = 1 / (listed + floor)
    far = float((1 / (drawn + floor)).mean()) if n_far else 0.0
    mean = (stiffness.sum() + n_far * far) / (len(listed) + n_far)
    return (1 - share + share * stiffness / mean).astype(np.float32), 1 - share + share * far / mean if n_far else 0.0
