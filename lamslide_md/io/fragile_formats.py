"""Formats whose libraries may end the process on a damaged file: another process reads them first."""

import atexit
import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from lamslide_md.errors import InputError
from lamslide_md.io.plain_paths import plain_path, suffix

FRAGILE = (".h5", ".hdf5", ".lh5", ".trr", ".xtc")
"""Their readers in C follow addresses and divide by numbers that are damaged; found by `python -m tests.fuzz`."""

READ_ALL = """
import json, sys
import mdtraj
print("ready", flush=True)
for line in sys.stdin:
    try:
        with mdtraj.open(json.loads(line)) as file:
            while len(file.read(n_frames=1000)[0]):
                pass
    except Exception:
        pass
    print("survived", flush=True)
"""
"""Whole files, one after another: what is wrong with them but does no harm is left to those who read them."""


def check_survives(path: Path) -> None:
    """Refuse a file that ends the process that reads it.

    It takes the time of reading it once more, once a process, and a second at the first file. Where no other process
    can be had, the file passes: nothing speaks against it.

    Parameters
    ----------
    path
        Trajectory or topology; what is not of a fragile format passes.

    Raises
    ------
    InputError
        If the process that read it was ended by a signal.
    """
    if suffix(path) not in FRAGILE or not path.is_file():
        return
    status = path.stat()
    if not _survives(path.absolute(), status.st_size, status.st_mtime_ns):
        raise InputError(f"{path} is damaged: the library that reads {suffix(path)} crashes on it; copy it again")


@functools.lru_cache(maxsize=1024)
def _survives(path: Path, size: int, changed_ns: int) -> bool:
    """Try a file once a process, unless it has changed."""
    with plain_path(path) as plain:
        return _reader.survives(plain)


class OtherReader:
    """The other process: started when it is needed, and anew after it has crashed.

    Parameters
    ----------
    program
        Arguments of Python: what tells on standard output that it is ready, and then answers every path that it is
        given on standard input as JSON, line by line.
    """

    def __init__(self, program: Sequence[str] = ("-P", "-W", "ignore", "-c", READ_ALL)) -> None:
        self._program = program
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        atexit.register(self.close)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def survives(self, path: str) -> bool:
        """Tell whether the process has read a file; what ends it other than by a signal is not the file's fault."""
        with self._lock:
            answered, code = False, 0
            try:
                process = self._ready()
                if process is not None:
                    answered = _asked(process, path)
                    code = 0 if answered else process.wait()
            except OSError:
                pass  # no process, or no memory for one; or it had ended before it was asked
            finally:
                if not answered:  # nor may a late answer, after Ctrl-C, be taken for the next
                    self.close()
            return code >= 0

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.communicate()

    def _forget(self) -> None:
        """In a copy of this process: the other one answers the original."""
        self._process, self._lock = None, threading.Lock()

    def _ready(self) -> "subprocess.Popen[str] | None":
        """The process, once it has imported what it needs; None where it cannot."""
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._process = subprocess.Popen(
            [sys.executable or "python3", *self._program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for its parent; it ends when that does
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline():
            return self._process
        self.close()
        return None


def _asked(process: "subprocess.Popen[str]", path: str) -> bool:
    """Whether the process answers once it has read the file."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(path) + "\n")
    process.stdin.flush()
    return bool(process.stdout.readline())


_reader = OtherReader()
