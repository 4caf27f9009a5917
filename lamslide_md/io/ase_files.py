"""Trajectory files that ASE reads and mdtraj does not, in chunks."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import ase.io
import ase.io.formats
import mdtraj as md
import numpy as np

from lamslide_md.errors import InputError, option
from lamslide_md.io.ase_atoms import trajectory_from_ase

PACKED = {".gz", ".bz2", ".xz", ".zip"}


def ase_chunks(
    path: Path, top: md.Topology | None, top_name: str, chunk: int, needed: np.ndarray | None
) -> Iterator[md.Trajectory]:
    """Frames of a file as they are, chunk by chunk.

    Parameters
    ----------
    path
        Of a format that ASE finds out.
    top
        Its topology; from its first structure when left out.
    top_name
        The topology's file name for the messages.
    chunk
        Frames per chunk.
    needed
        Indices of the atoms to keep, shape (atoms,); None for all.

    Yields
    ------
    md.Trajectory
        At most `chunk` frames, nm, without times.

    Raises
    ------
    InputError
        If ASE cannot read it, or its atoms change or are not those of the topology.
    """
    if top is None and _has_types_only(path):
        raise InputError(
            f"{path} numbers the types of its atoms and does not name their elements, which ASE would take the numbers "
            f"for; write it with the column 'element', or pass {option('top')}"
        )
    try:
        structures = ase.io.iread(str(path), index=":")
        taken = list(islice(structures, chunk))
    except Exception as error:
        packed = "; unpack it first" if path.suffix.lower() in PACKED else ""
        raise InputError(
            f"{path} can be read neither by mdtraj nor by ASE: {str(error) or type(error).__name__}{packed}"
        ) from error
    if not taken:
        raise InputError(f"{path} holds no frame that ASE finds, which takes it for {_kind(path)}; is that its format?")
    while taken:
        frames = trajectory_from_ase(taken, top, str(path), top_name)
        top = frames.topology
        yield frames if needed is None else frames.atom_slice(needed)
        try:
            taken = list(islice(structures, chunk))
        except Exception as error:
            raise InputError(f"{path} is damaged after the frames read so far: {error}; write it again") from error


def _kind(path: Path) -> str:
    return str(ase.io.formats.filetype(str(path), guess=True))


def _has_types_only(path: Path) -> bool:
    """Tell a LAMMPS dump without elements."""
    try:
        if not ase.io.formats.filetype(str(path)).startswith("lammps-dump-text"):
            return False
        with ase.io.formats.open_with_compression(str(path)) as file:
            columns = next((line for line in islice(file, 20) if line.startswith("ITEM: ATOMS")), "")
    except (OSError, ValueError, ase.io.formats.UnknownFileTypeError):
        return False
    return "element" not in columns.split()
