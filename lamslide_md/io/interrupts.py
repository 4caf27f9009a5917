"""Ctrl-C: deferred while files are written, and reported with what is on disk."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lamslide_md.errors import option


class RolloutInterrupted(KeyboardInterrupt):
    """Ctrl-C, with what is on disk."""

    def __init__(self, done: int, total: int, parts: list[Path]) -> None:
        self.stand = f"{done:,} of {total:,} frames are in {', '.join(map(str, parts)) if done else 'no file yet'}"
        super().__init__(f"{self.stand}; the same rollout's save with {option('resume=True')} goes on")


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a Ctrl-C wait for the end of the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: pressed.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)
        if pressed:
            signal.raise_signal(signal.SIGINT)
