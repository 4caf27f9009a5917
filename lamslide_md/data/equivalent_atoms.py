"""Which groups of a molecule half a turn exchanges, and how often molecular dynamics does so."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int

from lamslide_md.data.constraints import MIN_VOLUME
from lamslide_md.data.exchanges import N_BINS, Exchange, Group, bins_of, canonical
from lamslide_md.data.residues import Part, part_of
from lamslide_md.data.systems import Recording, System
from lamslide_md.units import whole_frames

SEAM_BINS = 36
"""Of half a turn, among which the seam is where the group is least often."""

EQUAL_BONDS = 0.02
"""Difference of the mean bond lengths of both halves, relative, up to which they are alike: a hydrogen that is not
modelled may sit on one of them."""

MAX_FRAMES = 2000
"""Frames in which a group must be planar and its halves alike."""

Swaps = tuple[tuple[int, int], ...]
Kind = tuple[Part, ...]
"""Residues and atoms of a group's points: it is named alike in all molecules that have it."""


def with_exchanges(
    systems: Sequence[System], recordings: Sequence[Recording], frame_interval_ps: float
) -> list[System]:
    """Find what can be exchanged in the molecules of a training, with the same canonical names in all of them.

    Parameters
    ----------
    systems
        Those without topology stay as they are.
    recordings
        All trajectories of the systems.
    frame_interval_ps
        Of the model, ps: exchanges are counted over it.

    Returns
    -------
    list of System
        With their exchanges, and the frame to superpose on by its canonical names.
    """
    found: dict[Kind, list[tuple[int, Group]]] = {}
    for i, system in enumerate(systems):
        if system.topology is not None:
            points = np.concatenate([r.points_nm for r in recordings if r.system is system])
            for group in groups_of(system.topology, system.entities.bonds):
                if _halves_alike(points, group):
                    found.setdefault(_kind(group, system.topology), []).append((i, group))
    exchanges: list[list[Exchange]] = [[] for _ in systems]
    for those in found.values():
        angles = [list(_angles(systems[i], group, recordings, frame_interval_ps)) for i, group in those]
        seam = _seam(np.concatenate([angle for own in angles for angle in own]))
        for (i, group), own in zip(those, angles, strict=True):
            flips = _flips([(angle - seam) % (2 * np.pi) for angle in own])
            exchanges[i].append(Exchange(group, seam, flips))
    return [_named(system, own) for system, own in zip(systems, exchanges, strict=True)]


def with_exchanges_like(system: System, trained: Sequence[System]) -> System:
    """Let a molecule without data exchange what others exchange.

    Parameters
    ----------
    system
        That has no trajectory.
    trained
        Molecules from `with_exchanges`.

    Returns
    -------
    System
        With the exchanges of groups that others have, too, as often as they have them in the mean.
    """
    if system.topology is None:
        return system
    known: dict[Kind, list[Exchange]] = {}
    for other in trained:
        if other.topology is not None:
            for exchange in other.exchanges:
                known.setdefault(_kind(exchange.group, other.topology), []).append(exchange)
    own = []
    for group in groups_of(system.topology, system.entities.bonds):
        if alike := known.get(_kind(group, system.topology)):
            flips = np.mean([exchange.flips for exchange in alike], axis=0)
            own.append(Exchange(group, alike[0].seam_rad, flips))
    return _named(system, own)


def groups_of(topology: md.Topology, bonds: Int[np.ndarray, "bonds 2"]) -> Iterator[Group]:
    """Find atoms with three neighbours, two of which begin halves that the bond graph cannot tell apart.

    Parameters
    ----------
    topology
        Names the elements.
    bonds
        Pairs of atoms.

    Yields
    ------
    Group
        Turned about the bond to the third neighbour.
    """
    around: list[list[int]] = [[] for _ in range(topology.n_atoms)]
    for one, other in np.asarray(bonds).tolist():
        around[one].append(other)
        around[other].append(one)
    what = [(atom.element.symbol if atom.element else atom.name) for atom in topology.atoms]
    around = [sorted(near, key=lambda index: (what[index] == "H", index)) for near in around]
    for middle, near in enumerate(around):
        if len(near) != 3:
            continue
        for one, other in combinations(sorted(near), 2):
            axis = next(index for index in near if index not in (one, other))
            before = [index for index in around[axis] if index != middle]
            swaps = _halves(middle, one, other, around, what)
            if before and swaps and not any(axis in pair for pair in swaps):
                yield Group((before[0], axis, middle, one), swaps)


def _kind(group: Group, topology: md.Topology) -> Kind:
    return tuple(part_of(topology.atom(index)) for index in group.points)


def _halves(middle: int, one: int, other: int, around: list[list[int]], what: list[str]) -> Swaps:
    """Pair the atoms of two branches; none if they differ."""
    swaps, seen, front = [], {middle}, [(one, other)]
    while front:
        pair = front.pop()
        further = [sorted((what[i], len(around[i]), i) for i in around[end] if i not in {*seen, *pair}) for end in pair]
        alike = [[key[:2] for key in keys] for keys in further]
        if what[pair[0]] != what[pair[1]] or alike[0] != alike[1]:
            return ()
        seen |= set(pair)
        swaps.append(pair)
        # Where the halves of a ring meet, an atom stands for itself.
        front += [(a[2], b[2]) for a, b in zip(*further, strict=True) if a[2] != b[2]]
    return tuple(swaps)


def _halves_alike(points: Float[np.ndarray, "frames points 3"], group: Group) -> bool:
    """Tell whether a group is planar, with bonds as long on both sides."""
    frames = points[:: -(-len(points) // MAX_FRAMES)].astype(np.float64)
    _, axis, middle, one, other = group.points
    arms = frames[:, [axis, one, other]] - frames[:, [middle]]
    length = np.linalg.norm(arms, axis=-1)
    volume = np.abs(np.linalg.det(arms / length[..., None]))
    first, second = length[:, 1:].mean(axis=0)
    return bool(np.median(volume) < MIN_VOLUME and abs(first - second) < EQUAL_BONDS * first)


def _angles(
    system: System, group: Group, recordings: Sequence[Recording], frame_interval_ps: float
) -> Iterator[Float[np.ndarray, " frames"]]:
    """How a group is turned in series of frames as far apart as those of the model."""
    for recording in recordings:
        if recording.system is system:
            stride = whole_frames(frame_interval_ps, recording.frame_interval_ps, "the model's frame interval")
            turned = group.angle(recording.points_nm)
            yield from (turned[offset::stride] for offset in range(stride))


def _seam(angles: Float[np.ndarray, " frames"]) -> float:
    """Angle modulo half a turn at which a group is least often, rad."""
    counts = np.histogram(angles % np.pi, SEAM_BINS, (0, np.pi))[0]
    smooth = counts + np.roll(counts, 1) + np.roll(counts, -1)
    return float((np.argmin(smooth) + 0.5) * np.pi / SEAM_BINS)


def _flips(beyond_seam_rad: Sequence[Float[np.ndarray, " frames"]]) -> Float[np.ndarray, "bins bins"]:
    """Count how often names are exchanged between two frames, forwards as backwards, by the bins of both."""
    seen, exchanged = np.zeros((2, N_BINS, N_BINS))
    for angle in beyond_seam_rad:
        bins, other = bins_of(angle), angle >= np.pi
        np.add.at(seen, (bins[:-1], bins[1:]), 1)
        np.add.at(exchanged, (bins[:-1], bins[1:]), other[1:] != other[:-1])
    seen, exchanged = seen + seen.T, exchanged + exchanged.T
    # One frame more in each, so that pairs of bins which the data has not seen are as all others are.
    return np.round((exchanged + exchanged.sum() / max(1.0, seen.sum())) / (seen + 1), 6)


def _named(system: System, exchanges: Sequence[Exchange]) -> System:
    return replace(system, exchanges=tuple(exchanges), reference_nm=canonical(system.reference_nm[None], exchanges)[0])
