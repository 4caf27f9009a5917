"""A trajectory in ASE's own format that grows frame by frame."""

import json
from pathlib import Path

import mdtraj as md
import numpy as np
from ase import Atoms
from ase.io.trajectory import Trajectory as AseTrajectory

from lamslide_md.hashing import RunningHash
from lamslide_md.io.ase_atoms import ase_frames
from lamslide_md.io.growing_base import GrowingFile
from lamslide_md.io.whole_files import replacing
from lamslide_md.systems.topologies import labels_digest, labels_of


class AseFile(GrowingFile):
    """ASE's own format; its length is in frames, and its hash is that of their contents.

    Such a file cannot be cut, and its bytes change as it grows: a run that goes on writes it anew without the frames
    that its restart does not know. Within a run, frames behind the length are the same that are to come: they stay.
    """

    def __init__(self, path: Path, topology: md.Topology, chain: int) -> None:
        super().__init__(path, topology, chain)
        self._labels = labels_digest(labels_of(topology))

    def _append(
        self, length: int, first_frame: int, positions_nm: np.ndarray, time_ps: np.ndarray, running: RunningHash
    ) -> int:
        # ASE opens an empty file to append as one to write.
        mode = "a" if length else "w"
        with AseTrajectory(self.path, mode) as file:
            n_there = len(file) if length else 0
            if n_there < length:
                raise OSError(f"{self.path} has {n_there} frames, {length} were written; it was replaced or cut")
            for index, atoms in enumerate(ase_frames(self.topology, positions_nm, time_ps, self.chain), length):
                # The format has no place for names: these tell `LatentDynamics` which atoms they are.
                atoms.info["lamslide"] = {"atoms": {"labels": self._labels, "index": list(range(len(atoms)))}}
                running.add(_content_of(atoms))
                if index >= n_there:
                    file.write(atoms)
        return length + len(positions_nm)

    def _hash(self, length: int) -> RunningHash:
        running = RunningHash()
        if length:
            with AseTrajectory(self.path) as file:
                if len(file) < length:
                    raise OSError(f"it has {len(file)} frames, {length} were written")
                for index in range(length):
                    running.add(_content_of(file[index]))
        return running

    def _count(self, length: int) -> int:
        return length

    def _cut(self, length: int) -> None:
        with AseTrajectory(self.path) as file:
            if not 0 < length < len(file):
                return
            with replacing(self.path) as partial, AseTrajectory(partial, "w") as target:
                for index in range(length):
                    target.write(file[index])


def _content_of(atoms: Atoms) -> bytes:
    """All of a frame that a reader gets."""
    arrays = [atoms.numbers.astype(np.int64), atoms.positions, atoms.cell.array, atoms.pbc]
    return json.dumps(atoms.info, sort_keys=True).encode() + b"".join(array.tobytes() for array in arrays)
