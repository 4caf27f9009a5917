"""Which distances of a system hardly move: what a decoder must get right first."""

import numpy as np
from jaxtyping import Float

from lamslide_md.data.entities import Entities

MAX_FRAMES = 1000
"""Frames from which the variances are estimated, equally spaced."""

RELATIVE_FLOOR = 0.003
"""Variance, relative to the median one, below which a distance counts as rigid."""


def stiffness_weights(
    entities: Entities, points: Float[np.ndarray, "frames points dim"], share: float
) -> Float[np.ndarray, "ent slots ent slots"]:
    """Weights of the squared errors of all pair distances: partly equal, partly by stiffness.

    A share of the weight goes to pairs in proportion to the inverse variance of their distance over the trajectory, so
    that an error counts by how far it lies outside thermal motion. In a molecule these are bonds and angles, found
    without looking at the chemistry.

    Parameters
    ----------
    entities
        The system.
    points
        Its trajectory.
    share
        Part of the weight given by stiffness, from 0 to 1.

    Returns
    -------
    np.ndarray
        Mean 1 over the pairs of different points; 0 elsewhere.
    """
    frames = points[:: -(-len(points) // MAX_FRAMES)].astype(np.float64)
    n = frames.shape[1]
    first, second = np.triu_indices(n, k=1)
    distances = np.linalg.norm(frames[:, first] - frames[:, second], axis=-1)
    variance = distances.var(axis=0)
    stiffness = 1 / (variance + RELATIVE_FLOOR * np.median(variance) + np.finfo(float).tiny)
    weight = 1 - share + share * stiffness / stiffness.mean()
    out = np.zeros((entities.n_entities, entities.n_slots) * 2, dtype=np.float32)
    at = entities.entity_of_point, entities.slot_of_point
    out[at[0][first], at[1][first], at[0][second], at[1][second]] = weight
    out[at[0][second], at[1][second], at[0][first], at[1][first]] = weight
    return out
