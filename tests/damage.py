"""What tests of damage share: flipped bits of a seeded sample, and a disk that is full."""

import contextlib
import resource

import numpy as np


def places_in(begin, end, n_places, seed):
    """Bits, each as byte and bit in it, drawn from a range of bytes; the first and last byte are among them."""
    random = np.random.default_rng(seed)
    drawn = random.integers(begin, end, n_places).tolist()
    bits = random.integers(8, size=n_places + 2).tolist()
    return list(zip([begin, end - 1, *drawn], bits, strict=True))


def flipped_at(content, place):
    """The content with one bit flipped."""
    changed = bytearray(content)
    changed[place[0]] ^= 1 << place[1]
    return bytes(changed)


@contextlib.contextmanager
def files_up_to(n_bytes):
    """No file may grow beyond a size: the same errors as from a full disk, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
