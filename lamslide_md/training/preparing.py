"""Places and scales trajectories for both stages."""

from dataclasses import replace

import numpy as np
import torch

from lamslide_md.config import Settings
from lamslide_md.data.masks import context_frames
from lamslide_md.data.stored_frames import StoredFrames, blocks_of, some_of
from lamslide_md.errors import InputError
from lamslide_md.frames import from_settings
from lamslide_md.frames.base import FrameTransform, Unchanged
from lamslide_md.systems.common_atoms import superposed_alike
from lamslide_md.systems.constraints import find_constraints
from lamslide_md.systems.core import with_core
from lamslide_md.systems.entities import joint_vocabularies
from lamslide_md.systems.equivalent_atoms import with_exchanges
from lamslide_md.systems.residues import check_chain
from lamslide_md.systems.system import PointTrajectory, System
from lamslide_md.training.training_data import TrainingData
from lamslide_md.training.windows import SystemDataset, Windows
from lamslide_md.units import MOST_PS, check_quantity, whole_frames

SCALE_WINDOWS = 4096
"""Windows from which the length scale of anchored windows is estimated."""

STORED_SAMPLE = 10_000
"""Frames, of those that are not in memory, from which core and constraints are found."""

NUMBERS_AT_ONCE = 10_000_000
"""Coordinates of windows of which the length scale is estimated at once: bounds memory."""


def prepare_data(
    trajectories: list[PointTrajectory], settings: Settings, frame_interval_ps: float | None
) -> TrainingData:
    """Place and scale trajectories, and give all systems the same vocabularies.

    Parameters
    ----------
    trajectories
        Trajectories.
    settings
        Placement and frame interval.
    frame_interval_ps
        Of the model, ps; None: that of the settings, or that of the data if it is longer.

    Returns
    -------
    TrainingData
        What both stages train on.

    Raises
    ------
    InputError
        If a frame interval of the data does not divide that of the model.
    """
    longest = max(r.frame_interval_ps for r in trajectories)
    interval_ps = max(settings.frame_interval_ps, longest) if frame_interval_ps is None else frame_interval_ps
    check_quantity("frame_interval_ps", interval_ps, MOST_PS, "ps")
    vocabularies = joint_vocabularies([r.system.entities for r in trajectories])
    n_slots = max(r.system.entities.n_slots for r in trajectories)
    frame = from_settings(settings.placement)
    if frame.of_residues:
        _check_chains([r.system for r in trajectories])
    if frame.needs_reference and any(r.system.topology is None for r in trajectories):
        raise InputError(f"placement {settings.placement!r} is for molecules, not for points; use 'superposed'")
    shared: dict[int, System] = {}
    olds = list({id(r.system): r.system for r in trajectories}.values())
    news = with_exchanges(olds, trajectories, interval_ps) if settings.exchange else olds
    news = superposed_alike(news) if frame.shared_reference else news
    for old, new in zip(olds, news, strict=True):
        own = some_of([r.points_nm for r in trajectories if r.system is old], STORED_SAMPLE)
        if frame.needs_reference:
            new = with_core(new, own)
        entities = old.entities.with_vocabularies(vocabularies, n_slots)
        constraints = find_constraints(own, entities.bonds, old.topology is not None, new.exchanges)
        shared[id(old)] = replace(new, entities=entities, constraints=constraints)
    trajectories = [replace(r, system=shared[id(r.system)]) for r in trajectories]
    datasets = [s for system in shared.values() for s in datasets_of(system, trajectories, settings, interval_ps)]
    # Refused now where no window fits, not after the first stage.
    Windows(datasets, settings.flow.n_frames)
    scale_nm = _length_scale(datasets, settings)
    if not scale_nm > 0:
        raise InputError(
            f"placement={settings.placement} leaves all coordinates equal: points at one place, or a single one, have "
            "no inner motion; placement=anchored models where they go"
        )
    datasets = [s.scaled(scale_nm) for s in datasets]
    return TrainingData(trajectories, tuple(shared.values()), datasets, scale_nm, interval_ps)


def _check_chains(systems: list[System]) -> None:
    """Refuse what is no chain of residues."""
    for system in systems:
        if system.topology is None:
            raise InputError("placement 'local' is for chains of residues, not for points; use 'superposed'")
        check_chain(system.topology)


def datasets_of(
    system: System, trajectories: list[PointTrajectory], settings: Settings, interval_ps: float
) -> list[SystemDataset]:
    """Place the trajectories of a system; those with the same frame interval are joined.

    Parameters
    ----------
    system
        With the vocabularies of the model.
    trajectories
        Of this and other systems.
    settings
        Placement.
    interval_ps
        Of the model.

    Returns
    -------
    list
        In nm.
    """
    by_stride: dict[int, list[np.ndarray | StoredFrames]] = {}
    transform = system.transform(from_settings(settings.placement))
    for r in trajectories:
        if r.system is system:
            stride = whole_frames(interval_ps, r.frame_interval_ps, "the model's frame interval")
            by_stride.setdefault(stride, []).append(r.points_nm)
    needed = from_settings(settings.placement).needs_reference
    reference = system.place(system.reference_nm[None], settings.placement)[0] if needed else None
    return [
        SystemDataset(system.entities, _placed(system, parts, transform), stride, tuple(map(len, parts)), reference)
        for stride, parts in by_stride.items()
    ]


def _placed(
    system: System, parts: list[np.ndarray | StoredFrames], transform: FrameTransform
) -> np.ndarray | StoredFrames:
    """Place trajectories and join them: in memory, or in a file where one of them is in a file."""
    seen = (system.seen(block.astype(np.float32), transform) for part in parts for block in blocks_of(part))
    stored = next((part for part in parts if isinstance(part, StoredFrames)), None)
    return np.concatenate(list(seen)) if stored is None else stored.sibling(seen)


def _length_scale(datasets: list[SystemDataset], settings: Settings) -> float:
    """Root mean square of the coordinates as the stages see them, nm."""
    transform = from_settings(settings.placement).windows
    if isinstance(transform, Unchanged):
        size = sum(s.points.size for s in datasets)
        return float(
            np.sqrt(sum(np.square(b, dtype=np.float64).sum() for s in datasets for b in blocks_of(s.points)) / size)
        )
    windows = Windows(datasets, settings.flow.n_frames)
    drawn = windows.draw(SCALE_WINDOWS, torch.Generator().manual_seed(0))
    n_at_once = max(
        1, NUMBERS_AT_ONCE // (settings.flow.n_frames * max(s.entities.n_points * s.entities.dim for s in datasets))
    )
    total, n_coordinates = 0.0, 0
    for part in np.array_split(drawn, -(-len(drawn) // n_at_once)):
        batch = transform.apply(windows.batch(part), context_frames(settings.flow.n_known))
        n_coordinates += int(batch.slot_mask.sum()) * batch.positions.shape[1] * batch.positions.shape[-1]
        total += float(batch.positions.double().square().sum())
    return float(np.sqrt(total / n_coordinates))
