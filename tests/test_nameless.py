"""Nothing is left of temporary files when a process is killed while it holds them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lamslide_md.nameless as nameless
from lamslide_md.io.frame_counts import count_frames_before
from lamslide_md.io.growing_files import growing_file
from tests.small import shivering_peptide

ROOT = Path(__file__).parents[1]
N_FRAMES, PART = 300, 100
DYING = """
import os, signal, sys
def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
"""
"""What follows has the process killed where it holds a temporary file."""
COMPARES = """
import lamslide_md.analysis.compare as compare
import lamslide_md.io.stored_trajectories as stored_trajectories
from lamslide_md.cli.app import run
stored_trajectories.KEPT_BYTES = 0
compare.evaluate = killed
run(["compare", sys.argv[1], "--reference", sys.argv[1], "--lag-ps", "10"])
"""
TRAINS_FROM_FILES = """
import lamslide_md.surrogate as surrogate
from lamslide_md.cli.app import run
surrogate.Surrogate.fit = killed
run(["train", sys.argv[1], "--on-disk", "--interval-ps", "1", "--out", "m.lamslide", "--checkpoints", sys.argv[2]])
"""
TRAINS_ON_DEVICES = """
import lamslide_md as lam
from tests.small import tiny_settings
data = lam.read([sys.argv[1]], sys.argv[1].replace(".xtc", ".pdb"), atoms="heavy")
settings = tiny_settings(n_steps=500)
lam.Surrogate.fit(data, settings=settings, accelerator="cpu", devices=2, checkpoint_dir=sys.argv[2], on_progress=killed)
"""
WRITES_A_CHUNK = """
import mdtraj as md
from lamslide_md.nameless import nameless_once_open
with nameless_once_open(lambda path: md.formats.XTCTrajectoryFile(path, "w")):
    killed()
"""
COUNTS = """
import lamslide_md.io.frame_counts as frame_counts
from pathlib import Path
frame_counts.count_sound_frames = killed
frame_counts.count_frames_before(Path(sys.argv[1]), int(sys.argv[3]), 30)
"""


@pytest.fixture(scope="module")
def trajectory(tmp_path_factory):
    """An xtc of a peptide that shivers, with the length of its first part."""
    path = tmp_path_factory.mktemp("read") / "a.xtc"
    peptide = shivering_peptide("AG", n_frames=N_FRAMES)
    peptide[0].save_pdb(str(path.with_suffix(".pdb")))
    file = growing_file(path, peptide.topology, 0)
    length = file.extend(0, 0, peptide.xyz[:PART], peptide.time[:PART])
    file.extend(length, PART, peptide.xyz[PART:], peptide.time[PART:])
    return path, length, peptide


@pytest.mark.parametrize(
    ("script", "kept"),
    [
        (COMPARES, ()),
        (TRAINS_FROM_FILES, ("lamslide-lock",)),
        pytest.param(TRAINS_ON_DEVICES, (".safetensors", "lamslide-lock"), marks=pytest.mark.slow),
        (WRITES_A_CHUNK, ()),
        (COUNTS, ()),
    ],
    ids=["compare", "train from files", "train on devices", "write frames", "count frames"],
)
def test_nothing_is_left_when_a_process_is_killed(trajectory, tmp_path, script, kept):
    path, length, _ = trajectory
    temporary, checkpoints = tmp_path / "temporary", tmp_path / "checkpoints"
    temporary.mkdir()
    where = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TMPDIR": str(temporary)}
    ended = subprocess.run(
        [sys.executable, "-c", DYING + script, str(path), str(checkpoints), str(length)],
        cwd=tmp_path,
        env=os.environ | where,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not list(temporary.iterdir())
    assert all(left.name.endswith(kept) for left in (checkpoints.iterdir() if checkpoints.exists() else ()))


def test_where_no_path_leads_to_open_files_they_have_names_until_the_end(trajectory, tmp_path, monkeypatch):
    path, length, peptide = trajectory
    whole = path.read_bytes()
    monkeypatch.setattr(nameless, "OPEN_FILES", tmp_path / "absent")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert count_frames_before(path, length, peptide.n_atoms) == PART
    again = growing_file(tmp_path / "b.xtc", peptide.topology, 0)
    again.extend(
        again.extend(0, 0, peptide.xyz[:PART], peptide.time[:PART]), PART, peptide.xyz[PART:], peptide.time[PART:]
    )
    assert (tmp_path / "b.xtc").read_bytes() == whole
    assert [left.name for left in tmp_path.iterdir()] == ["b.xtc"]
