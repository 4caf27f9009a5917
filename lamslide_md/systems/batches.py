"""Points as the networks see them: batches of windows, and symmetry labels by the places of slots."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.frames.symmetry_labels import LabelGroup
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.symmetry import Exchange


def batch_of(
    entities: Entities,
    windows: Float[np.ndarray, "windows frames points dim"],
    reference: Float[np.ndarray, "points dim"] | None = None,
) -> Batch:
    """Make a batch of windows of one system, with canonical identifiers.

    Parameters
    ----------
    entities
        The system.
    windows
        Coordinates of its points.
    reference
        Frame that they are superposed on, in the same unit; None: no transform asks for it.

    Returns
    -------
    Batch
        On the CPU, in the unit and precision of the coordinates.
    """
    n = len(windows)
    return Batch(
        torch.from_numpy(entities.to_entities(windows)),
        torch.from_numpy(entities.slot_mask).expand(n, -1, -1),
        torch.from_numpy(entities.kinds).expand(n, -1, -1),
        torch.arange(entities.n_entities).expand(n, -1),
        None if reference is None else torch.from_numpy(entities.to_entities(reference)).expand(n, -1, -1, -1),
    )


def points_of(
    entities: Entities, positions: Float[Tensor, "windows frames entities slots dim"]
) -> Float[np.ndarray, "windows frames points dim"]:
    """Take the points of windows out of their slots, and to the host: the inverse of `batch_of`."""
    return entities.to_points(positions.cpu().numpy())


def label_group(exchange: Exchange, entities: Entities) -> LabelGroup:
    """Express an exchange by the places of its points among the slots of all entities."""
    before, axis, middle, one, other = entities.places[list(exchange.group.points)].tolist()
    first, second = (tuple(entities.places[list(half)].tolist()) for half in zip(*exchange.group.swaps, strict=True))
    return LabelGroup((before, axis, middle, one, other), first, second, exchange.seam_rad)
