"""The folder of checkpoints: what else lies in it while a training runs, and what is removed after it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lamslide_md.data.frame_file import FrameFile
from lamslide_md.errors import InputError
from lamslide_md.io.locks import ENDING, only_writer, only_writer_in
from lamslide_md.io.outputs import check_folder
from lamslide_md.processes import is_first


def frame_file(folder: Path) -> FrameFile:
    """Make a file for the frames of a training on the disk of its checkpoints.

    Parameters
    ----------
    folder
        Of the checkpoints; made if it is missing.

    Returns
    -------
    FrameFile
        Empty.

    Raises
    ------
    InputError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot keep frames in {folder}: {error}") from error
    return FrameFile(folder)


@contextmanager
def only_trainer(model: Path, folder: Path) -> Iterator[None]:
    """Keep other trainings away from a model and from checkpoints; of processes that train together the first does.

    Parameters
    ----------
    model
        To be written.
    folder
        Of the checkpoints.

    Raises
    ------
    InputError
        If another training writes either, or the folder cannot be made.
    """
    check_folder(folder)
    if is_first():
        with only_writer(model, lends=True), only_writer_in(folder, "checkpoint_dir"):
            yield
    else:
        yield


def remove_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of trainings, and their folder if nothing else is in it.

    Parameters
    ----------
    folder
        May be missing.
    """
    for path in folder.glob("*.safetensors"):
        if re.fullmatch(r"(autoencoder|flow|map)-[0-9a-f]{12}", path.stem):
            path.unlink(missing_ok=True)
    with suppress(OSError):
        # The lock of who removes them goes with the folder, if nothing else is in it.
        if {path.name for path in folder.iterdir()} <= {ENDING}:
            (folder / ENDING).unlink(missing_ok=True)
            folder.rmdir()
