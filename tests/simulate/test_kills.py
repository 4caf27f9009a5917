import random
import subprocess
import sys
import time

import mdtraj as md
import numpy as np
import pytest

from lamslide_md.simulate.frames import scan_frames

RUN = """
import sys
from pathlib import Path
from lamslide_md.simulate import *
settings = SimulationSettings(
    length_ps=float(sys.argv[2]), frame_interval_ps=0.1, equilibration_ps=5.0, checkpoint_interval_ps=2.0
)
prepared = prepare(peptide("A", capped=True), settings)
print("started", flush=True)
simulate(prepared, settings, Path(sys.argv[1]), platform=PlatformChoice("Reference"))
"""


def start(path, length_ps):
    command = [sys.executable, "-c", RUN, str(path), str(length_ps)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def kill_until_done(path, length_ps, n_kills, longest_s):
    """Kill the run at random moments after its start; return how often it was still running."""
    rng, killed = random.Random(0), 0
    for _ in range(n_kills):
        with start(path, length_ps) as process:
            time.sleep(rng.uniform(0.0, longest_s))
            killed += process.poll() is None
            process.kill()
    with start(path, length_ps) as process:
        assert process.wait() == 0
    return killed


def check(path, whole, length_ps):
    n_frames = round(length_ps / 0.1)
    assert scan_frames(path) == (n_frames, path.stat().st_size)
    with md.open(str(path)) as file:
        _, times, steps, _ = file.read()
    np.testing.assert_array_equal(steps, np.arange(1, n_frames + 1))
    np.testing.assert_allclose(times, 0.1 * np.arange(1, n_frames + 1), rtol=1e-6)
    with start(whole, length_ps) as process:
        assert process.wait() == 0
    assert path.read_bytes() == whole.read_bytes()


def test_killed_at_random_moments_no_frame_is_missing_or_doubled(tmp_path):
    killed = kill_until_done(tmp_path / "rep1.xtc", 80.0, n_kills=3, longest_s=0.4)
    assert killed >= 1
    check(tmp_path / "rep1.xtc", tmp_path / "whole.xtc", 80.0)


@pytest.mark.slow
def test_killed_twenty_times_at_random_moments_no_frame_is_missing_or_doubled(tmp_path):
    killed = kill_until_done(tmp_path / "rep1.xtc", 3000.0, n_kills=20, longest_s=2.0)
    assert killed >= 18
    check(tmp_path / "rep1.xtc", tmp_path / "whole.xtc", 3000.0)
