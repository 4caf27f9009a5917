"""Chains, each in a file, joined to one file of any format."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import mdtraj as md
import numpy as np
from ase.io.trajectory import Trajectory as AseTrajectory

from lamslide_md.io.growing_files import EXTENDED_XYZ, GROMACS
from lamslide_md.io.plain_paths import plain_path, suffix
from lamslide_md.io.quiet import netcdf_may_be_slow
from lamslide_md.io.whole_files import replacing
from lamslide_md.io.writers import STREAMED, TrajectoryWriter

CHUNK_FRAMES = 1000


def join_parts(parts: Sequence[Path], path: Path, topology: md.Topology) -> None:
    """Write one file of several, one after another; it takes the place of an older one once it is complete.

    Parameters
    ----------
    parts
        Files of the same format, which may be that of the target.
    path
        Target.
    topology
        Atoms of a frame.

    Raises
    ------
    OSError
        If the disk is full.
    """
    with replacing(path) as partial:
        ending = suffix(path)
        if ending in (*GROMACS, *EXTENDED_XYZ) and suffix(parts[0]) == ending:
            _join_bytes(parts, partial)
        elif ending == ".traj":
            _join_ase(parts, partial)
        elif ending in STREAMED:
            _stream(parts, partial, topology)
        else:
            with plain_path(partial) as plain, netcdf_may_be_slow():
                md.join(_chunks(parts, topology), check_topology=False).save(plain)


def _join_bytes(parts: Sequence[Path], path: Path) -> None:
    with path.open("wb") as target:
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, target)


def _join_ase(parts: Sequence[Path], path: Path) -> None:
    with AseTrajectory(path, "w") as target:
        for part in parts:
            with AseTrajectory(part) as source:
                for atoms in source:
                    target.write(atoms)


def _stream(parts: Sequence[Path], path: Path, topology: md.Topology) -> None:
    with TrajectoryWriter(path, topology) as writer:
        for chunk in _chunks(parts, topology):
            writer.write(chunk.xyz, chunk.time.astype(np.float64))


def _chunks(parts: Sequence[Path], topology: md.Topology) -> Iterator[md.Trajectory]:
    for part in parts:
        with plain_path(part) as plain:
            yield from md.iterload(plain, top=topology, chunk=CHUNK_FRAMES)
