"""Trajectories as the user has them, checked, each of one of a few systems."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import mdtraj as md
import numpy as np

from lamslide_md.config import Settings
from lamslide_md.data.stored_frames import StoredFrames, blocks_of
from lamslide_md.errors import InputError, note
from lamslide_md.io.readers import read
from lamslide_md.io.stored_trajectories import StoredTrajectory
from lamslide_md.io.structured_texts import shortened
from lamslide_md.io.times import frame_interval_of
from lamslide_md.systems.bond_finding import bonds_of
from lamslide_md.systems.constraints import centres_of
from lamslide_md.systems.matching import match_labels
from lamslide_md.systems.selections import is_selected, leaves_solvent_out
from lamslide_md.systems.system import PointTrajectory, System
from lamslide_md.systems.topologies import listed
from lamslide_md.systems.volumes import relative_volumes
from lamslide_md.training.training_data import coordinates_hash

Source: TypeAlias = (
    md.Trajectory
    | PointTrajectory
    | Sequence[md.Trajectory]
    | Sequence[PointTrajectory]
    | Sequence[md.Trajectory | StoredTrajectory]
)

MOST_NM = 1e18
"""Coordinates beyond are mistakes: models compute in single precision, in which squares must be finite."""
CHIRALITY_FRAMES = 50
"""Frames of a trajectory in which a centre must keep its chirality, about."""


def items_of(source: Source) -> list[Any]:
    """List what was given, one or several."""
    if isinstance(source, np.ndarray):
        raise InputError(
            f"an array of the shape {source.shape} does not tell what moves; pass an mdtraj.Trajectory, or a "
            "lamslide_md.PointTrajectory of it"
        )
    if source is None or isinstance(source, (md.Trajectory, PointTrajectory, str, Path)):
        return [] if source is None else [source]
    if isinstance(source, (bytes, Mapping)) or not isinstance(source, Iterable):
        raise InputError(
            f"trajectories={shortened(source)} is of type {type(source).__name__}; pass one or several, as "
            "lamslide_md.read gives"
        )
    return list(source)


def gather(source: Source, settings: Settings) -> list[PointTrajectory]:
    """Check trajectories and pick the modelled atoms.

    Parameters
    ----------
    source
        Trajectories of one or several molecules, or of points.
    settings
        Which atoms, grouped how.

    Returns
    -------
    list of PointTrajectory
        Trajectories of the same atoms share one system.

    Raises
    ------
    InputError
        If a trajectory has NaN, impossible bonds or no believable times, or there is none.
    """
    items = items_of(source)
    if not items:
        raise InputError("no trajectory to train on: pass at least one")
    systems: dict[tuple[Any, ...], System] = {}
    trajectories = []
    for index, item in enumerate(items):
        if isinstance(item, PointTrajectory):
            _check_points(item, f"trajectory {index + 1} of {len(items)}")
            trajectories.append(item)
            continue
        traj = item if isinstance(item, StoredTrajectory) else _read(item, settings)
        name = getattr(item, "read_from", f"trajectory {index + 1} of {len(items)}")
        if _is_still(traj.xyz):
            raise InputError(
                f"{name}: its {traj.n_frames} frames are all equal, nothing moves; was one frame written again and "
                "again?"
            )
        start = traj.first if isinstance(traj, StoredTrajectory) else traj
        system = System.molecule(start, settings.autoencoder.entities)
        shared = systems.setdefault(tuple(sorted(system.labels())), system)
        xyz = traj.xyz if shared is system else _in_order_of(shared, traj, index)
        interval_ps = traj.frame_interval_ps if isinstance(traj, StoredTrajectory) else frame_interval_of(traj)
        trajectories.append(PointTrajectory(shared, xyz, interval_ps))
    # Of many, such as people, some may stand.
    if all(isinstance(item, PointTrajectory) and _is_still(item.points_nm) for item in items):
        raise InputError(
            f"the frames of each of the {len(items)} trajectories are all equal, nothing moves; there is no dynamics "
            "to learn"
        )
    _tell_doubled(trajectories)
    _tell_mirrored(trajectories)
    return trajectories


def _is_still(points_nm: np.ndarray | StoredFrames) -> bool:
    first = points_nm[:1]
    return all((block == first).all() for block in blocks_of(points_nm))


def _check_points(trajectory: PointTrajectory, name: str) -> None:
    """Refuse points that cannot be trained on."""
    n_frames = len(trajectory.points_nm)
    if not n_frames:
        raise InputError(f"{name} has no frames")
    if not (np.isfinite(trajectory.frame_interval_ps) and trajectory.frame_interval_ps > 0):
        raise InputError(f"{name} has a frame interval of {trajectory.frame_interval_ps:g}; it must be positive")
    done = 0
    for block in blocks_of(trajectory.points_nm):
        bad = np.flatnonzero(~np.isfinite(block).all(axis=(1, 2)))
        if len(bad):
            raise InputError(
                f"{name}: frame {done + int(bad[0])} has coordinates that are not finite (NaN or infinite)"
            )
        far = np.flatnonzero((np.abs(block.astype(np.float64)) > MOST_NM).any(axis=(1, 2)))
        if len(far):
            raise InputError(
                f"{name}: frame {done + int(far[0])} has coordinates beyond {MOST_NM:g}, too large for single "
                "precision; give them in another unit"
            )
        done += len(block)


def _read(item: object, settings: Settings) -> md.Trajectory:
    how = {"solvent": not leaves_solvent_out(settings.atoms), "check_bonds": settings.check_bonds}
    atoms = "all" if is_selected(item, settings.atoms) else settings.atoms
    return cast(md.Trajectory, read(cast(md.Trajectory, item), atoms=atoms, **how))


def _in_order_of(first: System, traj: md.Trajectory | StoredTrajectory, index: int) -> np.ndarray | StoredFrames:
    """Positions in the order of the atoms of an earlier trajectory; what else differs is noted."""
    topology = first.topology or md.Topology()
    order = match_labels(topology, traj.topology)
    if order is None:
        raise InputError(
            f"trajectory {index} of the training data (counted from 0) has the atoms of an earlier one, but its names "
            "do not tell them apart and its order or bonds differ; give it the atoms in the same order"
        )
    own, theirs = ({frozenset(pair) for pair in bonds_of(t).tolist()} for t in (topology, traj.topology))
    place = {int(there): here for here, there in enumerate(order)}
    odd = own ^ {frozenset(place[atom] for atom in pair) for pair in theirs}
    if odd:
        one, other = (topology.atom(atom) for atom in sorted(next(iter(odd))))
        note(
            f"trajectory {index} of the training data (counted from 0) has the atoms of an earlier one but other bonds "
            f"({len(odd)}, such as {one} to {other}); those of the earlier one are kept for both"
        )
    if (order == np.arange(len(order))).all():
        return traj.xyz
    note(
        f"trajectory {index} of the training data (counted from 0) has its atoms in another order than an earlier one "
        "of the same molecule; they are put in that order"
    )
    return traj.xyz.ordered(order) if isinstance(traj.xyz, StoredFrames) else traj.xyz[:, order]


def _tell_mirrored(trajectories: list[PointTrajectory]) -> None:
    """Note trajectories of one molecule with opposite chirality at a centre, which a model of both cannot keep."""
    first: dict[int, np.ndarray] = {}
    for i, trajectory in enumerate(trajectories):
        bonds, topology = trajectory.system.entities.bonds, trajectory.system.topology
        centres = np.array(list(centres_of(bonds)), dtype=int).reshape(-1, 4)
        if topology is None or not len(centres):
            continue
        some = trajectory.points_nm[:: max(1, len(trajectory.points_nm) // CHIRALITY_FRAMES)].astype(np.float64)
        volume = relative_volumes(some, centres)
        # Zero where a centre inverts, as nitrogens do.
        chirality = np.sign(volume[0]) * (np.abs(volume.mean(axis=0)) == np.abs(volume).mean(axis=0))
        inverted = chirality * first.setdefault(id(trajectory.system), chirality) < 0
        if inverted.any():
            names = list(dict.fromkeys(str(topology.atom(int(atom))) for atom in centres[inverted, 0]))
            note(
                f"trajectory {i} of the training data (counted from 0) has the opposite chirality at {listed(names)} "
                "to an earlier one of the same molecule; is one mirrored? A model of both keeps neither chirality"
            )


def _tell_doubled(trajectories: list[PointTrajectory]) -> None:
    """Note trajectories that are there twice: they weigh double and are no replicates."""
    first: dict[str, int] = {}
    for i, trajectory in enumerate(trajectories):
        before = first.setdefault(coordinates_hash(trajectory.points_nm), i)
        if before != i:
            note(
                f"trajectory {i} of the training data has the coordinates of trajectory {before} in all its "
                f"{len(trajectory.points_nm)} frames (counted from 0): given twice it weighs double and adds nothing"
            )
