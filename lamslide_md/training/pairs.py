"""`Pairs`: between which slots of a batch distances are compared; `SystemPairs`: those of one system."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.sparse import csr_array, triu
from torch import Tensor

from lamslide_md.data.batch import Batch, grown
from lamslide_md.systems.bonds import within_bonds
from lamslide_md.systems.entities import Entities
from lamslide_md.training.stiffness import distance_variances, weights_by_stiffness

ALL_PAIRS_POINTS = 256
"""Points of the largest system of which all pairs are compared: more of them would cost more than the networks."""

FAR_PAIRS = 4096
"""Pairs of the others that are drawn for a larger system at every step: fewer than those near in the bond graph."""

NEAR_BONDS = 3
"""Points so many bonds apart are near: bonds, angles and torsions."""

Listed = tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]


@dataclass(frozen=True)
class Pairs:
    """Pairs of slots, for each sample of a batch or for all of them alike.

    Attributes
    ----------
    first, second
        Places of the slots, counted over all entities; one row for each sample, or one for all.
    weights
        Of the squared errors of their distances; 0 where a list is filled up.
    """

    first: Int[Tensor, "lists pairs"]
    second: Int[Tensor, "lists pairs"]
    weights: Float[Tensor, "lists pairs"]

    def to(self, device: torch.device) -> "Pairs":
        """Return a copy on a device."""
        return Pairs(self.first.to(device), self.second.to(device), self.weights.to(device))

    @classmethod
    def joined(cls, parts: list["Pairs"], n_samples: list[int]) -> "Pairs":
        """Make a list for each sample of a batch of those of its systems, filled up to the longest.

        Parameters
        ----------
        parts
            One list for each system.
        n_samples
            Samples of each system, which come one after another.

        Returns
        -------
        Pairs
            One list for all, if there is but one system.
        """
        if len(parts) == 1:
            return parts[0]
        longest = max(part.first.shape[1] for part in parts)
        repeats = torch.tensor(n_samples)
        columns = zip(*((part.first, part.second, part.weights) for part in parts), strict=True)
        joined = (torch.cat([grown(t, (1, longest)) for t in column]) for column in columns)
        return cls(*(t.repeat_interleave(repeats, dim=0) for t in joined))


@dataclass(frozen=True)
class SystemPairs:
    """Pairs of one system: some that are compared at every step, and others of which a few are drawn.

    Attributes
    ----------
    places
        Of the slots that exist, among those of all entities.
    first, second
        Pairs of the former that are compared at every step, the first before the second.
    weights
        Of the squared errors of their distances.
    n_far
        Number of other pairs.
    far_weight
        Of each of them.
    gaps
        How many of the other pairs, numbered in both orders, come before each listed one.
    """

    places: Int[Tensor, " points"]
    first: Int[Tensor, " pairs"]
    second: Int[Tensor, " pairs"]
    weights: Float[Tensor, " pairs"]
    n_far: int
    far_weight: float
    gaps: Int[Tensor, " ordered"]

    @classmethod
    def of(cls, entities: Entities, frames: Batch, share: float, within_entities: bool) -> "SystemPairs":
        """List the pairs of a system and weigh them.

        Parameters
        ----------
        entities
            The system.
        frames
            Single frames of it, as distances are measured in them.
        share
            Part of the weight given by stiffness; see `weights_by_stiffness`.
        within_entities
            Whether only slots of the same entity are compared.

        Returns
        -------
        SystemPairs
            With weights of mean 1 over all pairs, the far ones alike.
        """
        entity, slot = np.nonzero(frames.slot_mask[0].numpy())
        places, n = entity * frames.slot_mask.shape[-1] + slot, len(entity)
        first, second = _listed(entities, entity, places, within_entities)
        n_far = 0 if within_entities else n * (n - 1) // 2 - len(first)
        ordered = (
            np.sort(np.r_[first, second] * (n - 1) + np.r_[second - 1, first]) if n_far else np.empty(0, dtype=int)
        )
        gaps = torch.from_numpy(ordered - np.arange(len(ordered)))
        one, other, equal = torch.from_numpy(first), torch.from_numpy(second), torch.ones(len(first))
        alike = cls(torch.from_numpy(places), one, other, equal, n_far, 1.0, gaps)
        if not share:
            return alike
        points = frames.positions[:, 0].flatten(1, 2)[:, alike.places].numpy()
        drawn = (t.numpy() for t in alike.far(torch.Generator().manual_seed(0)))
        variances = distance_variances(points, first, second), distance_variances(points, *drawn)
        weights, far_weight = weights_by_stiffness(*variances, n_far, share)
        return replace(alike, weights=torch.from_numpy(weights), far_weight=far_weight)

    def far(self, generator: torch.Generator) -> tuple[Int[Tensor, " drawn"], Int[Tensor, " drawn"]]:
        """Draw pairs of existing slots that are not listed, all with the same probability.

        Parameters
        ----------
        generator
            Source of randomness; not asked where all pairs are listed.

        Returns
        -------
        first, second
            Indices into `places`; none where all pairs are listed.
        """
        if not self.n_far:
            return self.first[:0], self.second[:0]
        drawn, n_others = torch.randint(2 * self.n_far, (FAR_PAIRS,), generator=generator), len(self.places) - 1
        # The k-th pair that is not listed is the one of number k plus that of the listed ones before it.
        number = drawn + torch.searchsorted(self.gaps, drawn, right=True)
        first, second = number // n_others, number % n_others
        return first, second + (second >= first).long()

    def draw(self, generator: torch.Generator) -> Pairs:
        """List pairs with weights whose mean over many draws is that of all pairs.

        Parameters
        ----------
        generator
            Source of randomness, where not all pairs are listed.

        Returns
        -------
        Pairs
            One list for all samples of the system.
        """
        first, second = self.far(generator)
        if not len(first):
            return Pairs(self.places[self.first][None], self.places[self.second][None], self.weights[None])
        first, second = torch.cat([self.first, first]), torch.cat([self.second, second])
        far_weights = torch.full((FAR_PAIRS,), self.far_weight * self.n_far / FAR_PAIRS)
        weights = torch.cat([self.weights, far_weights])
        return Pairs(self.places[first][None], self.places[second][None], weights[None])


def _listed(
    entities: Entities, entity: Int[np.ndarray, " points"], places: Int[np.ndarray, " points"], within_entities: bool
) -> Listed:
    """Pairs that are always compared, as indices into the places, in rising order."""
    n = len(places)
    if not within_entities and n <= ALL_PAIRS_POINTS:
        first, second = np.triu_indices(n, k=1)
        return first, second
    members = csr_array((np.ones(n), (entity, np.arange(n))), shape=(entities.n_entities, n))
    if within_entities:
        near = members.T @ members
    else:
        bonds = entities.bonds
        own = np.searchsorted(places, entities.places)
        near = within_bonds(entities.n_entities, entities.entity_of_point[bonds], 1)
        near = members.T @ near @ members + within_bonds(n, own[bonds], NEAR_BONDS)
    upper = csr_array(triu(near, k=1))
    upper.sort_indices()
    return np.repeat(np.arange(n), np.diff(upper.indptr)), upper.indices.astype(np.int64)
