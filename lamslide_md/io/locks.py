"""One writer at a time: whoever writes a file or into a folder holds a lock that the system frees when they die.

The lock is on a hidden file beside the output, or in the folder, which says who holds it and goes with its holder. The
library `filelock` is not used: its earlier versions empty that file at every try and never remove it, and where a file
system has no locks it falls back on files that outlive a killed process.
"""

import errno
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lamslide_md.errors import InputError, note, option
from lamslide_md.io.lock_holders import holder_of, sign

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

ENDING = ".lamslide-lock"
"""Of the files that are locked; the name alone within a folder."""

TAKEN = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES)
LOOK_S = 0.1
TRIES = 10
"""A folder that is made may be removed, empty, by the one who had made it first; not for ever."""


@contextmanager
def only_writer(*files: Path, lends: bool = False, patience_s: float = 0.0) -> Iterator[None]:
    """Hold files against all other writers, in this process or another, on this machine or another.

    Files that are devices or folders are left to the checks of `lamslide_md.io.outputs`.

    Parameters
    ----------
    *files
        To be written; of a link, the file that it leads to. A folder that is missing is made, and removed if it is
        empty in the end.
    lends
        Hold them for what this thread calls within, which holds them in turn.
    patience_s
        How long to wait for the one who holds a file, s.

    Raises
    ------
    InputError
        If someone else holds one of them, or its folder cannot be written.
    """
    with ExitStack() as held:
        for path in files:
            with _refused(path):
                target = Path(os.path.realpath(path))
                regular = target.is_file() or not os.path.lexists(target)
            if regular:
                lock = target.with_name(f".{target.name}{ENDING}")
                held.enter_context(_only_holder(lock, path, "path", lends, patience_s))
        yield


@contextmanager
def only_writer_in(folder: Path, parameter: str = "folder") -> Iterator[None]:
    """Hold a folder against all that would hold it and were not called within; its files are not held.

    Parameters
    ----------
    folder
        Of a run; made if it is missing, and removed if it is empty in the end.
    parameter
        Which gives another folder; see `option`.

    Raises
    ------
    InputError
        If someone else holds it, or it cannot be written.
    """
    with _refused(folder):
        lock = Path(os.path.realpath(folder)) / ENDING
    with _only_holder(lock, folder, parameter, True, 0.0):
        yield


@dataclass
class _Held:
    """A lock of this process: the open file, who took it, how often they did, and whether they may once more."""

    handle: int
    thread: int
    lends: bool
    depth: int = 1


_HELD: dict[str, _Held] = {}
_WITHOUT: set[Path] = set()
"""Folders on file systems without locks, which is told once."""
_GUARD = threading.Lock()


def _forget() -> None:
    """Let a forked process begin without the locks of its parent, which it would keep alive otherwise."""
    global _GUARD
    for held in _HELD.values():
        os.close(held.handle)
    _HELD.clear()
    _GUARD = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path} cannot be written: {reason}; choose a folder you may write to") from error


@contextmanager
def _only_holder(lock: Path, path: Path, parameter: str, lends: bool, patience_s: float) -> Iterator[None]:
    with _refused(path):
        made = [folder for folder in lock.parents if not folder.exists()]
    try:
        if not _taken(lock, path, lends, patience_s):
            who = "this process already" if str(lock) in _HELD else holder_of(lock)
            mend = f"wait until that has ended, or give another {option(parameter)}"
            raise InputError(f"{path} is being written by {who}; {mend}")
        try:
            yield
        finally:
            _give_back(lock)
    finally:
        for folder in made:
            with suppress(OSError):
                folder.rmdir()


def _taken(lock: Path, path: Path, lends: bool, patience_s: float) -> bool:
    """Take a lock as soon as no one else has it; False: someone has it all the time."""
    deadline = time.monotonic() + patience_s
    while True:
        with _refused(path):
            taken = _take(lock, lends)
        if taken is None and lock.parent not in _WITHOUT:
            _WITHOUT.add(lock.parent)
            note(f"{lock.parent} is on a file system without locks: see to it that nothing else writes {path}")
        if taken is not False or time.monotonic() >= deadline:
            return taken is not False
        time.sleep(LOOK_S)


def _take(lock: Path, lends: bool) -> bool | None:
    """Take a lock, if no one else has it; None: there is none to be had on this file system."""
    with _GUARD:
        own = _HELD.get(str(lock))
        if own is not None:
            if not own.lends or own.thread != threading.get_ident():
                return False
            own.depth, own.lends = own.depth + 1, lends
            return True
        while True:
            handle = _open(lock)
            try:
                free = _locked(handle)
                if free is False:
                    os.close(handle)
                    return False
                if _leads_to(lock, handle):
                    sign(handle)
                    _HELD[str(lock)] = _Held(handle, threading.get_ident(), lends)
                    return free
            except BaseException:
                os.close(handle)
                raise
            # Its holder has removed the file before we locked it: it would keep nobody away.
            os.close(handle)


def _give_back(lock: Path) -> None:
    with _GUARD:
        own = _HELD.get(str(lock))
        if own is None:  # of the parent of this process
            return
        own.depth, own.lends = own.depth - 1, True
        if own.depth:
            return
        del _HELD[str(lock)]
        # Removed while it is locked: who opens it from now on finds that it leads nowhere, and makes another.
        with suppress(OSError):
            if _leads_to(lock, own.handle):
                lock.unlink()
        os.close(own.handle)


def _open(lock: Path) -> int:
    """Open a file to be locked, making it and its folder; what another user has left may be read-only for us."""
    safely = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    for flags in (os.O_RDWR, os.O_RDONLY):
        with suppress(FileNotFoundError, PermissionError):
            return os.open(lock, flags | safely)
    for _ in range(TRIES):
        lock.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return os.open(lock, os.O_RDWR | os.O_CREAT | safely, 0o666)
    raise FileNotFoundError(errno.ENOENT, "its folder is being removed", str(lock))


def _locked(handle: int) -> bool | None:
    try:
        if sys.platform == "win32":
            os.lseek(handle, 2**30, os.SEEK_SET)  # a locked byte cannot be read
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in TAKEN else None
    return True


def _leads_to(lock: Path, handle: int) -> bool:
    try:
        return os.path.samestat(lock.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
