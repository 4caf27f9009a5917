"""What a user gives as a trajectory, opened: which atoms are read, and what a manifest beside it says."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import mdtraj as md
import numpy as np
from ase import Atoms

from lamslide_md.errors import InputError, option
from lamslide_md.io.ase_atoms import trajectory_from_ase
from lamslide_md.io.atom_counts import atom_count_error
from lamslide_md.io.manifests import find_manifest
from lamslide_md.io.trajectory_files import Top, load_topology, open_chunks
from lamslide_md.io.unchanged import check_unchanged
from lamslide_md.systems.elements import with_elements
from lamslide_md.systems.selections import Selection, select
from lamslide_md.systems.solvent import composition, solute_mask
from lamslide_md.systems.topologies import residue_indices

OneSource: TypeAlias = str | Path | md.Trajectory | Sequence[Atoms]
MIN_FRAMES = 2
"""A single frame has no dynamics."""


@dataclass(frozen=True)
class Opened:
    """A source whose frames can be taken; `solvated` lists the solvent that is not read."""

    name: str
    frames: Iterator[md.Trajectory]
    atoms: Selection
    solvent: bool
    solvated: str
    manifest_interval_ps: float | None
    expected_frames: int | None


def open_source(
    source: OneSource, name: str, top: Top | None, atoms: Selection, solvent: bool, chunk: int, recover: bool
) -> Opened:
    """Find out what a source is, and begin to read it.

    Parameters
    ----------
    source
        Path, trajectory or structures.
    name
        What to call it in messages.
    top
        Its topology, for formats that hold none.
    atoms
        Which atoms are kept.
    solvent
        Whether solvent and ions may be among them.
    chunk
        Frames read at a time.
    recover
        Take the sound frames of a truncated file.

    Returns
    -------
    Opened
        Nothing is checked yet.

    Raises
    ------
    InputError
        If the topology is missing or damaged, or the selection impossible.
    """
    if chunk < MIN_FRAMES:
        raise InputError(f"chunk={chunk} must be at least {MIN_FRAMES} frames")
    if not isinstance(source, (str, Path)):
        return Opened(name, _from_memory(source, name, top, chunk), atoms, solvent, "", None, None)
    path, needed, solvated = Path(source), None, ""
    if not path.name:
        raise InputError(f"{str(source)!r} is the name of no file; give that of a trajectory")
    topology = load_topology(top)
    if topology is not None:
        topology = with_elements(topology, name_of(top, "top"))
        chosen, is_solute = select(topology, atoms), solute_mask(topology)
        if not solvent and not is_solute.all():
            solvated = composition(topology, ~is_solute)
            chosen = chosen[is_solute[chosen]]
        # Solvent that nobody asked for is not read; of the rest all, as what is bonded to what is not yet known.
        wanted = is_solute.copy()
        wanted[chosen] = True
        residues = residue_indices(topology)
        wanted[np.isin(residues, residues[chosen])] = True
        needed = np.flatnonzero(wanted)
        atoms = np.searchsorted(needed, chosen)
        needed = None if len(needed) == topology.n_atoms else needed
    manifest = find_manifest(path)
    frames = open_chunks(path, topology, name_of(top, "top"), chunk, recover=recover, needed=needed)
    if manifest is None:
        return Opened(name, frames, atoms, solvent, solvated, None, None)
    if not recover:
        check_unchanged(path, manifest)
    n_frames = None if recover else manifest.n_frames
    return Opened(name, frames, atoms, solvent, solvated, manifest.frame_interval_ps, n_frames)


def listed_sources(source: object) -> list[OneSource]:
    """Tell one source from several.

    Parameters
    ----------
    source
        What the user gave.

    Returns
    -------
    list
        Of one element where it is one trajectory.

    Raises
    ------
    InputError
        If it is nothing that can be read.
    """
    if isinstance(source, Atoms):
        return [[source]]
    if isinstance(source, (str, Path, md.Trajectory)):
        return [source]
    items = list(source) if isinstance(source, Iterable) and not isinstance(source, bytes) else [source]
    wrong = [type(item).__name__ for item in items if not isinstance(item, (str, Path, md.Trajectory, Atoms))]
    if wrong:
        raise InputError(f"a {wrong[0]} is no trajectory; pass a path, an mdtraj.Trajectory or a list of ASE Atoms")
    return [items] if items and isinstance(items[0], Atoms) else items


def _from_memory(
    source: md.Trajectory | Sequence[Atoms], name: str, top: Top | None, chunk: int
) -> Iterator[md.Trajectory]:
    topology, top_name = load_topology(top), name_of(top, "top")
    whole = source if isinstance(source, md.Trajectory) else trajectory_from_ase(source, topology, name, top_name)
    if topology is not None and topology.n_atoms != whole.n_atoms:
        raise atom_count_error(name, whole.n_atoms, top_name, topology)
    if topology is None and whole.topology is None:
        raise InputError(f"{name} has no topology, which names its atoms; pass {option('top')}")
    for start in range(0, whole.n_frames, chunk):
        frames = whole[start : start + chunk]
        if topology is not None:
            frames.topology = topology
        yield frames


def name_of(source: object, otherwise: str = "the trajectory") -> str:
    """Call a source by its path, or otherwise."""
    return str(source) if isinstance(source, (str, Path)) else otherwise
