"""Processes that end when the one that started them does, and tell it what they do as JSON lines."""

import json
import os
import signal
import sys
import threading
from typing import Any

_of_parent = threading.Event()


def running(module: str) -> list[str]:
    """Tell the command that runs the `main` of a module in another process, which imports from where this one does.

    Parameters
    ----------
    module
        Its name.

    Returns
    -------
    list of str
        Program and arguments: Python, and not with the current folder before all others, where a `random.py` may lie.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; from {module} import main; main()"
    return [sys.executable or "python3", "-P", "-c", code]


def ending(code: int) -> str:
    """Tell how a process ended.

    Parameters
    ----------
    code
        As Python has it: a signal is negative.

    Returns
    -------
    str
        Such as "was ended by SIGSEGV".
    """
    if code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def has_parent() -> bool:
    """Tell whether this process works for another one, which tells in a line how it ends."""
    return _of_parent.is_set()


def end_with_parent() -> None:
    """End this process when its standard input closes, which the parent holds open as long as it lives."""
    _of_parent.set()
    threading.Thread(target=_wait, daemon=True).start()


def tell_parent(message: dict[str, Any]) -> None:
    """Write a message as a line of JSON on standard output."""
    print(json.dumps(message), flush=True)


def message_in(line: bytes) -> dict[str, Any]:
    """Read a line of another process.

    Parameters
    ----------
    line
        Of its standard output.

    Returns
    -------
    dict
        What `tell_parent` was given; empty where something else, such as a driver, has written the line.
    """
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _wait() -> None:
    # Not through Python's buffer: its lock would be held when the interpreter shuts down.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)
