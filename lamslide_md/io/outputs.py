"""Which files may be written: never an input, a device or a folder, and none of the user's unless they say so."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path

from lamslide_md.errors import InputError, option
from lamslide_md.io.locks import only_writer
from lamslide_md.io.records import writer_of
from lamslide_md.io.whole_files import write_whole

MODEL_SUFFIX = ".lamslide"
MOST_NAME_BYTES = 255 - 40
"""File systems allow 255; the rest is for what stands before and behind a name meanwhile."""


def check_outputs(
    command: str, outputs: Mapping[str, Path | None], inputs: Iterable[Path | None] = (), *, overwrite: bool = False
) -> None:
    """Refuse files that a command may not write, before it computes anything.

    Parameters
    ----------
    command
        Name of the command: it may replace what it wrote itself.
    outputs
        Files, by the name that the user knows each by; None where none was asked for.
    inputs
        Files that the command reads; None and those that are not there are passed over.
    overwrite
        Replace files that others wrote, too; never an input.

    Raises
    ------
    InputError
        If a file is an input, not a regular file, where nothing can be written, twice among the outputs, or there and
        written by someone else.
    """
    read = {_identity(path): path for path in inputs if path is not None}
    seen: dict[object, str] = {}
    for name, path in outputs.items():
        if path is None:
            continue
        check_place(path)
        identity = _identity(path)
        if identity in seen:
            raise InputError(f"{seen[identity]} and {name} are the same file, {path}; give each a file of its own")
        seen[identity] = name
        if (source := read.get(identity)) is not None:
            leads = "" if str(path) == str(source) else f", which is {source},"
            raise InputError(f"{path}{leads} is read by this command and would be lost; give {name} another name")
        if not overwrite:
            check_earlier(path, command)


def check_model_name(path: Path) -> None:
    """Refuse a name that does not end as those of models do, by which they are known again.

    Parameters
    ----------
    path
        File that is to become a model.

    Raises
    ------
    InputError
        Naming the ending that it needs.
    """
    if path.suffix.lower() != MODEL_SUFFIX:
        raise InputError(f"{path}: the file of a model ends in {MODEL_SUFFIX}; call it {path.stem}{MODEL_SUFFIX}")


def write_result(path: Path, content: str, command: str, overwrite: bool = False) -> None:
    """Write a file in one step, unless it is there and not by the same command.

    Parameters
    ----------
    path
        The file.
    content
        All of it.
    command
        Name of the command that writes such files.
    overwrite
        Replace the file whoever wrote it.

    Raises
    ------
    InputError
        If it may not be written, or cannot, or another process writes it.
    """
    check_place(path)
    with only_writer(path):
        check_outputs(command, {"the file": path}, overwrite=overwrite)
        try:
            write_whole(path, content)
        except OSError as error:
            raise InputError(f"cannot write {path}: {error}") from error


def check_place(path: Path) -> None:
    """Refuse a path where no regular file can be written; nothing is left behind.

    Parameters
    ----------
    path
        File to be written, which may be there.

    Raises
    ------
    InputError
        If it is a folder, a device or the like, read-only, or its folder cannot be made or written.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode if os.path.lexists(target) else None
        if mode is not None and stat.S_ISDIR(mode):
            raise InputError(f"{path} is a folder; give the name of a file to write")
        if mode is not None and not stat.S_ISREG(mode):
            raise InputError(f"{path} is no regular file but a device, pipe or socket; give another name")
        if mode is not None and not os.access(target, os.W_OK):
            raise InputError(f"{path} is read-only; give another name, or make it writable")
        _check_length(path, target)
        folder = next(parent for parent in target.parents if parent.exists())
        with tempfile.TemporaryFile(dir=folder, prefix=".lamslide-tries."):
            pass
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot write {path}: {error}; choose a folder that you may write to") from error


def _check_length(path: Path, target: Path) -> None:
    """Refuse a name that leaves no room for what is written beside the file and becomes it."""
    if len(os.fsencode(target.name)) > MOST_NAME_BYTES:
        raise InputError(
            f"cannot write {path}: its name has {len(os.fsencode(target.name))} bytes, {MOST_NAME_BYTES} at most leave "
            "room for the files beside it; choose a shorter one"
        )


def check_folder(path: Path) -> None:
    """Refuse a folder that cannot be made or written.

    Parameters
    ----------
    path
        Of the folder, which may be there.

    Raises
    ------
    InputError
        If it is a file, or cannot be made or written.
    """
    if os.path.lexists(path) and not path.is_dir():
        raise InputError(f"{path} is a file; give the name of a folder")
    check_place(path / ".lamslide-tries")


def check_earlier(path: Path, command: str) -> None:
    """Refuse to replace a file that was not written by the same command; an empty one holds nothing to lose.

    Parameters
    ----------
    path
        File to be written.
    command
        Name of the command.

    Raises
    ------
    InputError
        If it is there and someone else's.
    """
    if not path.exists() or path.stat().st_size == 0:
        return
    writer = writer_of(path)
    if writer != command:
        maker = "is not of lamslide's making, or was changed since" if writer is None else f"is of lamslide {writer}"
        raise InputError(f"{path} is there and {maker}; choose another name, or replace it with {_overwrite()}")


def same_file(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to one file: by links of either kind, relative ways or, where it counts not, case."""
    return _identity(one) == _identity(other)


def _identity(path: Path) -> object:
    """What all names of a file share: its number on its device, or where it would be."""
    try:
        status = path.stat()
        return status.st_dev, status.st_ino
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(path))


def free_name(names: Iterator[Path], is_ours: Callable[[Path], bool], taken: Iterable[Path] = ()) -> Path:
    """Choose the name of a file beside a result: the first that is free, or of a file that may be replaced.

    Parameters
    ----------
    names
        In the order of preference.
    is_ours
        Tells whether a regular file that is there may be replaced.
    taken
        Files that are not to be touched, whoever wrote them.

    Returns
    -------
    Path
        One of the names.
    """
    kept = list(taken)
    return next(
        name
        for name in names
        if not any(same_file(name, path) for path in kept)
        and (not os.path.lexists(name) or (name.is_file() and is_ours(name)))
    )


def numbered(path: Path, stem: str) -> Iterator[Path]:
    """Names in the folder of a path: its own, then ``STEM`` with its ending, ``STEM2``, ``STEM3`` and so on."""
    yield path
    for number in count(1):
        yield path.with_name(f"{stem}{number if number > 1 else ''}{path.suffix}")


def _overwrite() -> str:
    return option("overwrite=True")
