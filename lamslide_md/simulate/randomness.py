"""OpenMM's builders draw from Python's global generator: fixed for a while, the same input gives the same atoms."""

import random
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seeded_random(seed: int = 0) -> Iterator[None]:
    """Fix Python's generator, and give it back as it was."""
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)
