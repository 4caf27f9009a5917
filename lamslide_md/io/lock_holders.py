"""Who holds a lock: what a process writes into the file that it has locked, for those who find it locked."""

import json
import os
import shlex
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

SIGNING_S = 0.5
"""Between locking a file and writing into it passes less."""
LOOK_S = 0.01
LONGEST = 160
"""Characters that are shown of a command."""


def sign(handle: int) -> None:
    """Write who this process is into a file that it has locked; on a full disk that is left out.

    Parameters
    ----------
    handle
        Of the open file.
    """
    script, *arguments = sys.argv or [""]
    name = Path(script).name or "python"
    name = Path(script).parent.name.removesuffix("_md") if name == "__main__.py" else name
    words = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": shlex.join([name, *arguments]),
    }
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, json.dumps(words).encode())


def holder_of(lock: Path) -> str:
    """Name the process that holds a lock, by what it wrote into the file.

    Parameters
    ----------
    lock
        The file.

    Returns
    -------
    str
        With process number, time and command; without them where the words are of an earlier holder.
    """
    deadline, words = time.monotonic() + SIGNING_S, _words(lock)
    while not words and time.monotonic() < deadline:
        time.sleep(LOOK_S)
        words = _words(lock)
    pid, is_here = words.get("pid"), words.get("host") == socket.gethostname()
    if type(pid) is not int or pid < 1 or (is_here and not _is_alive(pid)):
        return "another process"
    host, since, command = ("".join(filter(str.isprintable, str(words.get(n)))) for n in ("host", "since", "command"))
    short = command if len(command) <= LONGEST else f"{command[:LONGEST]} ..."
    return f"process {pid}{'' if is_here else f' on {host[:LONGEST]}'} since {since[:LONGEST]} ({short})"


def _words(lock: Path) -> dict[str, Any]:
    try:
        words = json.loads(lock.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return words if isinstance(words, dict) else {}


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":  # a signal would end it
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass  # of another user
    return True
