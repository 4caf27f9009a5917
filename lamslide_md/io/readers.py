"""Trajectories in: any file mdtraj or ASE reads, checked, whole, with a frame interval in ps."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import mdtraj as md
import numpy as np
from ase import Atoms

from lamslide_md.errors import InputError, option
from lamslide_md.io.gate import Gate
from lamslide_md.io.manifests import find_manifest
from lamslide_md.io.opening import MIN_FRAMES, OneSource, Opened, listed_sources, name_of, open_source
from lamslide_md.io.times import Clock, frame_interval_of
from lamslide_md.io.trajectory_files import Top
from lamslide_md.systems.selections import Selection, marked
from lamslide_md.units import RELATIVE_TOLERANCE

MOST_STRUCTURES = 100_000
"""Structures that are read at once."""


def read(
    source: OneSource | Sequence[str | Path | md.Trajectory],
    top: Top | None = None,
    *,
    frame_interval_ps: float | None = None,
    atoms: Selection = "all",
    stride: int = 1,
    solvent: bool = True,
    recover: bool = False,
    check_bonds: bool = True,
    chunk: int = 1000,
) -> md.Trajectory | list[md.Trajectory]:
    """Read one trajectory, or several of one system.

    The topology is checked against the first frames: bonds that are missing are found by distance, bonds that no frame
    supports are left out, elements that cannot be are mended from the names. Molecules cut by a periodic box are made
    whole, those in contact are put together, and the box is dropped: the entities of a surrogate live in open space,
    and the box of an xtc header is often meaningless. Each of these is reported as an `InputNote`.

    Parameters
    ----------
    source
        Path of a file mdtraj or ASE reads, an `mdtraj.Trajectory`, or a list of ASE `Atoms`: one trajectory. A list of
        paths or trajectories: several of one system.
    top
        Topology for formats that hold none: a file, a topology or a trajectory.
    frame_interval_ps
        Time between two frames of the file, ps, before any stride. Needed where neither the file nor a manifest beside
        it tells; overrules them, with a note, where they differ.
    atoms
        "all", "heavy", a selection in mdtraj's language, or indices; kept in the file's order.
    stride
        Keep every stride-th frame.
    solvent
        Keep water, ions and molecules of many copies; without it only the solute is read, and a note says so.
    recover
        Take the sound frames of a truncated xtc or trr instead of refusing it.
    check_bonds
        Refuse bonds longer than 0.25 nm and medians outside 0.08-0.20 nm. Switch off for coarse-grained beads.
    chunk
        Frames read at a time; of earlier chunks only the selected atoms stay in memory.

    Returns
    -------
    md.Trajectory or list of md.Trajectory
        One trajectory, or a list where a list of paths or trajectories was given, or where the manifest beside a file
        says that it holds several chains. Positions in nm, `time` in ps.

    Raises
    ------
    InputError
        If a file is missing, damaged or too short, has NaN coordinates or impossible bonds, is a periodic solid, has
        frames that are doubled or missing, does not match its topology or the other files, or tells no frame interval.
    """

    def read_one(one: OneSource, name: str) -> md.Trajectory:
        opened = open_source(one, name, top, atoms, solvent, chunk, recover)
        chunks = list(_checked(opened, frame_interval_ps, stride, check_bonds))
        whole = chunks[0] if len(chunks) == 1 else md.join(chunks, check_topology=False)
        return marked(whole, name, atoms)

    sources = listed_sources(source)
    if not sources:
        raise InputError("read was given an empty list; pass at least one path, trajectory or ASE Atoms")
    if isinstance(source, (str, Path, md.Trajectory, Atoms)) or isinstance(sources[0], list):
        chains = _chains_of(read_one(sources[0], name_of(source)), source, stride)
        return chains[0] if len(chains) == 1 else chains
    names = [name_of(one, f"trajectory {index}") for index, one in enumerate(sources)]
    trajectories = [read_one(one, name) for one, name in zip(sources, names, strict=True)]
    _check_same_system(trajectories, names)
    chains = [_chains_of(whole, one, stride) for whole, one in zip(trajectories, sources, strict=True)]
    return [chain for group in chains for chain in group]


def iterate(
    source: OneSource,
    top: Top | None = None,
    *,
    frame_interval_ps: float | None = None,
    atoms: Selection = "all",
    stride: int = 1,
    solvent: bool = True,
    recover: bool = False,
    check_bonds: bool = True,
    chunk: int = 1000,
) -> Iterator[md.Trajectory]:
    """Read one trajectory chunk by chunk, for files larger than memory: the parameters, checks and frames of `read`."""
    opened = open_source(source, name_of(source), top, atoms, solvent, chunk, recover)
    yield from _checked(opened, frame_interval_ps, stride, check_bonds, at_once=True)


def read_structures(
    source: OneSource, top: Top | None = None, *, atoms: Selection = "all", check_bonds: bool = True
) -> md.Trajectory:
    """Read frames that need not follow each other in time, one or more, through the gate of `read`.

    Parameters
    ----------
    source
        Path of a file that mdtraj or ASE reads, an `mdtraj.Trajectory`, or a list of ASE `Atoms`.
    top
        Topology for formats that hold none.
    atoms
        Which to keep: see `read`.
    check_bonds
        Refuse bonds of impossible length.

    Returns
    -------
    md.Trajectory
        Positions in nm; `time` has no meaning.

    Raises
    ------
    InputError
        If the file is missing or damaged, has NaN coordinates or impossible bonds, or does not match its topology.
    """
    opened = open_source(source, name_of(source, "the structure"), top, atoms, True, MOST_STRUCTURES, recover=False)
    gate = Gate(opened.name, opened.atoms, solvent=True, check_bonds=check_bonds)
    chunks = [gate.passed(frames) for frames in opened.frames]
    if not chunks:
        raise InputError(f"{opened.name} holds no frames")
    return chunks[0] if len(chunks) == 1 else md.join(chunks, check_topology=False)


def _checked(
    opened: Opened, frame_interval_ps: float | None, stride: int, check_bonds: bool, *, at_once: bool = False
) -> Iterator[md.Trajectory]:
    if stride < 1:
        raise InputError(f"{option('stride')}={stride} must be at least 1")
    name = opened.name
    clock = Clock(name, frame_interval_ps, opened.manifest_interval_ps)
    gate = Gate(name, opened.atoms, solvent=opened.solvent, check_bonds=check_bonds, solvated=opened.solvated)
    for frames in opened.frames:
        first = clock.n_frames
        times = clock.follow(frames.time)
        if at_once:
            clock.check()
        passed = gate.passed(frames)
        picked = np.arange(-first % stride, frames.n_frames, stride)
        if len(picked):
            yield md.Trajectory(passed.xyz[picked], passed.topology, time=times[picked])
    clock.check()
    if -(-clock.n_frames // stride) < MIN_FRAMES:
        of = f" with stride={stride}" if stride > 1 else ""
        raise InputError(f"{name} has {clock.n_frames} frame(s){of}; a trajectory needs at least {MIN_FRAMES}")
    if opened.expected_frames not in (None, clock.n_frames):
        raise InputError(
            f"{name} has {clock.n_frames} frames, the manifest beside it says {opened.expected_frames}; one of the two "
            "was replaced or cut: make the trajectory again, or delete the manifest if the file is sound"
        )


def _chains_of(whole: md.Trajectory, source: object, stride: int) -> list[md.Trajectory]:
    """Cut a rollout of several chains, which stand one after another in its file, into the chains."""
    manifest = find_manifest(Path(source)) if isinstance(source, (str, Path)) else None
    n_chains = 1 if manifest is None else manifest.n_chains
    if n_chains == 1:
        return [whole]
    if whole.n_frames % n_chains:
        raise InputError(
            f"{source} has {whole.n_frames} frames at stride={stride}, which do not divide into {n_chains} chains; use "
            "a stride that divides the frames of a chain"
        )
    n_frames = whole.n_frames // n_chains
    chains = (whole[chain * n_frames : (chain + 1) * n_frames] for chain in range(n_chains))
    return [marked(chain, whole.read_from, whole.selected_by) for chain in chains]


def _check_same_system(trajectories: list[md.Trajectory], names: list[str]) -> None:
    """Refuse trajectories of different atoms or frame intervals; let all share the first's topology."""
    first = trajectories[0]
    interval = frame_interval_of(first)
    for trajectory, name in zip(trajectories[1:], names[1:], strict=True):
        if trajectory.n_atoms != first.n_atoms:
            raise InputError(
                f"{name} has {trajectory.n_atoms} atoms, {names[0]} has {first.n_atoms}; read one system at a time"
            )
        for mine, reference in zip(trajectory.topology.atoms, first.topology.atoms, strict=True):
            if (mine.name, mine.element, mine.residue.name) != (
                reference.name,
                reference.element,
                reference.residue.name,
            ):
                raise InputError(
                    f"atom {mine.index} is {mine} in {name} and {reference} in {names[0]}; read one system at a time, "
                    "its atoms in one order"
                )
        other = frame_interval_of(trajectory)
        if abs(other - interval) > RELATIVE_TOLERANCE * interval:
            raise InputError(
                f"{name} has a frame every {other:g} ps, {names[0]} every {interval:g} ps; read each with the stride "
                "that makes them equal"
            )
        trajectory.topology = first.topology
