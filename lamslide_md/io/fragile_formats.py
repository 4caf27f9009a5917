"""Formats whose libraries may end the process on a damaged file: another process reads them first."""

import atexit
import functools
import json
import subprocess
import sys
import threading
from pathlib import Path

from lamslide_md.errors import InputError
from lamslide_md.io.plain_paths import plain_path, suffix

FRAGILE = (".h5", ".hdf5", ".lh5", ".trr", ".xtc")
"""Their readers in C follow addresses and divide by numbers that are damaged; found by `python -m tests.fuzz`."""

READ_ALL = """
import json, sys
import mdtraj
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

    It takes the time of reading it once more, once a process, and a second at the first file.

    Parameters
    ----------
    path
        Trajectory or topology; what is not of a fragile format passes.

    Raises
    ------
    InputError
        If the process that read it has crashed.
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


class _Reader:
    """The other process: started when it is needed, and anew after it has crashed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        atexit.register(self.close)

    def survives(self, path: str) -> bool:
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = self._started()
            process = self._process
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(path) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            if not answer:
                self.close()
            return bool(answer)

    def close(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.communicate()

    def _started(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", READ_ALL],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # Ctrl-C is for its parent; it ends when that does
        )


_reader = _Reader()
