"""The time axis of a trajectory: believed only when it is uniform and not a mere count of frames."""

import mdtraj as md
import numpy as np

from lamslide_md.errors import InputError
from lamslide_md.units import RELATIVE_TOLERANCE


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
    # mdtraj numbers frames with integers where a format holds no time (dcd, pdb, xyz); real times are read as floats.
    if not np.issubdtype(time_ps.dtype, np.floating):
        return None, "it holds no times, only a count of frames"
    if len(time_ps) < 2:
        return None, "it has a single frame"
    time = time_ps.astype(np.float64)
    interval = float(f"{(time[-1] - time[0]) / (len(time) - 1):.6g}")
    if not (np.isfinite(time).all() and interval > 0):
        return None, f"its times do not rise (first {time[0]:g} ps, last {time[-1]:g} ps)"
    if first_jump(time_ps, interval) is not None:
        steps = np.diff(time)
        jump = int(np.abs(steps - np.median(steps)).argmax()) + 1
        return None, f"its times are not uniform (frame {jump} is {steps[jump - 1]:g} ps after the one before)"
    return interval, ""


def first_jump(time_ps: np.ndarray, interval_ps: float) -> int | None:
    """Index of the first frame that does not follow the one before by the interval; None if all do.

    Times in files are single precision: each of the two may be off by half a unit in its last place.
    """
    time = time_ps.astype(np.float64)
    last_place = float(np.spacing(np.float32(np.abs(time).max())))
    tolerance = min(RELATIVE_TOLERANCE * interval_ps + last_place, 0.5 * interval_ps)
    jumps = np.flatnonzero(~(np.abs(np.diff(time) - interval_ps) <= tolerance))
    return int(jumps[0]) + 1 if len(jumps) else None


class Clock:
    """Uniform times for the frames of one trajectory, as its chunks come by.

    The interval is settled at the first chunk from the file's times, the manifest beside it and the caller; where
    two of them tell and differ, the file is refused. Times that jump later are refused, unless the caller gave the
    interval.

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
        if given_ps is not None and not (np.isfinite(given_ps) and given_ps > 0):
            raise InputError(f"frame_interval_ps={given_ps:g} must be positive")
        self.source = source
        self.n_frames = 0
        self._given_ps = given_ps
        self._manifest_ps = manifest_ps
        self._interval_ps = 0.0
        self._start_ps = 0.0
        self._last = np.empty(0)
        self._follows_file = False

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
            If no interval can be settled, or frames are missing or doubled.
        """
        if self.n_frames == 0:
            self._start(time_ps)
        elif self._follows_file:
            self._check_jump(np.concatenate([self._last, time_ps]))
        self._last = time_ps[-1:]
        times = self._start_ps + self._interval_ps * np.arange(self.n_frames, self.n_frames + len(time_ps))
        self.n_frames += len(time_ps)
        return times

    def _start(self, time_ps: np.ndarray) -> None:
        if len(time_ps) < 2:
            raise InputError(f"{self.source} has {len(time_ps)} frame; a trajectory needs at least 2")
        file_ps, why = believable_interval(time_ps)
        known = {
            "its own times": file_ps,
            "the manifest beside it": self._manifest_ps,
            "frame_interval_ps": self._given_ps,
        }
        told = [(name, value) for name, value in known.items() if value is not None]
        if not told:
            raise InputError(f"{self.source} does not say how far apart its frames are: {why}; pass frame_interval_ps")
        first_name, first = told[0]
        for name, value in told[1:]:
            if abs(value - first) > RELATIVE_TOLERANCE * first:
                raise InputError(
                    f"{self.source}: by {first_name} the frames are {first:g} ps apart, by {name} {value:g} ps; mend "
                    "the one that is wrong (frame_interval_ps is the file's, before any stride)"
                )
        # The last one told is not rounded to single precision.
        self._interval_ps = told[-1][1]
        self._start_ps = float(time_ps[0]) if file_ps is not None else 0.0
        self._follows_file = file_ps is not None and self._given_ps is None

    def _check_jump(self, time_ps: np.ndarray) -> None:
        jump = first_jump(time_ps, self._interval_ps)
        if jump is not None:
            raise InputError(
                f"{self.source}: frame {self.n_frames + jump - 1} is at {time_ps[jump]:g} ps, the one before at "
                f"{time_ps[jump - 1]:g} ps, the interval is {self._interval_ps:g} ps; frames are missing or doubled: "
                "give the sound parts as several files, or pass frame_interval_ps to overrule the times"
            )
