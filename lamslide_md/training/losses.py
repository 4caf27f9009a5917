"""Losses of both stages, with padding left out."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from lamslide_md.data.batch import Batch
from lamslide_md.frames.base import Positions
from lamslide_md.models.autoencoder import Decoded
from lamslide_md.training.pairs import Pairs


def masked_mean(values: Float[Tensor, "*shape"], mask: Bool[Tensor, "*shape"]) -> Float[Tensor, ""]:
    """Mean over the places where the mask is True."""
    return (values * mask).sum() / mask.sum().clamp(min=1)


def position_loss(decoded: Decoded, batch: Batch) -> Float[Tensor, ""]:
    """Mean squared error of the coordinates of existing slots, in squared length scales."""
    squared = (decoded.positions - batch.positions).square().mean(dim=-1)
    mask = batch.slot_mask[:, None].expand_as(squared)
    return masked_mean(squared, mask)


def distance_loss(positions: Positions, truth: Positions, pairs: Pairs) -> Float[Tensor, ""]:
    """Weighted mean squared error of the distances between pairs of slots, in squared length scales.

    Parameters
    ----------
    positions
        Answer, where there are distances.
    truth
        What it should be.
    pairs
        Their weights are not all zero; the sum of these is divided by.

    Returns
    -------
    Tensor
        Scalar; 0 where there is no pair.
    """
    if not pairs.first.shape[1]:
        return positions.new_zeros(())
    squared = (_pair_distances(positions, pairs) - _pair_distances(truth, pairs)).square()
    weights = pairs.weights.to(squared)
    total = (squared.shape[2] * weights.sum()).clamp(min=torch.finfo(weights.dtype).tiny)
    return (squared * weights[:, :, None]).sum() / total


def _pair_distances(positions: Positions, pairs: Pairs) -> Float[Tensor, "lists pairs merged"]:
    """Distances in all frames that have the same pairs."""
    n_lists, n_pairs = pairs.first.shape
    # Rows of an array are gathered fastest: a row holds the coordinates of a slot in all frames.
    points = positions.unflatten(0, (n_lists, -1)).flatten(1, 2).flatten(2, 3).permute(0, 2, 3, 1)
    n_places, dim, n_frames = points.shape[1:]
    rows = points.reshape(n_lists * n_places, dim * n_frames)
    row = n_places * torch.arange(n_lists, device=rows.device)[:, None]
    one, other = (rows.index_select(0, (row + places).flatten()) for places in (pairs.first, pairs.second))
    apart = (one - other).view(n_lists, n_pairs, dim, n_frames)
    return apart.square().sum(dim=2).add(1e-8).sqrt()


def kind_loss(decoded: Decoded, batch: Batch) -> Float[Tensor, ""]:
    """Mean cross-entropy of the kinds of existing entities, nats."""
    total = decoded.positions.new_zeros(())
    for column, logits in enumerate(decoded.kind_logits):
        target = batch.kinds[:, None, :, column].expand(logits.shape[:-1])
        nats = functional.cross_entropy(logits.flatten(0, 2), target.flatten(), reduction="none").view_as(target)
        total = total + masked_mean(nats, batch.entity_mask[:, None].expand_as(target))
    return total / max(1, len(decoded.kind_logits))
