"""Objects handed over to other processes of this machine, which share their arrays instead of each having a copy."""

import mmap
import pickle
from pathlib import Path

OBJECT_FILE, ARRAYS_FILE = "object.pickle", "arrays.bin"
ALIGNMENT = 64


def hand_over(thing: object, folder: Path) -> None:
    """Write an object for other processes.

    Parameters
    ----------
    thing
        Whatever can be pickled; its arrays go to a file of their own.
    folder
        That only this user may write.
    """
    spans = []
    with (folder / ARRAYS_FILE).open("wb") as arrays:

        def keep(buffer: pickle.PickleBuffer) -> None:
            arrays.write(bytes(-arrays.tell() % ALIGNMENT))
            start = arrays.tell()
            with buffer.raw() as raw:
                spans.append((start, raw.nbytes))
                arrays.write(raw)

        content = pickle.dumps(thing, protocol=5, buffer_callback=keep)
    (folder / OBJECT_FILE).write_bytes(pickle.dumps((spans, content)))


def taken_over(folder: Path) -> object:
    """Read what `hand_over` wrote; its arrays are pages of the file until they are changed, which changes no file."""
    spans, content = pickle.loads((folder / OBJECT_FILE).read_bytes())
    if not any(size for _, size in spans):
        return pickle.loads(content, buffers=[bytearray(size) for _, size in spans])
    with (folder / ARRAYS_FILE).open("rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    return pickle.loads(content, buffers=[whole[start : start + size] for start, size in spans])
