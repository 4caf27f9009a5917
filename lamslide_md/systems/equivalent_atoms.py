"""Which groups of a molecule half a turn exchanges, and how often molecular dynamics does so."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.data.stored_frames import blocks_of, some_of
from lamslide_md.systems.constraints import MIN_VOLUME
from lamslide_md.systems.planar_groups import groups_of
from lamslide_md.systems.residues import Part, part_of
from lamslide_md.systems.symmetry import N_BINS, Exchange, Group, bins_of, canonicalise
from lamslide_md.systems.system import PointTrajectory, System
from lamslide_md.systems.volumes import relative_volumes
from lamslide_md.units import whole_frames

SEAM_BINS = 36
"""Of half a turn, among which the seam is where the group is least often."""

EQUAL_BONDS = 0.02
"""Difference of the mean bond lengths of both halves, relative, up to which they are alike: a hydrogen that is not
modelled may sit on one of them."""

MAX_FRAMES = 2000
"""Frames in which a group must be planar and its halves alike."""

Kind = tuple[Part, ...]
"""Residues and atoms of a group's points: it is named alike in all molecules that have it."""


def with_exchanges(
    systems: Sequence[System], trajectories: Sequence[PointTrajectory], frame_interval_ps: float
) -> list[System]:
    """Find what can be exchanged in the molecules of a training, with the same canonical names in all of them.

    Parameters
    ----------
    systems
        Those without topology stay as they are.
    trajectories
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
            points = some_of([r.points_nm for r in trajectories if r.system is system], MAX_FRAMES)
            for group in groups_of(system.topology, system.entities.bonds):
                if _halves_alike(points, group):
                    found.setdefault(_kind(group, system.topology), []).append((i, group))
    exchanges: list[list[Exchange]] = [[] for _ in systems]
    for those in found.values():
        angles = [list(_angles(systems[i], group, trajectories, frame_interval_ps)) for i, group in those]
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


def _kind(group: Group, topology: md.Topology) -> Kind:
    return tuple(part_of(topology.atom(index)) for index in group.points)


def _halves_alike(points: Float[np.ndarray, "frames points 3"], group: Group) -> bool:
    """Tell whether a group is planar, with bonds as long on both sides."""
    frames = points[:: -(-len(points) // MAX_FRAMES)].astype(np.float64)
    _, axis, middle, one, other = group.points
    arms = frames[:, [axis, one, other]] - frames[:, [middle]]
    length = np.linalg.norm(arms, axis=-1)
    volume = np.abs(relative_volumes(frames, np.array([[middle, axis, one, other]])))
    first, second = length[:, 1:].mean(axis=0)
    return bool(np.median(volume) < MIN_VOLUME and abs(first - second) < EQUAL_BONDS * first)


def _angles(
    system: System, group: Group, trajectories: Sequence[PointTrajectory], frame_interval_ps: float
) -> Iterator[Float[np.ndarray, " frames"]]:
    """How a group is turned in series of frames as far apart as those of the model."""
    for trajectory in trajectories:
        if trajectory.system is system:
            stride = whole_frames(frame_interval_ps, trajectory.frame_interval_ps, "the model's frame interval")
            turned = np.concatenate([group.angle(block) for block in blocks_of(trajectory.points_nm)])
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
    reference_nm = canonicalise(system.reference_nm[None], exchanges)[0]
    return replace(system, exchanges=tuple(exchanges), reference_nm=reference_nm)
