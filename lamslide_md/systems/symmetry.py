"""`Group` and `Exchange`: branches of a planar group that half a turn exchanges, and their names.

The oxygens of a carboxylate are the same atom twice, and so are the two sides of a phenyl ring. Molecular dynamics has
names for them and exchanges them by turning the group, and a model of named atoms has to learn every place twice. The
model's frames bear canonical names instead, by the angle of the group; the names of frames that are given out are
exchanged as often as in molecular dynamics (docs/decisions/exchanges.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from lamslide_md.systems.dihedrals import dihedral

N_BINS = 6
"""Of the canonical angle, in which exchanges of labels are counted."""


@dataclass(frozen=True)
class Group:
    """A planar group and its halves.

    Attributes
    ----------
    torsion
        Four points whose dihedral angle tells how the group is turned; the last one begins the first half.
    swaps
        Pairs of points that bear each other's names after half a turn, the beginnings of both halves first.
    """

    torsion: tuple[int, int, int, int]
    swaps: tuple[tuple[int, int], ...]

    @property
    def points(self) -> tuple[int, ...]:
        """Those of the torsion, and the beginning of the other half."""
        return *self.torsion, self.swaps[0][1]

    def angle(self, points: Float[np.ndarray, "*frames points 3"]) -> Float[np.ndarray, "*frames"]:
        """How the group is turned, by the line from the beginning of one half to that of the other, in [-pi, pi].

        It differs by half a turn exactly when the names are exchanged, also where the group is not quite planar.
        """
        before, axis, middle, one, other = (points[..., i, :].astype(np.float64) for i in self.points)
        return dihedral(before, axis, middle, middle + one - other)

    def swap(self, points: Float[np.ndarray, "*frames points 3"], where: Bool[np.ndarray, "*frames"]) -> None:
        """Exchange labels in place."""
        first, second = np.array(self.swaps).T
        both, crossed = np.r_[first, second], np.r_[second, first]
        points[..., both, :] = np.where(where[..., None, None], points[..., crossed, :], points[..., both, :])


@dataclass(frozen=True)
class Exchange:
    """Which labels of a group are canonical, and how often they are exchanged.

    Attributes
    ----------
    group
        Whose halves are exchanged.
    seam_rad
        Labels are canonical where the angle is from here to half a turn further: the group is least often here.
    flips
        Probability that labels are exchanged from one frame to the next, by the bins of both canonical angles.
    """

    group: Group
    seam_rad: float
    flips: Float[np.ndarray, "bins bins"]

    def beyond_seam(self, points: Float[np.ndarray, "*frames points 3"]) -> Float[np.ndarray, "*frames"]:
        """Angle of the group from the seam, in [0, 2 pi)."""
        return (self.group.angle(points) - self.seam_rad) % (2 * np.pi)

    def exchanged(self, points: Float[np.ndarray, "*frames points 3"]) -> Bool[np.ndarray, "*frames"]:
        """Tell in which frames the labels are not the canonical ones."""
        return self.beyond_seam(points) >= np.pi


def bins_of(beyond_seam_rad: Float[np.ndarray, "*frames"]) -> Int[np.ndarray, "*frames"]:
    """Bin of the canonical angle, from that of the labels as they are."""
    return np.minimum((beyond_seam_rad % np.pi * (N_BINS / np.pi)).astype(int), N_BINS - 1)


def canonicalise(
    points: Float[np.ndarray, "*frames points dim"], exchanges: Sequence[Exchange]
) -> Float[np.ndarray, "*frames points dim"]:
    """Give frames their canonical labels.

    Parameters
    ----------
    points
        Frames, in any unit and, without exchanges, of any dimension.
    exchanges
        Of their system.

    Returns
    -------
    np.ndarray
        The points themselves where nothing can be exchanged, else a copy.
    """
    points = points.copy() if exchanges else points
    for exchange in exchanges:
        exchange.group.swap(points, exchange.exchanged(points))
    return points


class LabelTracker:
    """Symmetry labels of chains of frames, from those of the frames that they begin with.

    Parameters
    ----------
    exchanges
        Of the system.
    points
        The last frame of each chain as it was given, by whose labels the chain goes on.
    """

    def __init__(self, exchanges: Sequence[Exchange], points: Float[np.ndarray, "chains points dim"]) -> None:
        self.exchanges = exchanges
        beyond = [exchange.beyond_seam(points) for exchange in exchanges]
        self._bins = [bins_of(angle) for angle in beyond]
        self._exchanged = [angle >= np.pi for angle in beyond]

    def follow(self, points: Float[np.ndarray, "chains points dim"], random: np.random.Generator) -> None:
        """Label the next frame of every chain, in place.

        Parameters
        ----------
        points
            With canonical labels, or whatever labels the model has left.
        random
            By which labels are exchanged.
        """
        for i, exchange in enumerate(self.exchanges):
            beyond = exchange.beyond_seam(points)
            bins = bins_of(beyond)
            self._exchanged[i] = self._exchanged[i] ^ (random.random(len(points)) < exchange.flips[self._bins[i], bins])
            self._bins[i] = bins
            exchange.group.swap(points, self._exchanged[i] ^ (beyond >= np.pi))
