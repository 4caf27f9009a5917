"""Two at once: one output has one writer, whoever it is; what a dead one has left does no harm."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import mdtraj as md
import numpy as np
import pytest
import tetrapeptide

import lamslide_md as lam
from lamslide_md.analysis.table import ComparisonTable
from lamslide_md.cli.app import run
from lamslide_md.errors import InputNote
from lamslide_md.io import locks
from lamslide_md.io.locks import only_writer, only_writer_in
from lamslide_md.on_cluster import ClusterRollout, roll_out_on_cluster
from lamslide_md.pretrained import pretrained_path
from lamslide_md.sampling.rollout import Rollout
from lamslide_md.simulate import SimulationSettings, peptide, simulate_replicates

PATIENCE_S = 120.0
HOLD = """
import sys
from pathlib import Path
from lamslide_md.io.locks import only_writer, only_writer_in
with (only_writer_in if sys.argv[1] == "folder" else only_writer)(Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""
COUNT = """
import sys
from pathlib import Path
from lamslide_md.io.locks import only_writer
path = Path(sys.argv[1])
for _ in range(40):
    with only_writer(path, patience_s=60):
        path.write_text(str(int(path.read_text()) + 1))
"""
FORK = """
import os, signal, sys, time
from pathlib import Path
from lamslide_md.io.locks import only_writer
with only_writer(Path(sys.argv[1])):
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        os.write(writes, b"begun")
        time.sleep(60)
        os._exit(0)
    os.read(reads, 5)
    print(child, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def surrogate():
    return lam.Surrogate.load(pretrained_path("AGVD"))


def python(script, *arguments):
    words = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def another_holds(path, kind="file"):
    """Hold a file or folder in another process; gives its number."""
    with python(HOLD, kind, path) as process:
        assert process.stdout.readline() == "held\n"
        try:
            yield process.pid
        finally:
            process.kill()


def until(is_so):
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, "nothing has happened"
        time.sleep(0.01)


def rolling_out(out, seed, *options, frames=24):
    return ["rollout", "AGVD", "--frames", frames, "--solver-steps", 1, "--seed", seed, "--out", out, *options]


def start_rollout(out, seed):
    """Start a rollout in a process of its own, and stop it once it holds its output."""
    arguments = map(str, rolling_out(out, seed))
    process = subprocess.Popen([sys.executable, "-m", "lamslide_md", *arguments], stderr=subprocess.PIPE, text=True)
    lock = out.with_name(f".{out.name}.lamslide-lock")
    until(lambda: lock.exists() or process.poll() is not None)
    process.send_signal(signal.SIGSTOP)
    return process


def told(capsys, arguments):
    capsys.readouterr()
    code = run([str(argument) for argument in arguments])
    return code, capsys.readouterr().err


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_of_two_rollouts_to_one_file_the_second_is_refused_and_the_first_has_the_frames_of_its_seed(
    tmp_path, capsys, surrogate
):
    out = tmp_path / "x.xtc"
    first = start_rollout(out, 1)
    code, complaint = told(capsys, rolling_out(out, 2))
    first.send_signal(signal.SIGCONT)
    complaints = first.communicate(timeout=PATIENCE_S)[1]
    assert first.returncode == 0, complaints
    assert code == 2
    assert complaint.startswith(f"error: {out} is being written by process {first.pid} since ")
    assert "(lamslide rollout AGVD --frames 24 " in complaint
    assert complaint.endswith("); wait until that has ended, or give another --out\n")
    assert complaint.count("\n") == 1
    expected = surrogate.rollout(n_frames=24, seed=1, n_solver_steps=1).points_nm()[0]
    found = md.load(str(out), top=str(out.with_suffix(".pdb")))
    np.testing.assert_allclose(found.xyz, expected, atol=1e-3)
    assert json.loads(out.with_suffix(".json").read_text())["rollout"]["seed"] == 1
    assert names_in(tmp_path) == ["x.json", "x.pdb", "x.rollout.json", "x.xtc"]


def test_the_lock_of_a_killed_rollout_does_not_count_and_it_goes_on(tmp_path, capsys, surrogate):
    out = tmp_path / "x.xtc"
    first = start_rollout(out, 1)
    first.send_signal(signal.SIGCONT)
    until(lambda: (tmp_path / "x.json").exists())
    first.kill()
    first.communicate()
    left = names_in(tmp_path)
    assert ".x.xtc.lamslide-lock" in left
    assert told(capsys, rolling_out(out, 1, "--continue"))[0] == 0
    expected = surrogate.rollout(n_frames=24, seed=1, n_solver_steps=1).points_nm()[0]
    np.testing.assert_allclose(md.load(str(out), top=str(out.with_suffix(".pdb"))).xyz, expected, atol=1e-3)
    assert names_in(tmp_path) == ["x.json", "x.pdb", "x.rollout.json", "x.xtc"]


@pytest.mark.parametrize(
    ("held", "kind", "arguments", "mend"),
    [
        ("x.xtc", "file", ["rollout", "AGVD", "--out", "x.xtc"], "--out"),
        ("x.restart.npz", "file", ["rollout", "AGVD", "--out", "x.dcd"], "--out"),
        ("x.xtc", "file", ["interpolate", "AGVD", "--start", "a", "--end", "a", "--out", "x.xtc"], "--out"),
        ("x.lamslide", "file", ["train", "a.xtc", "--out", "x.lamslide"], "--out"),
        ("kept", "folder", ["train", "a.xtc", "--checkpoints", "kept", "--out", "x.lamslide"], "--checkpoints"),
        ("x.lamslide.checkpoints", "folder", ["train", "a.xtc", "--out", "x.lamslide"], "--checkpoints"),
        ("run", "folder", ["simulate", "AG", "--out", "run"], "--out"),
        ("x.html", "file", ["compare", "a.xtc", "--reference", "a.xtc", "--report", "x.html"], "--out"),
        ("x.json", "file", ["compare", "a.xtc", "--reference", "a.xtc", "--out", "x.json"], "--out"),
        ("x.json", "file", ["rollout", "a", "--out", "x.xtc"], "--out"),
        ("x.pdb", "file", ["rollout", "a", "--out", "x.xtc"], "--out"),
        ("x.html", "file", ["table", "a.json", "--report", "x.html"], "--out"),
        ("x.json", "file", ["table", "a.json", "--out", "x.json"], "--out"),
    ],
)
def test_a_command_whose_output_is_held_is_refused_before_it_reads_anything(
    tmp_path, monkeypatch, capsys, held, kind, arguments, mend
):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "a.xtc", "a.json"):
        (tmp_path / name).touch()  # any of them would be refused once it is read
    with another_holds(tmp_path / held, kind) as pid:
        before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        code, complaint = told(capsys, arguments)
        assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert code == 2
    assert f"{held} is being written by process {pid} since 20" in complaint
    assert complaint.endswith(f"wait until that has ended, or give another {mend}\n")
    assert complaint.count("\n") == 1


def test_the_methods_of_python_are_refused_alike(tmp_path, surrogate):
    rollout = surrogate.rollout(n_frames=2, n_solver_steps=1)
    empty = ComparisonTable((), ())
    files = {
        "x.lamslide": surrogate.save,
        "x.xtc": rollout.save,
        "x.json": empty.save_json,
        "x.html": empty.save_report,
        "c.xtc": lambda path: roll_out_on_cluster([ClusterRollout(pretrained_path("AGVD"), path)], "tcp://127.0.0.1:1"),
    }
    for name, save in files.items():
        path = tmp_path / name
        with another_holds(path) as pid, pytest.raises(lam.InputError, match=rf"{name} is being .* process {pid} "):
            save(path)
        assert not path.exists()
    folder = tmp_path / "run"
    with another_holds(folder, "folder"):
        with pytest.raises(lam.InputError, match=r"run is being written by .* give another folder"):
            simulate_replicates(peptide("AG"), SimulationSettings(length_ps=1.0), folder)
        with pytest.raises(lam.InputError, match=r"run is being written by .* give another checkpoint_dir"):
            lam.Surrogate.fit(rollout.to_mdtraj(), checkpoint_dir=folder)
    surrogate.save(tmp_path / "x.lamslide")
    assert "x.lamslide" in names_in(tmp_path)
    assert ".x.lamslide.lamslide-lock" not in names_in(tmp_path)


def test_a_workflow_holds_its_folder(tmp_path, capsys):
    with another_holds(tmp_path / "AGVD", "folder") as pid:
        assert tetrapeptide.run(["AGVD", "--out", str(tmp_path)]) == 2
    assert f"AGVD is being written by process {pid} " in capsys.readouterr().err
    assert names_in(tmp_path / "AGVD") == [".lamslide-lock"]


def test_two_threads_cannot_save_to_one_file_but_to_two(tmp_path, surrogate):
    made = surrogate.rollout(n_frames=2, n_solver_steps=1)
    points, begun, go_on = made.points_nm(), threading.Event(), threading.Event()

    def windows(place):
        begun.set()
        assert go_on.wait(PATIENCE_S)
        yield points, None

    slow = Rollout(made.system, 2, 1, made.frame_interval_ps, windows)
    thread = threading.Thread(target=slow.save, args=(tmp_path / "x.xtc",))
    thread.start()
    assert begun.wait(PATIENCE_S)
    try:
        with pytest.raises(lam.InputError, match=r"x\.xtc is being written by this process already; wait"):
            made.save(tmp_path / "x.xtc")
        made.save(tmp_path / "y.xtc")
    finally:
        go_on.set()
        thread.join()
    made.save(tmp_path / "x.xtc")
    assert names_in(tmp_path) == ["x.json", "x.pdb", "x.xtc", "y.json", "y.pdb", "y.xtc"]


def test_what_is_held_for_others_is_theirs_one_at_a_time(tmp_path):
    path = tmp_path / "new/deep/x"
    with only_writer(path, lends=True), only_writer(path, lends=True):
        for _ in range(2):
            with only_writer(path):
                with pytest.raises(lam.InputError, match="by this process already"), only_writer(path):
                    pass
                with pytest.raises(lam.InputError, match="by this process already"), only_writer(path, lends=True):
                    pass
    assert names_in(tmp_path) == []
    with only_writer_in(tmp_path / "run"), only_writer_in(tmp_path / "run"), only_writer(tmp_path / "run/x"):
        (tmp_path / "run/x").touch()
    assert names_in(tmp_path / "run") == ["x"]


def test_two_links_to_one_file_are_one_output(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "way").symlink_to("there")
    (tmp_path / "one").symlink_to("there/x")  # which need not be there
    with another_holds(tmp_path / "one"):
        for path in (tmp_path / "there/x", tmp_path / "way/x", tmp_path / "one"):
            with pytest.raises(lam.InputError, match="is being written by"), only_writer(path):
                pass
    complaint = pytest.raises(lam.InputError, match="there is being written by")
    with another_holds(tmp_path / "way", "folder"), complaint, only_writer_in(tmp_path / "there"):
        pass


def test_no_two_of_many_processes_hold_a_file_at_once_though_each_removes_the_lock(tmp_path):
    path = tmp_path / "count"
    path.write_text("0")
    processes = [python(COUNT, path) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=PATIENCE_S)
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert path.read_text() == "120"
    assert names_in(tmp_path) == ["count"]


def test_what_a_killed_process_has_forked_does_not_hold_its_lock(tmp_path):
    with python(FORK, tmp_path / "x") as process:
        child = int(process.stdout.readline())
        process.stdout.close()
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
        try:
            with only_writer(tmp_path / "x"):
                pass
            os.kill(child, 0)  # it was there all the time
        finally:
            os.kill(child, signal.SIGKILL)


def test_words_of_the_dead_of_other_machines_and_of_mischief_are_told_as_such(tmp_path):
    lock = tmp_path / ".x.lamslide-lock"
    words = {
        "pid": 7,
        "host": "far\x1b[31m",
        "since": "2026-01-01 00:00:00",
        "command": "lamslide\nrollout" + "a" * 999,
    }
    told = r"process 7 on far\[31m since 2026-01-01 00:00:00 .lamsliderollouta{145} [.]{3}.; wait"
    dead = python("")
    dead.communicate()
    with another_holds(tmp_path / "x"):
        for content, expected in (
            (json.dumps(words), told),
            (json.dumps({"pid": dead.pid, "host": os.uname().nodename}), "by another process; wait"),
            (json.dumps({"pid": "1"}), "by another process; wait"),
            ("[" * 100_000, "by another process; wait"),
            ("", "by another process; wait"),
        ):
            lock.write_text(content)
            with pytest.raises(lam.InputError, match=expected), only_writer(tmp_path / "x"):
                pass
    with only_writer(tmp_path / "x"):
        assert json.loads(lock.read_text())["pid"] == os.getpid()


def test_a_link_in_place_of_a_lock_is_not_followed(tmp_path):
    (tmp_path / "own").write_text("notes of years")
    (tmp_path / ".x.lamslide-lock").symlink_to("own")
    with pytest.raises(lam.InputError, match=r"x cannot be written: .*symbolic links"), only_writer(tmp_path / "x"):
        pass
    assert (tmp_path / "own").read_text() == "notes of years"


def test_without_locks_of_the_file_system_a_command_goes_on_and_says_so(tmp_path, monkeypatch):
    def no_locks(handle, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    with pytest.warns(InputNote, match="is on a file system without locks: see to it that nothing else writes"):
        ComparisonTable((), ()).save_json(tmp_path / "x.json")
    assert names_in(tmp_path) == ["x.json"]
