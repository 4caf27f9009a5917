"""Whether a finished trajectory is still what was written, by the checksum in its manifest."""

import functools
from pathlib import Path

from lamslide_md.errors import InputError, note
from lamslide_md.hashing import sha256_of_file
from lamslide_md.io.manifests import Manifest, manifest_file

CHECKED_BYTES = 4_000_000_000
"""Larger files are known by their length only: SHA-256 takes 0.6 s for each GB, where processors have no
instructions for it 3 s, and a disk that is slow the time to read the file once more."""

ENTRY = "trajectory_sha256"
"""Of the checksum, beside the names of files that were written."""


def is_unchanged(trajectory: Path, manifest: Manifest) -> bool:
    """Tell whether a file has the length and the checksum that its manifest says; what it does not say counts as so.

    Parameters
    ----------
    trajectory
        The file, which is there.
    manifest
        Of it.

    Returns
    -------
    bool
        False also for one that the user has changed.
    """
    status = trajectory.stat()
    recorded = None if status.st_size > CHECKED_BYTES else _recorded(manifest)
    if getattr(manifest, "n_bytes", None) not in (None, status.st_size):
        return False
    return recorded is None or recorded == _sha256(trajectory, status.st_size, status.st_mtime_ns)


def check_unchanged(trajectory: Path, manifest: Manifest) -> None:
    """Refuse to read a finished trajectory with flipped bits; of one that was changed on purpose a note says so.

    Parameters
    ----------
    trajectory
        The file.
    manifest
        Of it, or of the one that it was converted from.

    Raises
    ------
    InputError
        If it has the length that was written and another content.
    """
    converted = Path(manifest.trajectory or trajectory.name).suffix != trajectory.suffix
    if manifest.n_frames is None or converted or not trajectory.is_file() or _recorded(manifest) is None:
        return
    n_bytes, size = getattr(manifest, "n_bytes", None), trajectory.stat().st_size
    if n_bytes not in (None, size):
        note(f"{trajectory} was changed since it was written: it has {size:,} bytes, its manifest says {n_bytes:,}")
    elif not is_unchanged(trajectory, manifest):
        raise InputError(
            f"{trajectory} is not as it was written, by the checksum in its manifest: it was damaged, or changed; copy "
            f"or make it again, or remove {ENTRY} from {manifest_file(trajectory)} if you changed it yourself"
        )


def _recorded(manifest: Manifest) -> str | None:
    return None if manifest.written_by is None else manifest.written_by.trajectory_sha256


@functools.lru_cache(maxsize=1024)
def _sha256(path: Path, size: int, changed_ns: int) -> str:
    """SHA-256 of a file, once a process unless it has changed."""
    return sha256_of_file(path)
