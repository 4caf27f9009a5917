"""Which distances of a system hardly move: what a decoder must get right first."""

import numpy as np
from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.data.batch import Batch

MAX_FRAMES = 1000
"""Frames that are enough to estimate the variances."""

RELATIVE_FLOOR = 0.003
"""Variance, relative to the median one, below which a distance counts as rigid."""


def stiffness_weights(
    frames: Batch, share: float, pairs: Bool[Tensor, "places places"] | None = None
) -> Float[np.ndarray, "ent slots ent slots"]:
    """Weights of the squared errors of all pair distances: partly equal, partly by stiffness.

    A share of the weight goes to pairs in proportion to the inverse variance of their distance over the trajectory, so
    that an error counts by how far it lies outside thermal motion. In a molecule these are bonds and angles, found
    without looking at the chemistry.

    Parameters
    ----------
    frames
        Single frames of one system.
    share
        Part of the weight given by stiffness, from 0 to 1.
    pairs
        Between which slots there are distances (`FrameTransform.pair_mask`); None: between all.

    Returns
    -------
    np.ndarray
        Mean 1 over the pairs that count; 0 elsewhere.
    """
    entity, slot = np.nonzero(frames.slot_mask[0].numpy())
    points = frames.positions[:, 0, entity, slot].numpy().astype(np.float64)
    first, second = np.triu_indices(len(entity), k=1)
    if pairs is not None:
        place = entity * frames.slot_mask.shape[-1] + slot
        apart = pairs.numpy()[place[first], place[second]]
        first, second = first[apart], second[apart]
    distances = np.linalg.norm(points[:, first] - points[:, second], axis=-1)
    variance = distances.var(axis=0)
    stiffness = 1 / (variance + RELATIVE_FLOOR * np.median(variance) + np.finfo(float).tiny)
    weight = 1 - share + share * stiffness / stiffness.mean()
    out = np.zeros(frames.slot_mask.shape[1:] * 2, dtype=np.float32)
    out[entity[first], slot[first], entity[second], slot[second]] = weight
    out[entity[second], slot[second], entity[first], slot[first]] = weight
    return out
