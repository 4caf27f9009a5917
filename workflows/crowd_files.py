"""Readers of pedestrian and basketball trajectories, as windows of frames of those who are there all the time."""

import functools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.errors import InputError
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.system import PointTrajectory, System

LEAVE_ONE_OUT = {
    "eth": ("biwi_eth",),
    "hotel": ("biwi_hotel",),
    "univ": ("students001", "students003"),
    "zara1": ("crowds_zara01",),
    "zara2": ("crowds_zara02",),
}
"""Files that each scene of ETH-UCY is tested on; it is trained on all others."""

ALWAYS_TRAINING = ("uni_examples", "crowds_zara03")
PEDESTRIAN_INTERVAL_S, BASKETBALL_INTERVAL_S = 0.4, 0.2
BALL, PLAYER = "ball", "player"


def split_scenes(folder: Path, scene: str) -> tuple[list[Path], list[Path]]:
    """Split the files of ETH-UCY for one scene.

    Parameters
    ----------
    folder
        Holds the eight text files.
    scene
        Of `LEAVE_ONE_OUT`.

    Returns
    -------
    training, test
        Files.

    Raises
    ------
    InputError
        If the scene is unknown or files are missing.
    """
    if scene not in LEAVE_ONE_OUT:
        raise InputError(f"unknown scene {scene!r}; choose one of {', '.join(LEAVE_ONE_OUT)}")
    names = sorted(ALWAYS_TRAINING + tuple(name for files in LEAVE_ONE_OUT.values() for name in files))
    missing = [name for name in names if not (folder / f"{name}.txt").is_file()]
    if missing:
        raise InputError(
            f"{folder} lacks {', '.join(f'{name}.txt' for name in missing)} of ETH-UCY's {len(names)} files"
        )
    test = LEAVE_ONE_OUT[scene]
    return [folder / f"{name}.txt" for name in names if name not in test], [folder / f"{name}.txt" for name in test]


def read_pedestrians(path: Path, *, n_frames: int = 20, max_people: int = 10, stride: int = 1) -> list[PointTrajectory]:
    """Read a scene of ETH-UCY: lines of frame, person, x and y, in metres, 0.4 s from one frame to the next.

    Parameters
    ----------
    path
        Text file.
    n_frames
        Frames of a window, without a gap.
    max_people
        More people than this are split into groups of people who are near each other.
    stride
        Frames from the beginning of a window to that of the next.

    Returns
    -------
    list of PointTrajectory
        A group of people who are there from the first to the last frame of a window; m and s instead of nm and ps.

    Raises
    ------
    InputError
        If the file is missing, or a line has no four numbers.
    """
    frames, people, places, _ = _read_lines(path, n_columns=4)
    trajectories = []
    for _, paths in _windows(path, frames, people, places, n_frames, stride):
        for group in _groups(paths[:, n_frames // 2], max_people):
            trajectories.append(PointTrajectory(_crowd(len(group)), paths[group].swapaxes(0, 1), PEDESTRIAN_INTERVAL_S))
    return trajectories


def read_basketball(path: Path, *, n_frames: int = 20, stride: int = 1) -> list[PointTrajectory]:
    """Read NBA scenes in SocialVAE's format: lines of frame, identity, x, y (feet) and BALL or PLAYER, 0.2 s apart.

    Parameters
    ----------
    path
        Text file, or a folder of them.
    n_frames
        Frames of a window, without a gap.
    stride
        Frames from the beginning of a window to that of the next.

    Returns
    -------
    list of PointTrajectory
        The ball first, then ten players; windows that lack one are left out. Feet and s instead of nm and ps.

    Raises
    ------
    InputError
        If a file is missing, or a line is not of that form.
    """
    files = sorted(path.glob("*.txt")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} holds no .txt file of a scene")
    trajectories = []
    for file in files:
        frames, people, places, groups = _read_lines(file, n_columns=5)
        alien = sorted(set(groups) - {"BALL", "PLAYER"})
        if alien:
            raise InputError(f"{file} has the group {alien[0]!r}; the groups are BALL and PLAYER")
        balls = {int(one) for one, group in zip(people, groups, strict=True) if group == "BALL"}
        for present, paths in _windows(file, frames, people, places, n_frames, stride):
            ball_first = np.argsort([one not in balls for one in present], kind="stable")
            if len(present) == 11 and present[ball_first[0]] in balls and present[ball_first[1]] not in balls:
                trajectories.append(PointTrajectory(_teams(), paths[ball_first].swapaxes(0, 1), BASKETBALL_INTERVAL_S))
    return trajectories


def _read_lines(
    path: Path, n_columns: int
) -> tuple[Int[np.ndarray, " lines"], Int[np.ndarray, " lines"], Float[np.ndarray, "lines 2"], list[str]]:
    """Frames, people, places and what else stands in the lines of a file."""
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the path")
    lines = [line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{path} is empty")
    wrong = next((i for i, cells in enumerate(lines) if len(cells) != n_columns), None)
    if wrong is not None:
        raise InputError(f"{path}, line {wrong + 1}: {' '.join(lines[wrong])!r} has not {n_columns} columns")
    try:
        numbers = np.array([cells[:4] for cells in lines], dtype=np.float64)
    except ValueError as error:
        raise InputError(f"{path}: {error} in one of its lines; frame, identity, x and y must be numbers") from error
    bad = np.flatnonzero(~np.isfinite(numbers).all(axis=1) | (numbers[:, :2] != np.round(numbers[:, :2])).any(axis=1))
    if len(bad):
        text = " ".join(lines[bad[0]])
        raise InputError(
            f"{path}, line {bad[0] + 1}: {text!r} is not finite, or frame or identity are no whole numbers"
        )
    frames, people = numbers[:, 0].astype(np.int64), numbers[:, 1].astype(np.int64)
    _, first, count = np.unique(numbers[:, :2], axis=0, return_index=True, return_counts=True)
    if (count > 1).any():
        text = " ".join(lines[first[count > 1][0]])
        raise InputError(f"{path} has two lines for the same frame and identity, as in {text!r}; remove one of them")
    return frames, people, numbers[:, 2:].astype(np.float32), [cells[-1] for cells in lines]


def _windows(
    path: Path,
    frames: Int[np.ndarray, " lines"],
    people: Int[np.ndarray, " lines"],
    places: Float[np.ndarray, "lines 2"],
    n_frames: int,
    stride: int,
) -> Iterator[tuple[Int[np.ndarray, " people"], Float[np.ndarray, "people frames 2"]]]:
    """Those who are there in all frames of a window, in rising order of identity, and their paths."""
    there, frame_index = np.unique(frames, return_inverse=True)
    identities, person_index = np.unique(people, return_inverse=True)
    if len(there) < n_frames:
        return
    table = np.full((len(identities), len(there), 2), np.nan, dtype=np.float32)
    table[person_index, frame_index] = places
    steps = np.diff(there)
    unbroken = np.concatenate([[0], np.cumsum(steps != np.bincount(steps).argmax())])
    for start in range(0, len(there) - n_frames + 1, stride):
        window = slice(start, start + n_frames)
        if unbroken[start] != unbroken[start + n_frames - 1]:
            continue
        paths = table[:, window]
        present = ~np.isnan(paths[:, :, 0]).any(axis=1)
        if present.any():
            yield identities[present], paths[present]


def _groups(places: Float[np.ndarray, "people 2"], max_people: int) -> list[Int[np.ndarray, " members"]]:
    """Halve a crowd across its longest extent until every group fits; each member is in exactly one."""
    groups, whole = [], [np.arange(len(places))]
    while whole:
        members = whole.pop()
        if len(members) <= max_people:
            groups.append(np.sort(members))
            continue
        away = places[members] - places[members].mean(axis=0)
        along = away @ np.linalg.svd(away.astype(np.float64), full_matrices=False)[2][0]
        order = members[np.argsort(along, kind="stable")]
        whole += [order[: len(order) // 2], order[len(order) // 2 :]]
    return groups


@functools.cache
def _crowd(n_people: int) -> System:
    return System(Entities.points(("person",) * n_people, dim=2), np.zeros((n_people, 2), dtype=np.float32))


@functools.cache
def _teams() -> System:
    return System(Entities.points((BALL,) + (PLAYER,) * 10, dim=2), np.zeros((11, 2), dtype=np.float32))
