"""What the frames of a system never leave: rigid distances, contacts, and the chirality of centres."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.systems.candidate_pairs import MOST_LISTED, candidate_pairs
from lamslide_md.systems.neighbours import close_pairs
from lamslide_md.systems.symmetry import Exchange, canonicalise
from lamslide_md.systems.volumes import relative_volumes

RELATIVE_SPREAD = 0.05
"""A pair is rigid if the standard deviation of its distance is below this part of the mean."""

TAIL = 5e-4
"""Part of the training frames beyond either end of a rigid pair's range."""

CONTACT_NM = 0.3
"""Atoms that are further apart in all of the data are kept apart by so much, the width of a hydrogen bond."""

MOST_EXCEPTIONS = 2
"""For each point: pairs that bonds do not keep near and that the data has nearer than the contact distance, which is
the less where they would be more. Of heavy atoms of proteins it is 0.5 to 0.9 below 0.3 nm; with hydrogens 4 in 98
frames of adenylate kinase and 24 in 50 ns of an unfolded peptide, where 2 leave 0.26 and 0.20 nm."""

MIN_VOLUME = 0.2
"""A centre is chiral if its volume, relative to the product of its bonds, has one sign and is at least so large."""

MAX_FRAMES = 20_000
"""Frames from which constraints are learned, equally spaced."""

NUMBERS_AT_ONCE = 1_000_000
"""Distances that are in memory at once."""

Centre: TypeAlias = tuple[int, int, int, int]
"""A point and three that are bonded to it."""


@dataclass(frozen=True)
class Constraints:
    """What molecular dynamics would not do, learned from the training data.

    Attributes
    ----------
    pairs
        Indices of points.
    lower_nm, upper_nm
        Ends of the range of each pair; an infinite upper end means that the two must only keep apart.
    centres
        A point and three that are bonded to it.
    signs
        Sign of ``(a - centre) . [(b - centre) x (c - centre)]`` for each of them.
    contact_nm
        Distance by which all pairs that are not among `pairs` keep apart; 0 where these are free.
    """

    pairs: Int[np.ndarray, "pairs 2"]
    lower_nm: Float[np.ndarray, " pairs"]
    upper_nm: Float[np.ndarray, " pairs"]
    centres: Int[np.ndarray, "centres 4"]
    signs: Int[np.ndarray, " centres"]
    contact_nm: float = 0.0

    @classmethod
    def none(cls) -> "Constraints":
        """Nothing is held."""
        no_pairs, no_centres = np.empty((0, 2), dtype=int), np.empty((0, 4), dtype=int)
        return cls(no_pairs, np.empty(0), np.empty(0), no_centres, np.empty(0, dtype=int))


def find_constraints(
    points_nm: Float[np.ndarray, "frames points dim"],
    bonds: Int[np.ndarray, "bonds 2"],
    contacts: bool,
    exchanges: Sequence[Exchange] = (),
) -> Constraints:
    """Find what a trajectory never leaves.

    Parameters
    ----------
    points_nm
        All frames of a system.
    bonds
        Pairs of points, by which chiral centres are found.
    contacts
        Whether the points are atoms in nm, which come no closer to each other than in the data, or than `CONTACT_NM`
        where the data is further apart.
    exchanges
        Under whose canonical labels frames are kept in them: the two nitrogens of an arginine are not alike.

    Returns
    -------
    Constraints
        None for particles that move freely. Of more than `MOST_LISTED` points, pairs that bonds do not keep near are
        held by one contact distance, but for those few that come nearer.
    """
    frames = canonicalise(points_nm[:: -(-len(points_nm) // MAX_FRAMES)], exchanges).astype(np.float64)
    n_points = frames.shape[1]
    pairs = candidate_pairs(n_points, bonds)
    n_at_once = max(1, NUMBERS_AT_ONCE // len(frames))
    parts = [_ranges(frames, pairs[i : i + n_at_once], contacts) for i in range(0, len(pairs), n_at_once)]
    lower, upper = np.concatenate([np.empty((2, 0)), *parts], axis=1)
    held, contact_nm = ~np.isnan(lower), 0.0
    if contacts and n_points > MOST_LISTED:
        contact_nm, near, nearest_nm = _contacts(frames, pairs)
        pairs, held = np.concatenate([pairs, near]), np.r_[held, np.ones(len(near), dtype=bool)]
        lower, upper = np.r_[lower, nearest_nm], np.r_[upper, np.full(len(near), np.inf)]
    chirality = dict(_chirality(frames, bonds))
    return Constraints(
        pairs[held],
        np.round(lower[held], 6),
        np.round(upper[held], 6),
        np.array(list(chirality), dtype=int).reshape(-1, 4),
        np.array(list(chirality.values()), dtype=int),
        contact_nm,
    )


def _contacts(
    frames: Float[np.ndarray, "frames points dim"], candidates: Int[np.ndarray, "candidates 2"]
) -> tuple[float, Int[np.ndarray, "pairs 2"], Float[np.ndarray, " pairs"]]:
    """Find how near pairs other than the candidates come, and those few of them that come nearer."""
    n_points = frames.shape[1]
    keys, nearest_nm = np.empty(0, dtype=int), np.empty(0)
    for where, near in close_pairs(frames, CONTACT_NM, candidates):
        distance = np.linalg.norm(frames[where, near[:, 0]] - frames[where, near[:, 1]], axis=-1)
        keys, nearest_nm = np.r_[keys, near @ [n_points, 1]], np.r_[nearest_nm, distance]
        order = np.lexsort([nearest_nm, keys])
        keys, first = np.unique(keys[order], return_index=True)
        nearest_nm = nearest_nm[order][first]
    most = MOST_EXCEPTIONS * n_points
    contact_nm = CONTACT_NM if len(keys) <= most else float(np.floor(1e6 * np.partition(nearest_nm, most)[most]) / 1e6)
    nearer = nearest_nm < contact_nm
    return contact_nm, np.stack([keys // n_points, keys % n_points], axis=1)[nearer], nearest_nm[nearer]


def _ranges(
    frames: Float[np.ndarray, "frames points dim"], pairs: Int[np.ndarray, "pairs 2"], contacts: bool
) -> Float[np.ndarray, "2 pairs"]:
    """Lower and upper ends of the ranges of pairs; NaN for those that are not held."""
    distance = np.linalg.norm(frames[:, pairs[:, 0]] - frames[:, pairs[:, 1]], axis=-1).T.copy()
    lower, upper = np.full((2, len(pairs)), np.nan)
    rigid = distance.std(axis=1) < RELATIVE_SPREAD * distance.mean(axis=1)
    lower[rigid], upper[rigid] = np.quantile(distance[rigid], [TAIL, 1 - TAIL], axis=1)
    if contacts:
        lower[~rigid], upper[~rigid] = np.minimum(distance[~rigid].min(axis=1), CONTACT_NM), np.inf
    return np.stack([lower, upper])


def centres_of(bonds: Int[np.ndarray, "bonds 2"]) -> Iterator[Centre]:
    """Find every point with three that are bonded to it, in rising order.

    Parameters
    ----------
    bonds
        Pairs of points.

    Yields
    ------
    tuple
        The point, and the three.
    """
    around: dict[int, list[int]] = {}
    for one, other in np.asarray(bonds).tolist():
        around.setdefault(one, []).append(other)
        around.setdefault(other, []).append(one)
    for centre in sorted(around):
        for first, second, third in combinations(sorted(around[centre]), 3):
            yield centre, first, second, third


def _chirality(
    frames: Float[np.ndarray, "frames points dim"], bonds: Int[np.ndarray, "bonds 2"]
) -> Iterator[tuple[Centre, int]]:
    """Centres whose signed volume never comes near zero, and its sign."""
    for centre in centres_of(bonds):
        volume = relative_volumes(frames, np.array([centre]))[:, 0]
        sign = np.sign(volume[0])
        if (sign * volume).min() > MIN_VOLUME:
            yield centre, int(sign)
