"""The time axis of a trajectory: believed only when it is uniform and not a mere count of frames."""

from itertools import pairwise

import mdtraj as md
import numpy as np

from lamslide_md.errors import InputError, note, option
from lamslide_md.io.time_disorder import check_disorder
from lamslide_md.units import MOST_PS, RELATIVE_TOLERANCE, check_quantity


def frame_interval_of(trajectory: md.Trajectory) -> float:
    """Time between two frames of a trajectory that `read` returned.

    Parameters
    ----------
    trajectory
        At least two frames.

    Returns
    -------
    float
        Interval in ps.

    Raises
    ------
    InputError
        If the trajectory has one frame, or times that are not uniform and rising.
    """
    interval, why = believable_interval(trajectory.time)
    if interval is None:
        raise InputError(f"the trajectory of {trajectory.n_frames} frames has no frame interval: {why}")
    return interval


def believable_interval(time_ps: np.ndarray) -> tuple[float | None, str]:
    """Interval of a time axis, if it is one.

    Parameters
    ----------
    time_ps
        Times of successive frames, ps, as the file holds them.

    Returns
    -------
    tuple
        Interval in ps and an empty text, or None and the reason.
    """
    interval, why = usual_interval(time_ps)
    if interval is None:
        return None, why
    breaks = jumps(time_ps, interval)
    if len(breaks):
        jump = int(breaks[0])
        step = float(time_ps[jump]) - float(time_ps[jump - 1])
        return None, f"its times are not uniform (frame {jump} is {step:g} ps after the one before)"
    length = float(time_ps[-1]) - float(time_ps[0])
    return _roundest(length / (len(time_ps) - 1), _last_place(time_ps) / (len(time_ps) - 1)), ""


def usual_interval(time_ps: np.ndarray) -> tuple[float | None, str]:
    """Interval between most frames of a time axis, whether or not all keep it.

    Parameters
    ----------
    time_ps
        Times of successive frames, ps, as the file holds them.

    Returns
    -------
    tuple
        Interval in ps and an empty text, or None and the reason.
    """
    # mdtraj numbers frames with integers where a format holds no time (dcd, pdb, xyz); real times are read as floats.
    if not np.issubdtype(time_ps.dtype, np.floating):
        return None, "it holds no times, only a count of frames"
    if len(time_ps) < 2:
        return None, "it has a single frame"
    time = time_ps.astype(np.float64)
    steps = np.diff(time)
    interval = float(np.quantile(steps, 0.5, method="lower"))
    if not (np.isfinite(time).all() and (interval > 0 or _rounded(time))):
        return None, f"its times do not rise (first {time[0]:g} ps, last {time[-1]:g} ps)"
    if _rounded(time):
        return None, f"its times are rounded to {_last_place(time):g} ps, which is no less than what they are apart"
    # Steps of single-precision times are rounded: the mean over all that keep to the median is nearer.
    usual = steps[np.abs(steps - interval) <= RELATIVE_TOLERANCE * interval + _last_place(time)]
    return _roundest(float(usual.mean()), _last_place(time) / len(usual)), ""


def _rounded(time: np.ndarray) -> bool:
    """Tell whether times of single precision are too coarse for the frames: they rise unevenly by its last place."""
    steps, last_place = np.diff(time), _last_place(time)
    return bool(0 <= steps.min() < steps.max() <= 2 * last_place and 0 < steps.mean() <= last_place)


def _roundest(value: float, error: float) -> float:
    """Choose the number of the fewest digits, six at most, within the error of a value."""
    rounded = (float(f"{value:.{digits}g}") for digits in range(1, 7))
    return next((number for number in rounded if abs(number - value) <= error), float(f"{value:.6g}"))


def jumps(time_ps: np.ndarray, interval_ps: float) -> np.ndarray:
    """Indices of the frames that do not follow the one before by the interval."""
    time = time_ps.astype(np.float64)
    return np.flatnonzero(~(np.abs(np.diff(time) - interval_ps) <= _tolerance(time, interval_ps))) + 1


def _tolerance(time: np.ndarray, interval_ps: float) -> float:
    """Times in files are single precision: each of two may be off by half a unit in its last place."""
    return min(RELATIVE_TOLERANCE * interval_ps + _last_place(time), 0.5 * interval_ps)


def _last_place(time: np.ndarray) -> float:
    return float(np.spacing(np.float32(np.abs(time).max())))


class Clock:
    """Uniform times for the frames of one trajectory, as its chunks come by.

    The interval is settled at the first chunk: the caller's overrules that of the file's times and of the manifest
    beside it, and a note says so; where only the latter two tell and differ, the file is refused. Frames that are
    doubled, missing or begin anew are found over the whole file, and nobody can overrule them.

    Parameters
    ----------
    source
        File name for the messages.
    given_ps
        Frame interval the caller gave, ps.
    manifest_ps
        Frame interval the manifest gives, ps.

    Raises
    ------
    InputError
        If the caller's interval is not positive.
    """

    def __init__(self, source: str, given_ps: float | None = None, manifest_ps: float | None = None) -> None:
        if given_ps is not None:
            check_quantity("frame_interval_ps", given_ps, MOST_PS, "ps")
        self.source = source
        self.n_frames = 0
        self._given_ps = given_ps
        self._manifest_ps = manifest_ps
        self._interval_ps = 0.0
        self._start_ps = 0.0
        self._last = np.empty(0)
        self._own_ps: float | None = None
        self._breaks: list[tuple[int, float, float]] = []

    def follow(self, time_ps: np.ndarray) -> np.ndarray:
        """Give the next chunk its times.

        Parameters
        ----------
        time_ps
            Times as the file holds them, ps, shape (frames,).

        Returns
        -------
        np.ndarray
            Uniform times, ps, shape (frames,).

        Raises
        ------
        InputError
            If no interval can be settled.
        """
        if self.n_frames == 0:
            self._start(time_ps)
        if self._own_ps is not None:
            joined = np.concatenate([self._last, time_ps]).astype(np.float64)
            first = self.n_frames - len(self._last)
            self._breaks += [
                (first + jump, joined[jump - 1], joined[jump]) for jump in jumps(joined, self._own_ps).tolist()
            ]
        self._last = time_ps[-1:]
        times = self._start_ps + self._interval_ps * np.arange(self.n_frames, self.n_frames + len(time_ps))
        self.n_frames += len(time_ps)
        return times

    def check(self) -> None:
        """Refuse frames so far that do not follow each other.

        Raises
        ------
        InputError
            With the parts that are sound.
        """
        if not self._breaks:
            return
        frame, before, after = self._breaks[0]
        ends = [0, *(jump for jump, _, _ in self._breaks), self.n_frames]
        parts = [f"{start} to {stop - 1}" for start, stop in pairwise(ends)]
        listed = ", ".join(parts[:4]) + (f", ... ({len(parts)} parts)" if len(parts) > 4 else "")
        raise InputError(
            f"{self.source}: frame {frame} is at {after:g} ps, the one before at {before:g} ps, the interval is "
            f"{self._own_ps:g} ps: frames are missing, doubled or begin anew; give the sound parts as several files, "
            f"frames {listed}"
        )

    def _start(self, time_ps: np.ndarray) -> None:
        if len(time_ps) < 2:
            raise InputError(f"{self.source} has {len(time_ps)} frame; a trajectory needs at least 2")
        self._own_ps, why = usual_interval(time_ps)
        manifest_ps, given_ps = self._manifest_ps, self._given_ps
        sources = {"its own times": self._own_ps, "the manifest beside it": manifest_ps}
        stated = {name: value for name, value in sources.items() if value is not None}
        if given_ps is not None:
            if self._own_ps is None:
                check_disorder(self.source, time_ps, given_ps)
                if np.issubdtype(time_ps.dtype, np.floating):
                    note(f"{self.source}: {why}; {given_ps:g} ps is taken, as {option('frame_interval_ps')} says")
            for name, value in stated.items():
                if not _agree(value, given_ps):
                    note(
                        f"{self.source}: by {name} the frames are {value:g} ps apart; {given_ps:g} ps is taken, as "
                        f"{option('frame_interval_ps')} says"
                    )
            self._interval_ps = given_ps
        elif not stated:
            called = option("frame_interval_ps")
            mend = f"pass {called}" if called else "write it with times, or with a manifest"
            raise InputError(f"{self.source} does not say how far apart its frames are: {why}; {mend}")
        elif len(stated) == 2 and not _agree(*stated.values()):
            called = option("frame_interval_ps")
            mend = f"say which with {called} (the file's, before any stride)" if called else "correct one of them"
            raise InputError(
                f"{self.source}: by its own times the frames are {self._own_ps:g} ps apart, by the manifest beside it "
                f"{manifest_ps:g} ps; {mend}"
            )
        else:
            # That of the manifest is not rounded to single precision.
            self._interval_ps = list(stated.values())[-1]
        overruled = given_ps is not None and self._own_ps is not None and not _agree(self._own_ps, given_ps)
        self._start_ps = 0.0 if self._own_ps is None or overruled else float(time_ps[0])


def _agree(one_ps: float, other_ps: float) -> bool:
    return abs(one_ps - other_ps) <= RELATIVE_TOLERANCE * other_ps
