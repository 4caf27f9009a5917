import re

import numpy as np
import pytest

from lamslide_md.data.times import Clock, believable_interval, frame_interval_of
from lamslide_md.data.trajectories import read
from lamslide_md.errors import InputError


@pytest.mark.parametrize("interval_ps", [0.002, 0.1, 1.0, 1 / 3, 10.0])
@pytest.mark.parametrize("start_ps", [0.0, 201.0, 1e5])
def test_single_precision_times_give_the_interval(start_ps, interval_ps):
    time = (start_ps + interval_ps * np.arange(5000)).astype(np.float32)
    last_place = np.spacing(time[-1])
    interval, _ = believable_interval(time)
    if last_place > 0.5 * interval_ps:
        assert interval is None
    else:
        # Six digits, and the rounding of first and last time over the whole length.
        assert abs(interval - interval_ps) <= 1e-6 * interval_ps + last_place / 4999


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        (np.arange(5), "count of frames"),
        (np.zeros(5), "do not rise"),
        (-np.arange(5.0), "do not rise"),
        (np.array([0.0, 1.0, 2.0, 4.0]), "frame 3 is 2 ps after"),
        (np.array([0.0, 1.0, 1.0, 2.0]), "not uniform"),
        (np.array([0.0, np.nan, 2.0]), "not uniform|do not rise"),
        (np.array([3.0]), "single frame"),
    ],
)
def test_axes_that_are_no_time_axes_are_not_believed(time, reason):
    interval, why = believable_interval(time)
    assert interval is None
    assert re.search(reason, why)


def test_callers_interval_that_contradicts_a_believable_axis_names_both(ethanol):
    with pytest.raises(InputError, match=r"its own times the frames are 2 ps apart, by frame_interval_ps 5 ps"):
        read(ethanol, frame_interval_ps=5.0)


def test_caller_overrules_an_axis_that_is_not_believable(ethanol):
    ethanol.time = np.zeros(25)
    assert frame_interval_of(read(ethanol, frame_interval_ps=5.0)) == 5.0


def test_missing_frame_is_found_also_between_chunks(ethanol):
    ethanol.time[20:] += 2.0
    for chunk in (25, 20, 4):
        with pytest.raises(InputError, match=r"frame 20 is (4 ps after the one|at 44 ps, the one) before"):
            read(ethanol, chunk=chunk)


def test_doubled_frame_is_found():
    clock = Clock("run.xtc")
    clock.follow(np.array([1.0, 2.0, 3.0]))
    with pytest.raises(InputError, match=r"run.xtc: frame 3 is at 3 ps, the one before at 3 ps"):
        clock.follow(np.array([3.0, 4.0]))


@pytest.mark.parametrize("interval", [0.0, -1.0, float("nan"), float("inf")])
def test_interval_must_be_a_positive_number(ethanol, interval):
    with pytest.raises(InputError, match="must be positive"):
        read(ethanol, frame_interval_ps=interval)
