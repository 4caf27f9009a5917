"""Killed wherever a command changes a file, it goes on to the same result; more than a hundred kills."""

import json
import os
import subprocess
import sys

import pytest

from tests.conftest import SMALL

ROLLOUT = ("--frames", "24", "--chains", "2", "--solver-steps", "1", "--seed", "5")
LEAST = {".xtc": 90, ".traj": 90, ".lamslide": 50}
"""Kills, of which there are as many as changes of files."""


def killed_everywhere(folder, suffix, *words):
    command = [sys.executable, "-m", "tests.kill_points", str(folder), suffix, *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".xtc", ".traj"])
def test_a_rollout_killed_at_any_change_of_its_files_goes_on_to_the_same_frames(model, tmp_path, suffix):
    told = killed_everywhere(tmp_path, suffix, "rollout", str(model), *ROLLOUT)
    assert told["wrong"] == []
    assert told["kills"] >= LEAST[suffix]


@pytest.mark.slow
def test_a_training_killed_at_any_change_of_its_files_goes_on_to_the_same_weights(dipeptide, tmp_path):
    words = ("train", str(dipeptide / "rep1.xtc"), "--interval-ps", "5", *SMALL)
    told = killed_everywhere(tmp_path, ".lamslide", *words)
    assert told["wrong"] == []
    assert told["kills"] >= LEAST[".lamslide"]
