"""Memory of long trajectories: what a frame more costs, measured as the peak of a process of its own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import mdtraj as md
import numpy as np
import pytest

import lamslide_md.io.stored_trajectories as stored_trajectories
from lamslide_md.cli.app import run
from tests.damage import files_up_to
from tests.small import shivering_peptide

ROOT = Path(__file__).parents[1]
TILED = 1000
"""Frames that are written again and again."""
PEAK = """
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print("peak", 1024 * int(peak.split()[1]))
"""
"""Of this process alone: what `resource` tells begins with the peak of the process that started it."""
COMPARE = """
import sys
import lamslide_md.io.stored_trajectories as stored_trajectories
from lamslide_md.cli.app import run
stored_trajectories.KEPT_BYTES = 0
assert run(["compare", sys.argv[1], "--reference", sys.argv[2], "--lag-ps", "10", "--out", sys.argv[3]]) == 0
"""
ROLL_OUT = """
import sys
import mdtraj, numpy as np
from lamslide_md import Rollout, System
n_frames, start = int(sys.argv[2]), mdtraj.load(sys.argv[1])
window = np.random.default_rng(0).normal(scale=0.01, size=(2, 1000, start.n_atoms, 3)).astype("f4") + start.xyz[0]
windows = lambda state: ((window.copy(), None) for _ in range(n_frames // 2000))
Rollout(System.molecule(start, "atoms"), n_frames // 2, 2, 1.0, windows).save(sys.argv[3])
"""


def written(path, n_frames, seed):
    """An xtc of a peptide that shivers, its topology beside it."""
    peptide = shivering_peptide("AGVD", n_frames=TILED, seed=seed)
    with md.formats.XTCTrajectoryFile(str(path), "w") as file:
        for first in range(0, n_frames, TILED):
            file.write(peptide.xyz, time=np.arange(first, first + TILED, dtype=np.float32))
    peptide[0].save_pdb(str(path.with_suffix(".pdb")))
    return path


def peak_bytes(script, *arguments):
    told = subprocess.run(
        [sys.executable, "-c", script + PEAK, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stderr
    return int(told.stdout.split()[-1])


@pytest.mark.slow
def test_frames_in_a_file_are_compared_to_the_same_figures_as_those_in_memory(tmp_path, monkeypatch):
    trajectories = [written(tmp_path / f"{name}.xtc", 2 * TILED, seed) for seed, name in enumerate("ab")]
    results = []
    for name, kept in (("memory.json", 1e9), ("file.json", 0)):
        monkeypatch.setattr(stored_trajectories, "KEPT_BYTES", kept)
        how = ["--lag-ps", "10", "--clusters", "20", "--out", str(tmp_path / name)]
        assert run(["compare", str(trajectories[0]), "--reference", str(trajectories[1]), *how]) == 0
        results.append((tmp_path / name).read_bytes())
    assert results[0] == results[1]


def test_a_full_disk_for_temporary_files_is_told_in_one_line_and_left_empty(tmp_path, monkeypatch, capsys):
    path, folder = written(tmp_path / "a.xtc", 2 * TILED, 0), tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(stored_trajectories, "KEPT_BYTES", 0)
    with files_up_to(100_000):
        assert run(["compare", str(path), "--reference", str(path)]) == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith(f"error: cannot keep the frames in {folder} ("), told
    assert "TMPDIR" in told
    assert not list(folder.iterdir())


@pytest.mark.slow
def test_comparing_needs_less_than_a_kilobyte_for_a_frame_of_each_side(tmp_path):
    """Half of it is needed; positions in memory would be as much again, and what was made of them at once once more."""
    few, many = 10_000, 110_000
    peaks = []
    for n_frames in (few, many):
        sides = [written(tmp_path / f"{name}{n_frames}.xtc", n_frames, seed) for seed, name in enumerate("ab")]
        peaks.append(peak_bytes(COMPARE, *sides, tmp_path / f"{n_frames}.json"))
    assert peaks[1] - peaks[0] < 1000 * (many - few)


@pytest.mark.slow
def test_a_rollout_is_written_in_the_same_memory_whatever_its_length(tmp_path):
    """The fewer are more than may wait to be written at once."""
    shivering_peptide("AGVD", n_frames=1)[0].save_pdb(str(tmp_path / "start.pdb"))
    few, many = 500_000, 1_500_000
    peaks = [peak_bytes(ROLL_OUT, tmp_path / "start.pdb", n, tmp_path / f"{n}.xtc") for n in (few, many)]
    assert peaks[1] - peaks[0] < 10 * (many - few)
