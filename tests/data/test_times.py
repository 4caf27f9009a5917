import re

import numpy as np
import pytest

from lamslide_md.errors import InputError, InputNote
from lamslide_md.io.readers import read
from lamslide_md.io.times import Clock, believable_interval, frame_interval_of


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


def test_callers_interval_overrules_times_that_differ_and_a_note_says_so(ethanol):
    told = r"by its own times the frames are 2 ps apart; 5 ps is taken, as frame_interval_ps says"
    with pytest.warns(InputNote, match=told):
        trajectory = read(ethanol, frame_interval_ps=5.0)
    np.testing.assert_array_equal(trajectory.time, 5.0 * np.arange(25))


def test_callers_interval_that_agrees_keeps_the_first_time_and_needs_no_note(ethanol, recwarn):
    trajectory = read(ethanol, frame_interval_ps=2.0)
    assert (trajectory.time[0], frame_interval_of(trajectory)) == (2.0, 2.0)
    assert not [warning for warning in recwarn if warning.category is InputNote]


def test_caller_overrules_an_axis_that_is_not_believable(ethanol):
    ethanol.time = np.zeros(25)
    assert frame_interval_of(read(ethanol, frame_interval_ps=5.0)) == 5.0


@pytest.mark.parametrize("given", [None, 2.0, 5.0])
@pytest.mark.parametrize("chunk", [25, 20, 13, 4])
def test_frames_that_do_not_follow_each_other_are_found_over_the_whole_file_and_not_overruled(ethanol, chunk, given):
    ethanol.time[8:] += 2.0
    ethanol.time[20:] -= 30.0
    advice = (
        r"frame 8 is at 20 ps, .*at 16 ps, .* give the sound parts as several files, frames 0 to 7, 8 to 19, 20 to 24$"
    )
    with pytest.raises(InputError, match=advice):
        read(ethanol, chunk=chunk, frame_interval_ps=given)


def test_doubled_frame_is_found():
    clock = Clock("run.xtc")
    clock.follow(np.array([1.0, 2.0, 3.0]))
    clock.check()
    clock.follow(np.array([3.0, 4.0]))
    with pytest.raises(InputError, match=r"run.xtc: frame 3 is at 3 ps, the one before at 3 ps"):
        clock.check()


def test_times_of_file_and_manifest_that_differ_are_refused_until_the_caller_says_which():
    with pytest.raises(InputError, match=r"own times .* 1 ps apart, by the manifest .* 2 ps; say which with frame_int"):
        Clock("run.xtc", manifest_ps=2.0).follow(np.arange(3.0))
    with pytest.warns(InputNote, match="its own times the frames are 1 ps apart; 2 ps is taken"):
        times = Clock("run.xtc", 2.0, manifest_ps=2.0).follow(np.arange(3.0))
    np.testing.assert_array_equal(times, [0.0, 2.0, 4.0])


@pytest.mark.parametrize("interval", [0.0, -1.0, float("nan"), float("inf")])
def test_interval_must_be_a_positive_number(ethanol, interval):
    with pytest.raises(InputError, match="must be positive"):
        read(ethanol, frame_interval_ps=interval)


@pytest.mark.parametrize("given", [None, 1.0])
def test_frames_that_run_backwards_are_refused_whatever_the_caller_says(ethanol, given):
    ethanol.time = ethanol.time[::-1].copy()
    with pytest.raises(InputError, match=r"times (do not rise|fall)"):
        read(ethanol, frame_interval_ps=given)


def test_a_file_in_which_every_frame_stands_twice_is_refused_though_the_interval_is_given(ethanol):
    ethanol.time = np.repeat(np.arange(13.0, dtype=np.float32), 2)[:25]
    with pytest.raises(InputError, match=r"12 of its times are those of the frame before, .* frames stand there twice"):
        read(ethanol, frame_interval_ps=1.0)


@pytest.mark.parametrize("time", [np.zeros(25), np.floor(0.2 * np.arange(25)), np.r_[np.nan, np.arange(24.0)]])
def test_times_that_tell_nothing_are_overruled_and_a_note_says_so(ethanol, time):
    ethanol.time = time
    with pytest.warns(InputNote, match=r"times .*; 0\.2 ps is taken, as frame_interval_ps says"):
        trajectory = read(ethanol, frame_interval_ps=0.2)
    np.testing.assert_allclose(trajectory.time, 0.2 * np.arange(25))


@pytest.mark.parametrize(("start_ps", "interval_ps", "n_frames"), [(1e6, 0.1, 40), (1e7, 1.5, 30), (5e6, 0.7, 300)])
def test_the_interval_behind_coarse_times_is_the_roundest_that_fits(start_ps, interval_ps, n_frames):
    time = (start_ps + interval_ps * np.arange(n_frames)).astype(np.float32)
    assert believable_interval(time) == (interval_ps, "")
    assert Clock("a.xtc").follow(time)[1] - Clock("a.xtc").follow(time)[0] == pytest.approx(interval_ps, abs=1e-9)


@pytest.mark.parametrize(("start_ps", "interval_ps"), [(3e7, 1.0), (1e6, 0.05), (1e6, 0.02)])
def test_times_too_coarse_for_the_frames_are_no_missing_frames_and_the_caller_says(start_ps, interval_ps):
    time = (start_ps + interval_ps * np.arange(100)).astype(np.float32)
    with pytest.raises(InputError, match=r"its times are rounded to [0-9.]+ ps, which is no less"):
        Clock("a.xtc").follow(time)
    clock = Clock("a.xtc", interval_ps)
    with pytest.warns(InputNote, match="its times are rounded to"):
        times = clock.follow(time)
    clock.check()
    np.testing.assert_allclose(np.diff(times), interval_ps)
