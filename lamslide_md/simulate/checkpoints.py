"""Checkpoints: one file, replaced in one step, exact on the same machine and portable to others."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import openmm
from pydantic import ConfigDict, NonNegativeInt, TypeAdapter
from pydantic.dataclasses import dataclass

from lamslide_md.errors import InputError
from lamslide_md.hashing import sha256_of
from lamslide_md.io.manifest_models import Seconds
from lamslide_md.io.whole_files import write_whole

FORMAT_VERSION = 2
"""1: without checksums."""

MEND = "restore it from a copy, or start anew with overwrite"


@dataclass(frozen=True, config=ConfigDict(allow_inf_nan=False, strict=True, extra="forbid"))
class Bookkeeping:
    """What belongs to the state of a replicate beside the particles.

    Attributes
    ----------
    fingerprint
        Hash of all that decides the trajectory.
    equilibration_steps
        Time steps of the equilibration that are done.
    n_frames
        Frames in the trajectory file at this state.
    n_bytes
        Its length, bytes.
    wall_time_s
        Time spent on these frames, s.
    platform
        OpenMM platform of the binary state.
    openmm_version
        OpenMM that wrote it.
    trajectory_sha256
        Of the trajectory at this state; empty where an earlier version wrote the checkpoint.
    """

    fingerprint: str
    equilibration_steps: NonNegativeInt
    n_frames: NonNegativeInt
    n_bytes: NonNegativeInt
    wall_time_s: Seconds
    platform: str
    openmm_version: str
    trajectory_sha256: str = ""


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step: a reader, or a restart after a kill, sees the old or the new content, never a part.

    Parameters
    ----------
    path
        File to replace.
    content
        Its new content.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}; is the folder writable and the disk not full?"
        ) from error


def save_checkpoint(path: Path, context: openmm.Context, bookkeeping: Bookkeeping) -> None:
    """Store the state of a replicate.

    The binary part is exact (noise included) on the same platform and OpenMM; the XML part is positions, velocities
    and box for everything else.

    Parameters
    ----------
    path
        Checkpoint file.
    context
        State to store.
    bookkeeping
        Frames on disk at this state.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    state = context.getState(positions=True, velocities=True, parameters=True)
    binary, xml = context.createCheckpoint(), openmm.XmlSerializer.serialize(state).encode()
    lengths = {"binary_bytes": len(binary), "xml_bytes": len(xml)}
    write_atomically(path, sealed({"format_version": FORMAT_VERSION} | asdict(bookkeeping) | lengths, binary + xml))


def sealed(head: dict[str, Any], body: bytes) -> bytes:
    """Content of a checkpoint file: a line of JSON, which ends with the SHA-256 of all else, and the states.

    Parameters
    ----------
    head
        Bookkeeping, and lengths of the states.
    body
        The states.

    Returns
    -------
    bytes
        All of the file.
    """
    return json.dumps(head | {"sha256": _digest(head, body)}).encode() + b"\n" + body


def _digest(head: dict[str, Any], body: bytes) -> str:
    return sha256_of([json.dumps(head).encode(), body])


def load_bookkeeping(path: Path) -> Bookkeeping | None:
    """Read the bookkeeping of a checkpoint, or None where there is none.

    Parameters
    ----------
    path
        Checkpoint file.

    Returns
    -------
    Bookkeeping or None
        What the checkpoint was written with.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    return _parse(path)[0] if path.exists() else None


def restore(path: Path, context: openmm.Context) -> bool:
    """Put a context into the state of a checkpoint.

    Parameters
    ----------
    path
        Checkpoint file.
    context
        Context of the same system.

    Returns
    -------
    bool
        Whether the state is exact; if not, the noise that follows is new.

    Raises
    ------
    InputError
        If the file is damaged or belongs to another system.
    """
    bookkeeping, binary, xml = _parse(path)
    same_platform = bookkeeping.platform == context.getPlatform().getName()
    if same_platform and bookkeeping.openmm_version == openmm.version.full_version:
        try:
            context.loadCheckpoint(binary)
            return True
        except openmm.OpenMMException:
            # Bound to the hardware as well: the portable part follows.
            pass
    try:
        context.setState(openmm.XmlSerializer.deserialize(xml.decode()))
    except openmm.OpenMMException as error:
        raise InputError(f"{path} does not fit the system ({error}); start anew with overwrite") from error
    return False


def _parse(path: Path) -> tuple[Bookkeeping, bytes, bytes]:
    try:
        head, _, body = path.read_bytes().partition(b"\n")
        fields = json.loads(head)
        version = fields.get("format_version", 1)  # the first files did not tell
        if version not in range(1, FORMAT_VERSION + 1):
            raise InputError(
                f"{path} has checkpoint format {version!r}, this program reads 1 to {FORMAT_VERSION}; update "
                "lamslide_md, or start anew with overwrite"
            )
        found = fields.pop("sha256") if version > 1 else None
        is_damaged = version > 1 and (
            found != _digest(fields, body) or head != json.dumps(fields | {"sha256": found}).encode()
        )
        fields.pop("format_version", None)
        n_binary, n_xml = (_COUNT.validate_python(fields.pop(name)) for name in ("binary_bytes", "xml_bytes"))
        bookkeeping = Bookkeeping(**fields)
    except InputError:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is no checkpoint of this program, or is damaged; {MEND}") from error
    if len(body) != n_binary + n_xml:
        raise InputError(f"{path} is damaged ({len(body)} bytes of {n_binary + n_xml}); {MEND}")
    if is_damaged:
        raise InputError(f"{path} is damaged: it is not as it was written, by its checksum; {MEND}")
    return bookkeeping, body[:n_binary], body[n_binary:]


_COUNT = TypeAdapter(NonNegativeInt, config=ConfigDict(strict=True))
