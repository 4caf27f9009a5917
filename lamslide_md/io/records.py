"""Who wrote a file, according to the file itself or to a record beside it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from lamslide_md.errors import InputError
from lamslide_md.hashing import sha256_of, sha256_of_file
from lamslide_md.io.structured_texts import RESULT_BYTES, SMALL_BYTES, read_structured

WRITTEN_BY = "written_by"
"""Entry of our JSON files: the command, and the files it wrote, each with the SHA-256 of those that are not to grow."""
MANIFEST_KIND = "lamslide_md trajectory"
"""Marks a JSON file as the manifest of a trajectory."""
GENERATOR = '<meta name="generator" content="lamslide {}">'
"""Marks a report, in its head."""

MODEL_HEAD = b'{"__metadata__":{"lamslide":'
"""A model file begins so, behind eight bytes that count its header."""

HEAD_BYTES = 4096


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
    text = json.dumps(content.get(str(entry.get("command"))))
    return entry.get("digest") == digest(text.encode())


def digest(content: bytes) -> str:
    """SHA-256 of what was written, in hexadecimal digits."""
    return sha256_of([content])


def digest_of(path: Path) -> str | None:
    """Tell the `digest` of a file; None where there is none."""
    return sha256_of_file(path) if path.is_file() else None


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
    """Names of the files that a record says were written, with their digests; none of a damaged record."""
    entry = record.get(WRITTEN_BY)
    files = entry.get("files") if isinstance(entry, dict) and isinstance(entry.get("command"), str) else None
    sound = isinstance(files, dict) and all(
        is_plain_name(name) and (recorded is None or isinstance(recorded, str)) for name, recorded in files.items()
    )
    return files if isinstance(files, dict) and sound else {}


def is_plain_name(name: object) -> TypeGuard[str]:
    """Tell whether something is the name of a file, and leads to no other folder."""
    return isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name and "\0" not in name


def read_json(path: Path) -> dict[str, Any]:
    """Content of a small JSON file; empty where it is no such."""
    return _mapping_in(path, SMALL_BYTES)


def _mapping_in(path: Path, most_bytes: int) -> dict[str, Any]:
    try:
        # What follows opens the file: a pipe would wait for ever.
        content = read_structured(path, most_bytes=most_bytes, finite=False) if path.is_file() else None
    except InputError:
        return {}
    return content if isinstance(content, dict) else {}


def _changed(path: Path, recorded: str | None, record: Mapping[str, Any]) -> bool:
    """Whether a file is not what its record says."""
    if recorded is not None:
        return digest_of(path) != recorded
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
    content = _mapping_in(path, RESULT_BYTES)
    entry = content.get(WRITTEN_BY)
    if isinstance(entry, dict) and isinstance(entry.get("command"), str):
        return None if entry["command"] in content and not is_echo(content) else entry["command"]
    if {"format_version", "measures", "markov", "settings"} <= content.keys():
        return "compare"
    return "table" if {"format_version", "systems", "columns"} <= content.keys() else None
