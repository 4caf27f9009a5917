"""The gate for starts: structures from which a model would roll out nonsense are refused, saying what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import mdtraj as md
import numpy as np
from jaxtyping import Bool, Float

from lamslide_md.errors import InputError, note
from lamslide_md.systems import screening
from lamslide_md.systems.bonds import within_bonds
from lamslide_md.systems.constraints import Constraints
from lamslide_md.systems.extents import Extent, radii_of_gyration_nm
from lamslide_md.systems.neighbours import among, close_pairs
from lamslide_md.systems.symmetry import canonicalise
from lamslide_md.systems.system import System
from lamslide_md.systems.topologies import labels_of, listed, named
from lamslide_md.systems.volumes import relative_volumes

SLACK = 0.12
"""Relative, beyond either end of the range in the data. A bond's standard deviation is 2 % and that of the distance
over an angle 2.5 % at 500 K; minimised and crystal structures differ by less."""

OVERLAP = 0.5
"""Atoms nearer than this part of the least distance in the data overlap: a strong hydrogen bond is 0.16 nm."""

ONE_PLACE_NM, LINE = 1e-3, 1e-3
"""Length of a molecule, and its width relative to that, below which it has no shape."""

EXTENT_SLACK = 0.1
"""Of the radius of gyration, relative."""

MOST_EXCHANGES = 12
"""Atoms with the most distances out of range among which two are looked for that stand in each other's places."""

L_SIGN = 1
"""Sign of the volume of N, C and CB around CA in an L-amino acid."""


@dataclass(frozen=True)
class _Frame:
    """One frame of a start, and what the data says of its system."""

    points: Float[np.ndarray, "points dim"]
    system: System
    where: str
    near: Bool[np.ndarray, " pairs"]

    @property
    def held(self) -> Constraints:
        return self.system.constraints

    def distances(self, points: Float[np.ndarray, "points dim"]) -> Float[np.ndarray, " pairs"]:
        first, second = self.held.pairs.T
        return np.linalg.norm(points[first] - points[second], axis=-1)

    def out_of_range(self, points: Float[np.ndarray, "points dim"]) -> Bool[np.ndarray, " pairs"]:
        distance = self.distances(points)
        outside = (distance < self.held.lower_nm * (1 - SLACK)) | (distance > self.held.upper_nm * (1 + SLACK))
        return outside & np.isfinite(self.held.upper_nm)

    def inverted(self, points: Float[np.ndarray, "points dim"]) -> Bool[np.ndarray, " centres"]:
        return relative_volumes(points[None], self.held.centres)[0] * self.held.signs <= 0

    def named(self, *points: int) -> tuple[str, ...]:
        labels = labels_of(self.system.topology or md.Topology())
        return tuple(named(labels[point]) for point in points)


def check_start(
    points_nm: Float[np.ndarray, "frames points dim"],
    system: System,
    name: str = "the start",
    frames: Sequence[int] | None = None,
    *,
    check_bonds: bool = True,
    extent_nm: Extent | None = None,
) -> None:
    """Refuse frames that no molecular dynamics of the system would come to; note those that are unlike its data.

    Parameters
    ----------
    points_nm
        Points of the system.
    system
        With constraints, from its own data or others'. Points without chemistry need only be finite.
    name
        What to call the frames in an error.
    frames
        Indices of those that are used, each once; all when left out.
    check_bonds
        Whether lengths of bonds are those of atoms; not so for coarse-grained beads.
    extent_nm
        Of the training data, if it is known.

    Raises
    ------
    InputError
        If positions are no numbers, of another unit, without shape, atoms exchanged or in each other, distances out of
        the range of the data, or inverted centres.
    """
    near = _near_pairs(system)
    for index in range(len(points_nm)) if frames is None else frames:
        where = name if len(points_nm) == 1 else f"{name}: frame {index}"
        points = points_nm[index].astype(np.float64)
        if not (np.abs(points) < screening.FARTHEST_NM).all():
            raise InputError(f"{where} has coordinates that are not finite (NaN or infinite)")
        if system.topology is None:
            continue
        # The ranges are those of frames under canonical labels.
        frame = _Frame(canonicalise(points[None], system.exchanges)[0], system, where, near)
        _check_shape(frame)
        _check_distances(frame, name, index, check_bonds)
        _check_chirality(frame)
        _check_overlaps(frame)
        _tell_unlike(frame, extent_nm)


def _near_pairs(system: System) -> Bool[np.ndarray, " pairs"]:
    """Tell which pairs are one or two bonds apart: only these have one length in every conformation."""
    n_points = system.entities.n_points
    first, second = within_bonds(n_points, system.entities.bonds, 2).nonzero()
    return among(system.constraints.pairs, np.stack([first, second], axis=1).astype(int), n_points)


def _check_shape(frame: _Frame) -> None:
    """Refuse all atoms in one place or on one line, where those of the model are not."""
    widths, own = (
        np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
        for points in (frame.points, frame.system.reference_nm.astype(np.float64))
    )
    if widths[0] < ONE_PLACE_NM:
        place = ", ".join(f"{x + 0.0:g}" for x in frame.points[0])
        raise InputError(f"{frame.where} has all atoms in one place ({place}): it holds no structure")
    has_shape = len(frame.held.centres) > 0 or own[1] > LINE * own[0]
    if has_shape and widths[1] < LINE * widths[0]:
        raise InputError(f"{frame.where} has all atoms on one line: it is a drawing of the molecule, no structure")


def _check_distances(frame: _Frame, name: str, index: int, check_bonds: bool) -> None:
    """Refuse bonds and distances over an angle that the data does not have, and find two atoms that explain them."""
    wrong = frame.out_of_range(frame.points) & frame.near
    pair = _exchanged(frame, wrong) if wrong.any() else None
    if pair is not None:
        one, other = frame.named(*sorted(pair))
        raise InputError(
            f"{frame.where}: {one} and {other} stand in each other's places (exchanged, all bonds and angles are those "
            "of the training data); exchange their positions, or their names"
        )
    if check_bonds:
        screening.check_bonds(md.Trajectory(frame.points[None], frame.system.topology), name, index)
    if not wrong.any():
        return
    held, distance = frame.held, frame.distances(frame.points)
    excess = np.maximum(held.lower_nm - distance, distance - held.upper_nm) / distance.clip(1e-9)
    worst = int(np.argmax(np.where(wrong, excess, -np.inf)))
    one, other = frame.named(*held.pairs[worst].tolist())
    raise InputError(
        f"{frame.where}: {int(wrong.sum())} of {int(frame.near.sum())} distances over one or two bonds are not those "
        f"of the training data: {one} to {other} is {distance[worst]:.3g} nm, there {held.lower_nm[worst]:.3g} to "
        f"{held.upper_nm[worst]:.3g}; is it distorted, or of another molecule or unit of length?"
    )


def _exchanged(frame: _Frame, wrong: Bool[np.ndarray, " pairs"]) -> tuple[int, int] | None:
    """Find two atoms that make all distances right in each other's places."""
    counts = np.bincount(frame.held.pairs[wrong].ravel(), minlength=len(frame.points))
    worst = [int(i) for i in np.argsort(-counts, kind="stable")[:MOST_EXCHANGES] if counts[i]]
    # One of the two may be at the end of a branch, with no distance out of range: it is near the other.
    pairs = frame.held.pairs[frame.near]
    partners = pairs[np.isin(pairs, worst[:3]).any(axis=1)].ravel().tolist()
    for one, other in combinations(dict.fromkeys([*worst, *partners]), 2):
        mended = frame.points.copy()
        mended[[one, other]] = mended[[other, one]]
        if not (frame.out_of_range(mended) & frame.near).any() and not frame.inverted(mended).any():
            return one, other
    return None


def _check_chirality(frame: _Frame) -> None:
    """Refuse inverted centres."""
    centres, n_points = _stable_centres(frame.system), len(frame.points)
    n_planes = np.bincount(frame.held.centres[:, 0], minlength=n_points)
    n_wrong = np.bincount(frame.held.centres[frame.inverted(frame.points), 0], minlength=n_points)
    wrong = [centre for centre in centres if n_wrong[centre] > 0.5 * n_planes[centre]]
    if not wrong:
        return
    if len(wrong) == len(centres) > 1:
        what = f"is a mirror image of what the model has learned: all {len(centres)} centres are inverted"
        raise InputError(f"{frame.where} {what} ({listed([_describe_centre(frame, i) for i in wrong], 3)})")
    found = listed([_describe_centre(frame, i) for i in wrong])
    raise InputError(f"{frame.where}: {found}; is it a mirrored structure, or are two neighbours of these exchanged?")


def _stable_centres(system: System) -> list[int]:
    """Centres that do not turn over by themselves, as nitrogens with three neighbours do."""
    n_bonds = np.bincount(system.entities.bonds.ravel(), minlength=system.entities.n_points)
    topology, centres = system.topology or md.Topology(), np.unique(system.constraints.centres[:, 0]).tolist()
    return [i for i in centres if topology.atom(i).element is not md.element.nitrogen or n_bonds[i] > 3]


def _describe_centre(frame: _Frame, centre: int) -> str:
    """Describe the chirality of a centre, which is not that of the data."""
    name, rows = frame.named(centre)[0], np.flatnonzero(frame.held.centres[:, 0] == centre)
    for row in rows:
        by_name = {frame.named(i)[0].rsplit("-", 1)[-1]: i for i in frame.held.centres[row, 1:].tolist()}
        if set(by_name) == {"N", "C", "CB"}:
            ordered = np.array([[centre, by_name["N"], by_name["C"], by_name["CB"]]])
            here, learned = "LD" if relative_volumes(frame.points[None], ordered)[0, 0] * L_SIGN > 0 else "DL"
            return f"{name} has {here} chirality, the model has learned {learned}"
    around = listed(frame.named(*frame.held.centres[rows[0], 1:].tolist()))
    return f"{name} has the opposite chirality to that in the training data (around it {around})"


def _check_overlaps(frame: _Frame) -> None:
    """Refuse atoms that lie in each other."""
    held, contact = frame.held, np.isinf(frame.held.upper_nm)
    pairs, lower_nm = held.pairs[contact], held.lower_nm[contact]
    if held.contact_nm:
        [(_, unlisted)] = close_pairs(frame.points[None], OVERLAP * held.contact_nm, held.pairs)
        pairs, lower_nm = np.concatenate([pairs, unlisted]), np.r_[lower_nm, np.full(len(unlisted), held.contact_nm)]
    distance = np.linalg.norm(frame.points[pairs[:, 0]] - frame.points[pairs[:, 1]], axis=-1)
    overlap = distance < OVERLAP * lower_nm
    if overlap.any():
        worst = int(np.argmin(np.where(overlap, distance / lower_nm.clip(1e-9), np.inf)))
        one, other = frame.named(*pairs[worst].tolist())
        raise InputError(
            f"{frame.where}: {one} and {other} lie in each other: they are {distance[worst]:.3g} nm apart, in the "
            f"training data never less than {lower_nm[worst]:.3g}; relax the structure first"
        )


def _tell_unlike(frame: _Frame, extent_nm: Extent | None) -> None:
    """Note what is possible but not in the data."""
    differences, held = [], frame.held
    if extent_nm is not None:
        size, (low, high) = radii_of_gyration_nm(frame.points[None])[0], extent_nm
        if not low * (1 - EXTENT_SLACK) <= size <= high * (1 + EXTENT_SLACK):
            differences.append(f"its radius of gyration is {size:.3g} nm, there {low:.3g} to {high:.3g}")
    far = frame.out_of_range(frame.points) & ~frame.near
    if far.any():
        row = int(np.argmax(far))
        one, other = frame.named(*held.pairs[row].tolist())
        differences.append(
            f"{int(far.sum())} distances that hardly change there are others, such as {one} to {other}, "
            f"{frame.distances(frame.points)[row]:.3g} nm, there {held.lower_nm[row]:.3g} to {held.upper_nm[row]:.3g}"
        )
    if differences:
        note(f"{frame.where} is unlike the training data: {'; '.join(differences)}; what follows on it is extrapolated")
