"""Checkpoints: one file, replaced in one step, exact on the same machine and portable to others."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import openmm

from lamslide_md.errors import InputError
from lamslide_md.io.whole_files import write_whole

FORMAT_VERSION = 1


@dataclass(frozen=True)
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
    """

    fingerprint: str
    equilibration_steps: int
    n_frames: int
    n_bytes: int
    wall_time_s: float
    platform: str
    openmm_version: str


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
    head = json.dumps({"format_version": FORMAT_VERSION} | asdict(bookkeeping) | lengths).encode()
    write_atomically(path, head + b"\n" + binary + xml)


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
    content = path.read_bytes()
    head, _, body = content.partition(b"\n")
    try:
        fields = json.loads(head)
        version = fields.pop("format_version", 1)  # the first files did not tell
        if version != FORMAT_VERSION:
            raise InputError(
                f"{path} has checkpoint format {version!r}, this program reads {FORMAT_VERSION}; update lamslide_md, "
                "or start anew with overwrite"
            )
        n_binary, n_xml = fields.pop("binary_bytes"), fields.pop("xml_bytes")
        bookkeeping = Bookkeeping(**fields)
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is no checkpoint of this program; start anew with overwrite") from error
    if len(body) != n_binary + n_xml:
        raise InputError(f"{path} is damaged ({len(body)} bytes of {n_binary + n_xml}); start anew with overwrite")
    return bookkeeping, body[:n_binary], body[n_binary:]
