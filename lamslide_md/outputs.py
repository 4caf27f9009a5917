"""Which files may be written: never an input, a device or a folder, and none of the user's unless they say so."""

import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from lamslide_md.errors import InputError, option
from lamslide_md.whole_files import write_whole

WRITTEN_BY = "written_by"
"""Entry of our JSON files: the command, and the files it wrote, each with the SHA-256 of those that are not to grow."""
MANIFEST_KIND = "lamslide_md trajectory"
"""Marks a JSON file as the manifest of a trajectory."""
GENERATOR = '<meta name="generator" content="lamslide {}">'
"""Marks a report, in its head."""

MODEL_HEAD = b'{"__metadata__":{"lamslide":'
"""A model file begins so, behind eight bytes that count its header."""

SMALL_BYTES = 1_000_000
HEAD_BYTES = 4096


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
    read = [path for path in inputs if path is not None]
    asked = [(name, path) for name, path in outputs.items() if path is not None]
    for index, (name, path) in enumerate(asked):
        check_place(path)
        for other, earlier in asked[:index]:
            if same_file(path, earlier):
                raise InputError(f"{other} and {name} are the same file, {path}; give each a file of its own")
        for source in read:
            if same_file(path, source):
                leads = "" if str(path) == str(source) else f", which is {source},"
                raise InputError(f"{path}{leads} is read by this command and would be lost; give {name} another name")
        if not overwrite:
            check_earlier(path, command)


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
        If it may not be written, or cannot.
    """
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
        folder = next(parent for parent in target.parents if parent.exists())
        with tempfile.TemporaryFile(dir=folder, prefix=".lamslide-tries."):
            pass
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"cannot write {path}: {error}; choose a folder that you may write to") from error


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
        told = "is not of lamslide's making, or was changed since" if writer is None else f"is of lamslide {writer}"
        raise InputError(f"{path} is there and {told}; choose another name, or replace it with {_overwrite()}")


def same_file(one: Path, other: Path) -> bool:
    """Tell whether two paths lead to one file: by links of either kind, relative ways or, where it counts not, case."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))


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


def written_by(command: str, files: Mapping[str, str | None]) -> dict[str, Any]:
    """Say who wrote which files, for a JSON file of ours.

    Parameters
    ----------
    command
        Name of the command.
    files
        Names of files in the folder, with the `digest` of those that stay as they are.

    Returns
    -------
    dict
        The entry `WRITTEN_BY`.
    """
    return {"command": command, "files": dict(files)}


def echo_of(command: str, parameters: Mapping[str, Any], files: Iterable[Path]) -> dict[str, Any]:
    """Parameters of a command, who wrote them, and a digest by which changes of the user's are known.

    Parameters
    ----------
    command
        Name of the command.
    parameters
        JSON-able.
    files
        What the command writes, as the user gave it.

    Returns
    -------
    dict
        Content of the file.
    """
    entry = {"command": command, "wrote": [path.name for path in files]}
    return {command: parameters, WRITTEN_BY: entry | {"digest": digest(json.dumps(parameters).encode())}}


def is_echo(content: Mapping[str, Any], command: str | None = None) -> bool:
    """Tell whether content is that of `echo_of`, unchanged; of one command where one is named."""
    entry = content.get(WRITTEN_BY)
    if not isinstance(entry, dict) or command not in (None, entry.get("command")):
        return False
    told = json.dumps(content.get(str(entry.get("command"))))
    return entry.get("digest") == digest(told.encode())


def digest(content: bytes) -> str:
    """SHA-256 of what was written, in hexadecimal digits."""
    return sha256(content).hexdigest()


def digest_of(path: Path) -> str | None:
    """Tell the `digest` of a file; None where there is none."""
    return digest(path.read_bytes()) if path.is_file() else None


def writer_of(path: Path) -> str | None:
    """Tell which command wrote a file: by what is in it, or by a record in its folder.

    Parameters
    ----------
    path
        A file.

    Returns
    -------
    str or None
        Name of the command; None for a file of someone else, or one that was changed since.
    """
    if not path.is_file():
        return None
    return _by_content(path) or next((command for command, _ in records_of(path)), None)


def records_of(path: Path, *, whole: bool = True) -> Iterator[tuple[str, dict[str, Any]]]:
    """Records in the folder of a file that name it as written by one of our commands.

    Parameters
    ----------
    path
        A file.
    whole
        Pass over records of a finished file whose length or content is not that of the file.

    Yields
    ------
    command
        That wrote it.
    record
        Content of the JSON file.
    """
    for place in sorted(path.parent.glob("*.json")):
        record = read_json(place)
        files = files_in(record)
        if WRITTEN_BY not in record and _is_earlier_rollout(record) and place.stem == path.stem:
            files = {path.name: None}
            record |= {"trajectory": path.name, WRITTEN_BY: written_by("rollout", files)}
        if path.name not in files:
            continue
        if not whole or not _changed(path, files[path.name], record):
            yield str(record[WRITTEN_BY]["command"]), record


def _is_earlier_rollout(record: Mapping[str, Any]) -> bool:
    """Whether a record is the manifest of a finished rollout of an earlier version, which does not name its files."""
    return record.get("kind") == MANIFEST_KIND and "rollout" in record and record.get("n_bytes") is not None


def files_in(record: Mapping[str, Any]) -> dict[str, str | None]:
    """Names of the files that a record says were written, with their digests."""
    entry = record.get(WRITTEN_BY)
    files = entry.get("files") if isinstance(entry, dict) and isinstance(entry.get("command"), str) else None
    return files if isinstance(files, dict) else {}


def read_json(path: Path) -> dict[str, Any]:
    """Content of a small JSON file; empty where it is no such."""
    try:
        if not path.is_file() or path.stat().st_size > SMALL_BYTES:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _changed(path: Path, told: str | None, record: Mapping[str, Any]) -> bool:
    """Whether a file is not what its record says."""
    if told is not None:
        return digest_of(path) != told
    n_bytes = record.get("n_bytes") if record.get("trajectory") == path.name else None
    return n_bytes is not None and record.get("n_frames") is not None and n_bytes != path.stat().st_size


def _by_content(path: Path) -> str | None:
    """Tell the writer of a file that says so itself."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            if head.lstrip()[:1] == b"{":
                return _of_json(path)
            if head[8:].startswith(MODEL_HEAD):
                return "train"
    except OSError:
        return None
    found = (name for name in ("compare", "table") if GENERATOR.format(name).encode() in head)
    return next(found, None)


def _of_json(path: Path) -> str | None:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    entry = content.get(WRITTEN_BY)
    if isinstance(entry, dict) and isinstance(entry.get("command"), str):
        return None if entry["command"] in content and not is_echo(content) else entry["command"]
    if {"format_version", "measures", "markov", "settings"} <= content.keys():
        return "compare"
    return "table" if {"format_version", "systems", "columns"} <= content.keys() else None


def _overwrite() -> str:
    return option("overwrite=True")
