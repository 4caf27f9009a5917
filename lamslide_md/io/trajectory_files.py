"""Trajectory files of any format mdtraj or ASE reads, opened and taken in chunks."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import mdtraj as md
import numpy as np
from mdtraj.formats.registry import FormatRegistry

from lamslide_md.errors import InputError, option
from lamslide_md.io.ase_files import ase_chunks
from lamslide_md.io.atom_counts import atom_count_error
from lamslide_md.io.fragile_formats import check_survives
from lamslide_md.io.given_paths import check_file
from lamslide_md.io.plain_paths import plain_path, suffix
from lamslide_md.io.quiet import boxes_may_lack, netcdf_may_be_slow, quiet

HOLDS_TOPOLOGY = {".pdb", ".pdb.gz", ".h5", ".hdf5", ".lh5", ".gro", ".cif", ".cif.gz", ".mmcif", ".mmcif.gz", ".pdbx"}
HOLDS_TOPOLOGY |= {".pdbx.gz", ".arc", ".hoomdxml", ".mol2", ".gsd"}
READ_WHOLE = {".cif", ".cif.gz", ".mmcif", ".mmcif.gz", ".pdbx", ".pdbx.gz", ".mol2", ".hoomdxml", ".arc"}
"""Small formats that mdtraj has no frame-wise reader for."""
TOPOLOGY_ONLY = {".psf", ".prmtop", ".parm7", ".prm7", ".top", ".itp", ".tpr"}
"""Formats of programs' topologies, which are given for trajectories now and then."""
FRAME_WISE = {".xtc": md.formats.XTCTrajectoryFile, ".trr": md.formats.TRRTrajectoryFile}
"""Formats whose frames stand alone, so that the sound ones of a damaged file can be had, and what reads them."""
FOLDERS = {".bundle", ".dtr"}
"""Formats of many files in a folder."""

Top: TypeAlias = str | Path | md.Topology | md.Trajectory


def load_topology(top: Top | None) -> md.Topology | None:
    """Get the topology out of a file, a trajectory or itself; None stays None.

    Parameters
    ----------
    top
        Path, topology or trajectory.

    Returns
    -------
    md.Topology or None
        The topology, not copied.

    Raises
    ------
    InputError
        If the file is missing or no topology.
    """
    if top is None or isinstance(top, md.Topology):
        return top
    if isinstance(top, md.Trajectory):
        return top.topology
    path = Path(top)
    check_file(path)
    _check_content(path)
    check_survives(path)
    try:
        with plain_path(path) as plain:
            return md.load_topology(plain)
    except Exception as error:
        # mdtraj asks for the first of no atoms.
        reason = "it holds no atoms" if isinstance(error, IndexError) else str(error)
        raise InputError(
            f"{path} cannot be read as a topology ({reason}); pass a .pdb, .gro, .prmtop or .h5"
        ) from error


def open_chunks(
    path: Path,
    top: md.Topology | None,
    top_name: str,
    chunk: int,
    *,
    recover: bool = False,
    needed: np.ndarray | None = None,
) -> Iterator[md.Trajectory]:
    """Iterate over the frames of a file, unchanged, chunk by chunk.

    Parameters
    ----------
    path
        Trajectory file.
    top
        Its topology; may be left out where the format holds one or ASE reads the file.
    top_name
        The topology's file name for the messages.
    chunk
        Frames per chunk.
    recover
        Return the intact frames of a truncated xtc or trr instead of refusing it.
    needed
        Indices of the atoms to keep, shape (atoms,); all when left out.

    Yields
    ------
    md.Trajectory
        At most `chunk` frames, nm, with the file's times and box.

    Raises
    ------
    InputError
        If the file is missing, of unknown format, damaged, or has other atoms than the topology.
    """
    if not (path.is_dir() and suffix(path) in FOLDERS):
        check_file(path)
        _check_content(path)
    check_survives(path)
    ending = suffix(path)
    if ending in TOPOLOGY_ONLY:
        raise InputError(
            f"{path}: a {ending} file is a topology and holds no frames; give it as {option('top')}, with a trajectory"
        )
    by_mdtraj = ending in FormatRegistry.loaders and not (top is None and ending == ".xyz")
    if not by_mdtraj:
        yield from ase_chunks(path, top, top_name, chunk, needed)
        return
    if top is None and ending not in HOLDS_TOPOLOGY:
        raise InputError(
            f"{path}: a {ending} file holds no atom names; pass {option('top')}, the .pdb (or other topology) it "
            "belongs to"
        )
    if ending not in HOLDS_TOPOLOGY:
        _check_atom_count(path, top, top_name)
    for frames in _mdtraj_chunks(path, top, chunk, recover=recover, needed=needed):
        if ending in HOLDS_TOPOLOGY and top is not None:
            if frames.n_atoms != top.n_atoms:
                raise atom_count_error(path, frames.n_atoms, top_name, top)
            frames.topology = top
            yield frames if needed is None else frames.atom_slice(needed)
        else:
            yield frames


def _check_content(path: Path) -> None:
    if path.stat().st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); was it copied or written completely?")


def _mdtraj_chunks(
    path: Path, top: md.Topology | None, chunk: int, *, recover: bool, needed: np.ndarray | None
) -> Iterator[md.Trajectory]:
    own = suffix(path) in HOLDS_TOPOLOGY
    size = 0 if suffix(path) in READ_WHOLE else chunk
    # The file's own topology is replaced by the given one, so all its atoms are read for the comparison.
    kept = None if own else needed
    with plain_path(path) as plain:
        source = md.iterload(plain, chunk=size, atom_indices=kept, **({} if own else {"top": top}))
        if recover and suffix(path) in FRAME_WISE:
            source = _sound_chunks(path, top, chunk, kept)
        yield from _taken(source, path)


def _taken(source: Iterator[md.Trajectory], path: Path) -> Iterator[md.Trajectory]:
    taken = 0
    while True:
        try:
            with quiet(), boxes_may_lack():
                frames = next(source, None)
        except Exception as error:
            raise _damaged(path, error, taken) from error
        if frames is None:
            return
        taken += frames.n_frames
        yield frames


def _check_atom_count(path: Path, top: md.Topology, top_name: str) -> None:
    """Compare the file's atoms with the topology's where the format tells; mdtraj does not once atoms are selected."""
    if suffix(path) in {".mdcrd", ".crd"}:
        return
    try:
        with quiet(), netcdf_may_be_slow(), plain_path(path) as plain, md.open(plain) as file:
            first = file.read(n_frames=1)
    except Exception as error:
        raise _damaged(path, error, 0) from error
    n_atoms = np.shape(first[0] if isinstance(first, Sequence) else first)[1]
    if n_atoms != top.n_atoms:
        raise atom_count_error(path, n_atoms, top_name, top)


def count_sound_frames(path: Path, ending: str | None = None) -> int:
    """Count the frames at the start of an xtc or trr that can be read.

    Parameters
    ----------
    path
        Of the file.
    ending
        Where the path has none.

    Returns
    -------
    int
        Sound frames.
    """
    count = 0
    try:
        with quiet(), plain_path(path) as plain, FRAME_WISE[ending or suffix(path)](plain) as file:
            while len(file.read(n_frames=1)[0]):
                count += 1
    except (OSError, RuntimeError, MemoryError):
        pass
    return count


def _sound_chunks(
    path: Path, top: md.Topology | None, chunk: int, needed: np.ndarray | None
) -> Iterator[md.Trajectory]:
    left = count_sound_frames(path)
    if left == 0:
        raise InputError("not one frame is sound")
    with plain_path(path) as plain, md.open(plain) as file:
        while left:
            frames = file.read_as_traj(top, n_frames=min(chunk, left), atom_indices=needed)
            left -= frames.n_frames
            yield frames


def _damaged(path: Path, error: Exception, taken: int) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    if suffix(path) not in FRAME_WISE:
        return InputError(
            f"{path} cannot be read after {taken} frames ({reason}); is it complete and of the format it is named?"
        )
    sound = count_sound_frames(path)
    if sound == 0:
        return InputError(f"{path} is damaged and none of its frames can be read ({reason}); copy or write it again")
    return InputError(
        f"{path} is truncated or damaged: its first {sound} frames can be read, then {reason}; copy it again, or pass "
        f"{option('recover=True')} to use those {sound} frames"
    )
