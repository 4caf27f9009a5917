"""A driver that ends the process or hangs harms no one; here what does so is a part of the system that is sent."""

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import mdtraj as md
import pytest

from lamslide_md.errors import InputError, InputNote
from lamslide_md.openmm import refine
from lamslide_md.simulate import simulate
from lamslide_md.simulate.energies import sample_energies
from lamslide_md.simulate.jobs import Job
from lamslide_md.simulate.local import LocalWorkers
from lamslide_md.simulate.platform_trials import PlatformFailure, time_apart, tried
from lamslide_md.simulate.platforms import PlatformChoice
from lamslide_md.simulate.timing import choose_platform, time_platforms

REFERENCE = PlatformChoice("Reference")
OPENCL = PlatformChoice("OpenCL")


WORKER = """
import os
from lamslide_md.io.parents import end_with_parent
from lamslide_md.simulate import PlatformChoice, SimulationSettings, peptide, prepare
from lamslide_md.simulate.platform_trials import tried
from tests.simulate.test_crashing_platforms import calling
end_with_parent()
settings = SimulationSettings()
tried(calling(prepare(peptide("AG"), settings), os.abort), settings, PlatformChoice("OpenCL"))
"""


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


@pytest.mark.parametrize("face", ["simulate", "sample_energies", "refine"])
def test_a_chosen_platform_that_crashes_does_not_end_the_process_that_asks_for_it(
    prepared, short_settings, tmp_path, face
):
    crashing = calling(prepared, os.abort)
    frame = md.Trajectory(prepared.positions_nm, md.Topology.from_openmm(prepared.topology))
    ask = {
        "simulate": lambda: simulate(crashing, short_settings, tmp_path / "rep1.xtc", platform=OPENCL),
        "sample_energies": lambda: sample_energies(crashing, short_settings, 1, platform=OPENCL),
        "refine": lambda: refine(frame, crashing, platform=OPENCL),
    }
    with pytest.raises(PlatformFailure, match=r"^platform OpenCL crashes: .* SIGABRT; choose another platform$"):
        ask[face]()
    assert not list(tmp_path.glob("*.xtc"))


def test_a_chosen_platform_is_not_tried_where_it_was_timed(prepared, short_settings):
    """What would crash another process is never sent to one."""
    crashing = calling(prepared, os.abort)
    for choice in (REFERENCE, PlatformChoice("OpenCL", 1, 5.0)):
        assert tried(crashing, short_settings, choice) == choice


def test_a_worker_tries_no_platform_before_it_uses_it():
    """Its own crash is told in a line."""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", WORKER], stdin=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(root)}
    ) as worker:
        assert worker.wait() == 0


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
