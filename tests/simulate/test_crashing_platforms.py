"""A driver that ends the process or hangs harms no one; here what does so is a part of the system that is sent."""

import os
import time
from dataclasses import replace

import pytest

from lamslide_md.errors import InputError, InputNote
from lamslide_md.simulate.jobs import Job
from lamslide_md.simulate.local import LocalWorkers
from lamslide_md.simulate.platforms import PlatformChoice
from lamslide_md.simulate.timing import PlatformFailure, choose_platform, time_apart, time_platforms

REFERENCE = PlatformChoice("Reference")
OPENCL = PlatformChoice("OpenCL")


class Calls(str):
    """A text in whose place the process that receives it calls a function."""

    __slots__ = ("call",)

    def __reduce__(self):
        return self.call


def calling(prepared, function, *arguments):
    text = Calls("a note")
    text.call = (function, arguments)
    return replace(prepared, notes=(text,))


def test_a_platform_that_crashes_is_left_out_with_a_note(prepared, short_settings):
    crashing = calling(prepared, os.abort)
    with pytest.warns(InputNote, match=r"^platform OpenCL crashes: .* was ended by SIGABRT; it is left out$"):
        timed = time_platforms(crashing, short_settings, seconds=0.05, platforms=[OPENCL, REFERENCE])
    assert [choice.name for choice in timed] == ["Reference"]
    with pytest.warns(InputNote), pytest.raises(InputError, match="runs on no platform: platform OpenCL crashes"):
        time_platforms(crashing, short_settings, platforms=[OPENCL])


def test_a_platform_that_hangs_fails_in_time(prepared, short_settings):
    before = time.monotonic()
    with pytest.raises(PlatformFailure, match=r"^platform OpenCL does not answer within 1 s$"):
        time_apart(calling(prepared, time.sleep, 300), short_settings, OPENCL, 0.05, patience_s=1.0)
    assert time.monotonic() - before < 60


def test_a_platform_that_cannot_run_is_left_out_without_a_note(prepared, short_settings, recwarn):
    timed = time_platforms(prepared, short_settings, seconds=0.05, platforms=[OPENCL, REFERENCE])
    assert [choice.name for choice in timed] == ["Reference"]
    assert not recwarn.list


def test_the_speed_in_another_process_is_that_of_this_one(prepared, short_settings):
    apart = time_apart(prepared, short_settings, REFERENCE, 0.5)
    (here,) = time_platforms(prepared, short_settings, seconds=0.5, platforms=[REFERENCE])
    assert 0.2 < apart.ns_per_day / here.ns_per_day < 5


@pytest.mark.parametrize("obstacle", ["not sent", "not received", "no interpreter"])
def test_a_platform_is_timed_here_where_no_other_process_can_be_had(prepared, short_settings, monkeypatch, obstacle):
    system = prepared
    if obstacle == "not sent":
        system = calling(prepared, lambda: None)
    elif obstacle == "not received":
        system = calling(prepared, int, "no number")
    else:
        monkeypatch.setattr("sys.executable", "/absent/python")
    assert time_apart(system, short_settings, REFERENCE, 0.05).ns_per_day > 0


def test_platforms_without_a_driver_are_timed_here(prepared, short_settings):
    """So that machines with no others pay nothing: what would crash another process is never sent to one."""
    assert choose_platform(calling(prepared, os.abort), short_settings, seconds=0.05).ns_per_day > 0


def test_a_worker_that_crashes_is_a_line_that_names_the_platform(prepared, short_settings, tmp_path):
    job = Job(calling(prepared, os.abort), short_settings, tmp_path / "rep1.xtc", 1, OPENCL)
    with pytest.raises(InputError, match=r"rep1\.xtc: the worker process was ended by SIGABRT on platform OpenCL: "):
        LocalWorkers(1).run([job])


def test_what_a_driver_writes_on_standard_output_is_passed_over(prepared, short_settings, tmp_path):
    noisy = calling(prepared, os.write, 1, b"OpenCL 3.0 pocl\n7\n[]\n")
    heard = []
    LocalWorkers(1, heard.append).run([Job(noisy, short_settings, tmp_path / "rep1.xtc", 1, REFERENCE)])
    assert heard[-1].fraction == 1.0
    assert time_apart(noisy, short_settings, REFERENCE, 0.05).ns_per_day > 0


def test_modules_of_the_current_folder_do_not_run_in_workers(prepared, short_settings, tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("open('ran', 'w').close()")
    monkeypatch.chdir(tmp_path)
    LocalWorkers(1).run([Job(prepared, short_settings, tmp_path / "rep1.xtc", 1, REFERENCE)])
    assert not (tmp_path / "ran").exists()
