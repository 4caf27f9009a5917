"""`StiffPairs`: errors of bonds and angles, told in the spread that these have in the data."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lamslide_md.frames.base import FrameTransform, Positions
from lamslide_md.training.pair_lists import frames_in_one
from lamslide_md.training.pairs import pairs_by_bonds
from lamslide_md.training.windows import SystemDataset

N_BONDS = 2
"""Points so many bonds apart are held by a bond or an angle."""

RELATIVE_FLOOR = 3e-3
"""Spread of a distance, relative to its mean, that is not gone below: bonds that the data constrains."""


@dataclass(frozen=True)
class StiffPairs:
    """Pairs of points that are held near each other, and how much their distances spread.

    Attributes
    ----------
    first, second
        Entities and slots.
    spread
        Standard deviation of their distances, in length scales.
    """

    first: Int[Tensor, "2 pairs"]
    second: Int[Tensor, "2 pairs"]
    spread: Float[Tensor, " pairs"]

    @classmethod
    def of(cls, dataset: SystemDataset, transform: FrameTransform) -> "StiffPairs":
        """Find the pairs of a system, and their spread in its data."""
        entities = dataset.entities
        places = torch.from_numpy(np.stack([entities.entity_of_point, entities.slot_of_point]))
        first, second = (places[:, torch.from_numpy(ends)] for ends in pairs_by_bonds(entities, N_BONDS))
        points = frames_in_one(dataset, transform, len(dataset.points)).positions[:, 0]
        distances = (points[:, *first] - points[:, *second]).norm(dim=-1)
        spread = torch.maximum(distances.std(dim=0), RELATIVE_FLOOR * distances.mean(dim=0))
        return cls(first, second, spread)

    def to(self, device: torch.device) -> "StiffPairs":
        """Return a copy on a device."""
        return StiffPairs(self.first.to(device), self.second.to(device), self.spread.to(device))

    def loss(self, positions: Positions, truth: Positions) -> Float[Tensor, ""]:
        """Mean squared error along the pairs, in their spread.

        An error is how much longer the pair becomes to first order, so that the mean over what is possible is the best
        answer, as it is for coordinates: the mean of turned bonds is a shorter one.

        Parameters
        ----------
        positions
            Answer, where distances are those of the molecule.
        truth
            What it should be.

        Returns
        -------
        Tensor
            Scalar.
        """
        if not self.first.shape[1]:
            return positions.new_zeros(())
        error, first, second = positions - truth, (..., *self.first, slice(None)), (..., *self.second, slice(None))
        along = truth[first] - truth[second]
        along = along / along.norm(dim=-1, keepdim=True).clamp(min=1e-6)
        stretched = ((error[first] - error[second]) * along).sum(dim=-1)
        return (stretched / self.spread).square().mean()
