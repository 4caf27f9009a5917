"""Processes that end when the one that started them does, and tell it what they do as JSON lines."""

import json
import os
import sys
import threading
from typing import Any


def end_with_parent() -> None:
    """End this process when its standard input closes, which the parent holds open as long as it lives."""
    threading.Thread(target=_wait, daemon=True).start()


def tell_parent(message: dict[str, Any]) -> None:
    """Write a message as a line of JSON on standard output."""
    print(json.dumps(message), flush=True)


def _wait() -> None:
    # Not through Python's buffer: its lock would be held when the interpreter shuts down.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os._exit(1)
