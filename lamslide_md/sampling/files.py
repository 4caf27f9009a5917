"""A rollout on disk: files that grow, a restart file beside them, and the one file that they become."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.errors import InputError
from lamslide_md.hashing import sha256_of_file
from lamslide_md.io.growing_files import growing_file
from lamslide_md.io.interrupts import RolloutInterrupted, uninterrupted
from lamslide_md.io.joining import join_parts
from lamslide_md.io.manifest_models import MOST_SECONDS
from lamslide_md.io.manifests import Manifest, parse, rollout_manifest
from lamslide_md.io.records import WRITTEN_BY
from lamslide_md.io.unchanged import ENTRY
from lamslide_md.io.whole_files import replacing, write_whole
from lamslide_md.sampling.chain_state import ChainState, RestartFile
from lamslide_md.sampling.earlier_rollout import is_finished, restart_of, size_of
from lamslide_md.sampling.name_choice import choose_names
from lamslide_md.sampling.needs import ChainTimes, check_disk
from lamslide_md.sampling.whole_rollouts import check_whole, no_room
from lamslide_md.systems.system import System

COMMIT_S = 1.0
"""Frames go to disk this often: a kill costs the computation of so long, or of ten times the writing."""
WRITING_SHARE = 0.1
"""Of the time, at most, is spent writing: where a disk is slow, frames go to it less often."""
COMMIT_BYTES = 64_000_000


class RolloutFiles:
    """Files of one rollout, from the first frame to the last; a context manager.

    Topology and a manifest without a number of frames are there before the first frame. Every chain grows in a file
    that can be read meanwhile; `STEM.restart.npz` holds what they go on from and how long the files were then. At the
    end chains are joined, the manifest is completed, and chains and restart are removed. An earlier rollout of the same
    name stays as it is until then.

    Parameters
    ----------
    path
        What they become: a format of mdtraj or ASE.
    system
        What was rolled out.
    times
        Of all frames of the chains.
    facts
        JSON-able settings and provenance, for the manifest.
    command
        Which makes it: it may replace what it made earlier.
    inputs
        Files that are never replaced.
    overwrite
        Replace `path` whoever wrote it.
    first_chain
        Number of the first chain, where formats tell it.
    """

    def __init__(
        self,
        path: Path,
        system: System,
        times: ChainTimes,
        facts: dict[str, Any],
        *,
        command: str = "rollout",
        inputs: Sequence[str | Path] = (),
        overwrite: bool = False,
        first_chain: int = 0,
    ) -> None:
        n_atoms = len(system.labels())
        self.path, self.system, self.times = path, system, times
        self.manifest = rollout_manifest(n_atoms, times.shape, times.frame_interval_ps, facts)
        self._command, self._inputs, self._overwrite = command, [Path(source) for source in inputs], overwrite
        self._first_chain, self._lengths = first_chain, [0] * times.n_chains
        self.spent_before_s = self._writing_s = 0.0
        self._waiting: list[np.ndarray] = []
        self.state: ChainState | None = None
        self.n_done = 0
        self._begun_s = self._committed_s = time.monotonic()

    def begin(self, resume: bool) -> bool:
        """Find out what there is to do, and lay down topology and manifest.

        Parameters
        ----------
        resume
            Go on from what is there, if it is of this rollout; otherwise it is replaced.

        Returns
        -------
        bool
            False if the rollout is finished already.

        Raises
        ------
        InputError
            If another rollout is there, its files were damaged, the folder or format cannot be written, or the disk has
            no room for it.
        """
        what, kept = (self.path, self.times.n_chains, self._command), self._inputs
        self.names = choose_names(*what, inputs=kept, overwrite=self._overwrite, resume=resume)
        self.parts, topology = self.names.parts, self.system.topology
        self._growing = [growing_file(part, topology, c) for c, part in enumerate(self.parts, self._first_chain)]
        if resume and is_finished(self.names, self.manifest):
            self._remove(self.names.leftovers)
            return False
        check_disk(self.path, *self.times.shape, len(self.system.labels()))
        if resume and self._goes_on():
            return True
        self.names.tell()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._remove(self.names.leftovers)
            reference = md.Trajectory(self.system.reference_nm, topology)
            # The manifest first and last: a kill in between leaves no topology that nobody has written.
            self._write_manifest(self.manifest.model_copy(update={"n_frames": None}), finished=False)
            with replacing(self.names.growing_topology) as whole:
                reference.save_pdb(str(whole))
            self._write_manifest(self.manifest.model_copy(update={"n_frames": None}), finished=False)
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error}; free space, or choose another folder") from error
        return True

    def add(self, positions_nm: Float[np.ndarray, "chains new atoms 3"], state: ChainState | None) -> None:
        """Take the next frames of all chains; they are on disk within a second.

        Parameters
        ----------
        positions_nm
            Of the new frames.
        state
            Where the chains stand behind them; None if there is nothing to go on from.

        Raises
        ------
        InputError
            If a coordinate is not finite, or the disk full.
        """
        waiting = sum(chunk.shape[1] for chunk in self._waiting)
        if not np.isfinite(positions_nm).all():
            bad = np.argmax(~np.isfinite(positions_nm).all(axis=(0, 2, 3)))
            raise InputError(
                f"{self.path}: frame {self.n_done + waiting + int(bad)} has coordinates that are not finite; it is not "
                "written: the model left what it was trained on, try another start, seed or solver"
            )
        self._waiting.append(positions_nm)
        self.state = state
        full = sum(chunk.nbytes for chunk in self._waiting) > COMMIT_BYTES
        if full or time.monotonic() - self._committed_s > max(COMMIT_S, self._writing_s / WRITING_SHARE):
            self._commit()

    def finish(self, made: Sequence[Path] = ()) -> None:
        """Join the chains to the one file and complete the manifest.

        Parameters
        ----------
        made
            Files made elsewhere, with all chains in their order; none: those that have grown here.

        Raises
        ------
        InputError
            If the disk is full, or frames are missing.
        """
        self._commit()
        parts = tuple(made) or self.parts
        check_whole(self.path, parts, self.times.n_chains * self.times.n_frames, self.manifest.n_atoms)
        try:
            if parts != (self.path,):
                # From here on the file is ours, also if this process ends before the manifest is complete.
                self._write_manifest(self.manifest.model_copy(update={"n_frames": None}), finished=False, joined=True)
                join_parts(parts, self.path, self.system.topology)
            took_s = self.spent_s()
            facts = {"wall_time_s": round(took_s, 3), "n_bytes": size_of(self.path)}
            names = self.names
            if names.growing_topology not in (names.topology, names.path) and names.topology != names.path:
                write_whole(names.topology, names.growing_topology.read_bytes())
            self._write_manifest(self.manifest.model_copy(update=facts), sha256_of_file(self.path), finished=True)
            aside = (names.growing_topology, names.growing_manifest) if names.replaces else ()
            # By the restart the others are known to be ours, if this process ends before all are removed.
            self._remove([file for file in (*names.parts, names.restart, *aside) if file != self.path])
        except OSError as error:
            raise self._no_room(error, made) from error

    def __enter__(self) -> "RolloutFiles":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            return
        # A disk that is full is the error under way, or tells less than it.
        with suppress(InputError):
            self._commit()
        if isinstance(error, KeyboardInterrupt):
            n_chains, n_frames = self.times.shape
            raise RolloutInterrupted(n_chains * self.n_done, n_chains * n_frames, list(self.parts)) from None

    def _commit(self) -> None:
        """Put waiting frames and the restart on disk; twice does no harm."""
        if not self._waiting:
            return
        positions_nm = np.concatenate(self._waiting, axis=1)
        stop = self.n_done + positions_nm.shape[1]
        times = self.times.between(self.n_done, stop)
        started_s = time.monotonic()
        with uninterrupted():
            try:
                chains = zip(self._growing, self._lengths, positions_nm, times, strict=True)
                lengths = [file.extend(length, self.n_done, *frames) for file, length, *frames in chains]
                if self.state is not None:
                    took_s = self.spent_s()
                    digests = tuple(file.digest(length) for file, length in zip(self._growing, lengths, strict=True))
                    RestartFile(self.state, stop, tuple(lengths), took_s, digests).save(self.names.restart)
            except OSError as error:
                raise self._no_room(error) from error
            self._lengths, self.n_done, self._waiting = lengths, stop, []
        self._writing_s, self._committed_s = time.monotonic() - started_s, time.monotonic()

    def spent_s(self) -> float:
        """Time spent, s, in earlier runs too."""
        return min(self.spent_before_s + time.monotonic() - self._begun_s, MOST_SECONDS)

    def _no_room(self, error: OSError, made: Sequence[Path] = ()) -> InputError:
        n_chains, n_frames = self.times.shape
        n_done = n_frames if made else self.n_done
        return no_room(self.path, error, made or self.parts, n_chains * n_done, n_chains * n_frames)

    def _goes_on(self) -> bool:
        """Go on from what an interrupted rollout has left, if it was this one."""
        restart = restart_of(self.names, self.manifest, self._growing)
        if restart is None:
            return False
        self.state, self.n_done = restart.state, restart.n_frames
        self._lengths, self.spent_before_s = list(restart.lengths), restart.wall_time_s
        return True

    def _write_manifest(self, manifest: Manifest, sha256: str | None = None, **how: bool) -> None:
        target, record = self.names.record(self._command, **how)
        record[WRITTEN_BY] |= {ENTRY: sha256} if sha256 else {}
        content = json.loads(manifest.model_dump_json()) | record
        parse(target, content)  # what our own reader would refuse is not written
        write_whole(target, json.dumps(content, indent=1))

    def _remove(self, files: Sequence[Path]) -> None:
        for file in files:
            file.unlink(missing_ok=True)
