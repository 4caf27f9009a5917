"""Rollouts in processes of their own, interrupted and killed, against one that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time

import ase.io
import mdtraj as md
import pytest

N_FRAMES = 3000


def start(model, out, n_chains, *options):
    """A rollout in another process, with as many threads in each."""
    arguments = ["rollout", model, "--frames", N_FRAMES, "--chains", n_chains, "--out", out, *options]
    return subprocess.Popen(
        [sys.executable, "-m", "lamslide_md", *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        # Shells let what they run in the background ignore Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def stop(process, restart, how, after_s=0.0):
    """Wait for frames on disk, newer than those that were there, and end the process."""
    before = restart.stat().st_mtime_ns if restart.exists() else 0
    deadline = time.monotonic() + 60
    while not (restart.exists() and restart.stat().st_mtime_ns > before) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(after_s)
    process.send_signal(how)
    _, told = process.communicate(timeout=60)
    return told


def finish(process):
    _, told = process.communicate(timeout=300)
    assert process.returncode == 0, told


def test_ctrl_c_and_a_kill_leave_readable_frames_that_the_same_command_goes_on_from(model, tmp_path):
    whole, parts, restart = tmp_path / "whole.xtc", tmp_path / "parts.xtc", tmp_path / "parts.restart.npz"
    process = start(model, parts, 2)
    told = stop(process, restart, signal.SIGINT)
    assert process.returncode == 130
    last_line = told.strip().splitlines()[-1]
    assert last_line.startswith("error: interrupted: ")
    assert last_line.endswith("the same command with --continue goes on")
    chain = tmp_path / "parts.chain1.xtc"
    assert str(chain) in last_line
    n_frames = md.load(chain, top=tmp_path / "parts.pdb").n_frames
    assert 0 < n_frames < N_FRAMES
    assert f"interrupted: {2 * n_frames:,} of {2 * N_FRAMES:,} frames" in last_line

    process = start(model, parts, 2, "--continue")
    stop(process, restart, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert md.load(chain, top=tmp_path / "parts.pdb").n_frames > n_frames

    finish(start(model, parts, 2, "--continue"))
    finish(start(model, whole, 2))
    assert parts.read_bytes() == whole.read_bytes()
    assert sorted(path.suffix for path in tmp_path.glob("parts.*")) == [".json", ".json", ".pdb", ".xtc"]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["xtc", "extxyz", "traj", "dcd"])
def test_killed_at_random_moments_a_rollout_has_neither_a_missing_nor_a_doubled_frame(model, tmp_path, suffix):
    whole, parts, restart = tmp_path / f"whole.{suffix}", tmp_path / f"parts.{suffix}", tmp_path / "parts.restart.npz"
    draw = random.Random(suffix)
    finish(start(model, whole, 1))
    for how in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGKILL):
        stop(start(model, parts, 1, "--continue"), restart, how, after_s=draw.uniform(0, 0.5))
    finish(start(model, parts, 1, "--continue"))
    if suffix in ("xtc", "extxyz"):
        assert parts.read_bytes() == whole.read_bytes()
    elif suffix == "traj":
        one, other = (ase.io.read(path, ":") for path in (whole, parts))
        assert len(other) == N_FRAMES
        assert all((a.positions == b.positions).all() and a.info == b.info for a, b in zip(one, other, strict=True))
    else:
        one, other = (md.load(path, top=path.with_suffix(".pdb")) for path in (whole, parts))
        assert (one.xyz == other.xyz).all()
