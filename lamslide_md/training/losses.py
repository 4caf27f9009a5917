"""Losses of both stages, with padding left out."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from lamslide_md.data.batch import Batch
from lamslide_md.models.autoencoder import Decoded


def masked_mean(values: Float[Tensor, "*shape"], mask: Bool[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """Mean over the places where the mask is True."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def position_loss(decoded: Decoded, batch: Batch) -> Float[Tensor, ""]:
    """Mean squared error of the coordinates of existing slots, in squared length scales."""
    squared = (decoded.positions - batch.positions).square().mean(dim=-1)
    mask = batch.slot_mask[:, None].expand_as(squared)
    return masked_mean(squared, mask)


def distance_loss(
    decoded: Decoded, batch: Batch, pair_weights: Float[Tensor, "batch places places"] | None = None
) -> Float[Tensor, ""]:
    """Weighted mean squared error of the distances between pairs of existing slots, in squared length scales.

    Parameters
    ----------
    decoded
        Answer.
    batch
        Truth.
    pair_weights
        Weights of pairs of slots, not all zero; their sum is divided by. None: all alike.

    Returns
    -------
    Tensor
        Scalar; 0 where there is but one slot.
    """
    mask = batch.slot_mask.flatten(1)
    # Only of slots that exist, and pairs that count: most of the grid of slots is empty.
    places = mask.any(dim=0).nonzero()[:, 0]
    i, j = places[torch.triu_indices(len(places), len(places), offset=1, device=mask.device)]
    if pair_weights is not None:
        counts = (pair_weights[:, i, j] != 0).any(dim=0)
        i, j = i[counts], j[counts]
    if not len(i):
        return decoded.positions.new_zeros(())
    squared = (_pair_distances(decoded.positions, i, j) - _pair_distances(batch.positions, i, j)).square()
    weights = (mask[:, i] & mask[:, j]).to(squared)
    if pair_weights is not None:
        weights = weights * pair_weights[:, i, j]
    total = (squared.shape[1] * weights.sum()).clamp(min=torch.finfo(weights.dtype).tiny)
    return (squared * weights[:, None]).sum() / total


def _pair_distances(
    positions: Float[Tensor, "batch frames entities slots dim"], i: Tensor, j: Tensor
) -> Float[Tensor, "batch frames pairs"]:
    points = positions.flatten(2, 3)
    return (points[:, :, i] - points[:, :, j]).square().sum(dim=-1).add(1e-8).sqrt()


def kind_loss(decoded: Decoded, batch: Batch) -> Float[Tensor, ""]:
    """Mean cross-entropy of the kinds of existing entities, nats."""
    total = decoded.positions.new_zeros(())
    for column, logits in enumerate(decoded.kind_logits):
        target = batch.kinds[:, None, :, column].expand(logits.shape[:-1])
        nats = functional.cross_entropy(logits.flatten(0, 2), target.flatten(), reduction="none").view_as(target)
        total = total + masked_mean(nats, batch.entity_mask[:, None].expand_as(target))
    return total / max(1, len(decoded.kind_logits))
