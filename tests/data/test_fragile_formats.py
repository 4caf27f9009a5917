import os
import resource
import signal
import subprocess
import sys

import mdtraj as md
import numpy as np
import pytest

from lamslide_md.errors import InputError
from lamslide_md.io import fragile_formats
from lamslide_md.io.fragile_formats import OtherReader, check_survives

ENDS = """
import json, os, signal, sys
print("ready", flush=True)
for line in sys.stdin:
    end = json.loads(line)
    if end == "exit":
        sys.exit(3)
    if end != "survive":
        os.kill(os.getpid(), getattr(signal, end))
    print("survived", flush=True)
"""


@pytest.fixture
def xtc(tmp_path):
    path = tmp_path / "sound.xtc"
    with md.open(str(path), "w") as file:
        file.write(np.random.default_rng(0).normal(size=(3, 12, 3)).astype(np.float32))
    return path


@pytest.fixture
def reader(monkeypatch):
    """Let files be tried by another program, and anew."""

    def use(*program):
        monkeypatch.setattr(fragile_formats, "_reader", OtherReader(program))
        fragile_formats._survives.cache_clear()

    yield use
    fragile_formats._survives.cache_clear()


@pytest.mark.parametrize("end", ["SIGSEGV", "SIGBUS", "SIGFPE", "SIGABRT"])
def test_a_file_whose_reader_is_ended_by_a_signal_does_not_survive(end):
    reader = OtherReader(("-c", ENDS))
    assert reader.survives("survive")
    assert not reader.survives(end)
    assert reader.survives("survive")
    reader.close()


def test_a_reader_that_exits_by_itself_tells_nothing_of_the_file():
    reader = OtherReader(("-c", ENDS))
    assert reader.survives("exit")
    assert not reader.survives("SIGSEGV")
    reader.close()


def test_a_crash_is_a_line_with_the_name_of_the_file(xtc, reader):
    reader("-c", f"import os; print('ready', flush=True); input(); os.kill(os.getpid(), {signal.SIGSEGV:d})")
    with pytest.raises(InputError, match=r"sound\.xtc is damaged: the library that reads \.xtc crashes on it"):
        check_survives(xtc)


@pytest.mark.parametrize(
    "program",
    ["import no_such_module", "import sys; sys.exit(1)", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"],
)
def test_a_sound_file_passes_where_its_reader_does_not_start(xtc, reader, program):
    reader("-c", program)
    check_survives(xtc)


def test_a_sound_file_passes_where_there_is_no_interpreter_or_no_room_for_a_process(xtc, reader, monkeypatch):
    reader("-c", ENDS)
    monkeypatch.setattr(sys, "executable", str(xtc.parent / "absent" / "python"))
    check_survives(xtc)
    monkeypatch.undo()
    reader("-c", ENDS)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        check_survives(xtc)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_modules_of_the_current_folder_do_not_run_in_the_reader(xtc, monkeypatch):
    (xtc.parent / "mdtraj.py").write_text("open('ran', 'w').close()")
    monkeypatch.chdir(xtc.parent)
    fragile_formats._reader.close()
    fragile_formats._survives.cache_clear()
    check_survives(xtc)
    assert not os.path.exists("ran")


def test_a_copy_of_the_process_has_a_reader_of_its_own(tmp_path):
    """Else the answers of one that both ask would reach the wrong one, or nobody."""
    logged = f"""
import os, sys
print("ready", flush=True)
for line in sys.stdin:
    with open({str(tmp_path / "log")!r}, "a") as log:
        log.write(f"{{os.getpid()}}\\n")
    print("survived", flush=True)
"""
    script = f"""
import os
from lamslide_md.io.fragile_formats import OtherReader
reader = OtherReader(("-c", {logged!r}))
assert reader.survives("a")
if not (copy := os.fork()):
    raise SystemExit(0 if reader.survives("b") else 1)
assert os.waitpid(copy, 0)[1] == 0
assert reader.survives("c")
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    first, copy, again = (tmp_path / "log").read_text().split()
    assert first == again != copy
