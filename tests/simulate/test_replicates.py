import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from lamslide_md.errors import InputError
from lamslide_md.io.readers import read
from lamslide_md.simulate.jobs import replicate_seed, summed
from lamslide_md.simulate.platforms import PlatformChoice, parse_platform
from lamslide_md.simulate.progress import Progress
from lamslide_md.simulate.replicates import simulate_replicates
from lamslide_md.simulate.simulation import simulate
from lamslide_md.simulate.timing import time_platforms

REFERENCE = PlatformChoice("Reference")


def test_replicates_in_processes_are_those_simulated_here(alanine_dipeptide, prepared, short_settings, tmp_path):
    heard = []
    paths = simulate_replicates(
        alanine_dipeptide, short_settings, tmp_path / "A", n_replicates=2, platform=REFERENCE, progress=heard.append
    )
    assert [path.name for path in paths] == ["rep1.xtc", "rep2.xtc"]
    for number, path in enumerate(paths, start=1):
        alone = simulate(
            prepared, short_settings, tmp_path / path.name, seed=replicate_seed(0, number), platform=REFERENCE
        )
        assert alone.read_bytes() == path.read_bytes()
    assert paths[0].read_bytes() != paths[1].read_bytes()
    assert heard[-1].fraction == 1.0
    assert heard[-1].total_ps == pytest.approx(2 * 3.4)
    first, second = read(paths, top=tmp_path / "A" / "system.pdb")
    assert first.n_frames == second.n_frames == 24


def test_more_replicates_leave_the_earlier_as_they_are(alanine_dipeptide, short_settings, tmp_path):
    (first,) = simulate_replicates(alanine_dipeptide, short_settings, tmp_path, n_replicates=1, platform=REFERENCE)
    before = first.stat().st_mtime_ns
    paths = simulate_replicates(alanine_dipeptide, short_settings, tmp_path, n_replicates=2, platform=REFERENCE)
    assert paths[0].stat().st_mtime_ns == before
    assert paths[1].exists()


def test_changed_settings_are_refused_before_anything_runs_and_redone_on_request(
    alanine_dipeptide, short_settings, tmp_path
):
    (path,) = simulate_replicates(alanine_dipeptide, short_settings, tmp_path, n_replicates=1, platform=REFERENCE)
    before = path.read_bytes()
    colder = replace(short_settings, temperature_K=250.0)
    with pytest.raises(InputError, match=r"temperature_K 350\.0 there, 250\.0 now"):
        simulate_replicates(alanine_dipeptide, colder, tmp_path, n_replicates=1)
    assert path.read_bytes() == before
    simulate_replicates(alanine_dipeptide, colder, tmp_path, n_replicates=1, overwrite=True, platform=REFERENCE)
    assert path.read_bytes() != before


def test_failure_in_a_worker_arrives_as_its_own_message(alanine_dipeptide, short_settings, tmp_path):
    wild = replace(
        short_settings,
        timestep_fs=25.0,
        hydrogen_mass_amu=1.0,
        temperature_K=3000.0,
        length_ps=50.0,
        constraints="none",
    )
    with pytest.raises(InputError, match=r"shorter timestep_fs|chirality") as caught:
        simulate_replicates(alanine_dipeptide, wild, tmp_path, n_replicates=2, platform=REFERENCE)
    assert "\n" not in str(caught.value)


PARENT = """
import sys
from pathlib import Path
from lamslide_md.simulate import *
settings = SimulationSettings(length_ps=1e5, frame_interval_ps=0.1, equilibration_ps=0.0, checkpoint_interval_ps=1.0)
simulate_replicates(
    peptide("A", capped=True), settings, Path(sys.argv[1]), n_replicates=1, platform=PlatformChoice("Reference"),
    progress=lambda progress: print("running", flush=True),
)
"""


def test_worker_ends_when_its_parent_is_killed(tmp_path):
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE) as parent:
        parent.stdout.readline()
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(parent.pid)], capture_output=True, text=True, check=False
        ).stdout.split()
        parent.kill()
    assert len(children) == 1
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline:
        try:
            os.kill(int(children[0]), 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(int(children[0]), signal.SIGKILL)
    pytest.fail("the worker outlived its parent by 10 s")


def test_seeds_of_replicates_differ_and_are_allowed():
    seeds = [replicate_seed(seed, number) for seed in range(50) for number in range(1, 51)]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= 1
    assert max(seeds) < 2**31


def test_progress_of_jobs_adds_up():
    total = summed([Progress("done", 30.0, 30.0), Progress("simulating", 10.0, 30.0, 864.0, "CPU")], 90.0)
    assert total.fraction == pytest.approx(40 / 90)
    # 50 ps at 864 ns/day = 0.01 ns/s.
    assert total.remaining_s == pytest.approx(5.0)
    assert total.phase == "simulating"


def test_platforms_are_timed_and_named(prepared, short_settings):
    timed = time_platforms(prepared, short_settings, seconds=0.05)
    assert {"Reference", "CPU"} <= {choice.name for choice in timed}
    speeds = [choice.ns_per_day for choice in timed]
    assert speeds == sorted(speeds, reverse=True)
    assert np.min(speeds) > 0
    assert "ns/day" in str(timed[0])


@pytest.mark.parametrize(("text", "expected"), [("cpu:3", ("CPU", 3)), ("Reference", ("Reference", 1))])
def test_platform_is_understood_as_written(text, expected):
    choice = parse_platform(text)
    assert (choice.name, choice.n_threads) == expected


@pytest.mark.parametrize("text", ["Abacus", "CPU:0", "CPU:two"])
def test_unknown_platforms_are_refused(text):
    with pytest.raises(InputError, match="platform '"):
        parse_platform(text)
