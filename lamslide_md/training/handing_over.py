"""Objects handed over to other processes of this machine, which share their arrays instead of each having a copy."""

import mmap
import pickle
from typing import IO

ALIGNMENT = 64
LENGTH_BYTES = 8


def hand_over(thing: object, file: IO[bytes]) -> None:
    """Write an object for other processes.

    Parameters
    ----------
    thing
        Whatever can be pickled; its arrays stand before all else.
    file
        Empty, and only for processes of this user.
    """
    spans = []

    def keep(buffer: pickle.PickleBuffer) -> None:
        file.write(bytes(-file.tell() % ALIGNMENT))
        start = file.tell()
        with buffer.raw() as raw:
            spans.append((start, raw.nbytes))
            file.write(raw)

    content = pickle.dumps(thing, protocol=5, buffer_callback=keep)
    rest = pickle.dumps((spans, content))
    file.write(rest)
    file.write(len(rest).to_bytes(LENGTH_BYTES, "little"))
    file.flush()


def taken_over(descriptor: int) -> object:
    """Read what `hand_over` wrote; its arrays are pages of the file until they are changed, which changes no file."""
    whole = memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_COPY))
    end = len(whole) - LENGTH_BYTES
    spans, content = pickle.loads(whole[end - int.from_bytes(whole[end:], "little") : end])
    return pickle.loads(content, buffers=[whole[start : start + size] for start, size in spans])
