"""safetensors files, written whole or not at all, with checksums."""

import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from lamslide_md.errors import InputError
from lamslide_md.io.checksums import room_for, seal
from lamslide_md.io.whole_files import replacing


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: Mapping[str, str], mend: str) -> None:
    """Write a file; the target is replaced only once the new one is whole and on disk.

    Parameters
    ----------
    path
        Target.
    tensors
        Contiguous, none sharing memory with another.
    metadata
        Texts; the first one comes first in the file.
    mend
        What can be done where the disk is full.

    Raises
    ------
    InputError
        If the disk is full or read-only; the old file is as it was.
    """
    try:
        with replacing(path) as partial:
            save_file(tensors, partial, metadata={**metadata, **room_for(len(tensors))})
            seal(partial, next(iter(metadata)))
            _follow_umask(partial)
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot write {path}: {' '.join(str(error).split())}; {mend}") from error


def _follow_umask(path: Path) -> None:
    """Let others read the file as the user's umask says: safetensors writes it for its owner only."""
    umask = os.umask(0)
    os.umask(umask)
    path.chmod(0o666 & ~umask)
