"""Points that keep apart by one distance, all but listed pairs: those that are near each other are looked up."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lamslide_md.systems.neighbours import close_pairs

SKIN = 0.2
"""Part of the contact distance by which pairs may be farther apart to be looked up: until a point has moved by half."""

FARTHEST = 1e6
"""In units of the positions: frames with points beyond, or with no numbers, have no contacts."""


@dataclass(frozen=True)
class Contacts:
    """Points in space that keep apart.

    Attributes
    ----------
    points
        Where they are in a frame, which may have empty places.
    distance
        By which they keep apart, in units of the positions.
    listed
        Pairs of `points`, the lower one first, that are held otherwise.
    """

    points: Int[Tensor, " points"]
    distance: float
    listed: Int[np.ndarray, "listed 2"]

    def near(self, frames: Float[Tensor, "frames places 3"]) -> tuple[Int[Tensor, " near"], Int[Tensor, "near 2"]]:
        """Look up the pairs that are near each other.

        Parameters
        ----------
        frames
            On any device; the search is on the host.

        Returns
        -------
        frame
            Of each pair.
        pairs
            Places of its two points.
        """
        positions, n_points = frames[:, self.points].cpu(), len(self.points)
        sound = (positions.abs() < FARTHEST).all(dim=2).all(dim=1).nonzero().flatten()
        found = [
            (frame * n_points + pairs[:, 0]) * n_points + pairs[:, 1]
            for frame, pairs in close_pairs(positions[sound].numpy(), self.distance * (1 + SKIN), self.listed)
        ]
        # In one order, or the last digits of a frame would depend on the others.
        keys = torch.from_numpy(np.sort(np.concatenate([np.empty(0, dtype=int), *found]))).to(frames.device)
        pairs = torch.stack([keys // n_points % n_points, keys % n_points], dim=1)
        return sound.to(frames.device)[keys // n_points**2], self.points[pairs]


class NearPairs:
    """Pairs of contacts that may be too near, of frames that move: complete at any time, by searching now and then."""

    def __init__(self, contacts: Contacts, frames: Float[Tensor, "frames places 3"]) -> None:
        self._contacts = contacts
        self._searched = frames.clone()
        self.frame, self.pairs = contacts.near(frames)

    def follow(self, frames: Float[Tensor, "frames places 3"]) -> None:
        """Search anew in frames where a point has moved so far that an unknown pair may be too near.

        Parameters
        ----------
        frames
            The same frames, later.
        """
        farthest = (frames - self._searched).square().sum(dim=-1).amax(dim=1)
        far: Bool[Tensor, " frames"] = farthest > (SKIN / 2 * self._contacts.distance) ** 2
        rows = far.nonzero().flatten()
        if not len(rows):
            return
        self._searched[rows] = frames[rows]
        frame, pairs = self._contacts.near(frames[rows])
        stays = ~far[self.frame]
        self.frame = torch.cat([self.frame[stays], rows[frame]])
        self.pairs = torch.cat([self.pairs[stays], pairs])
