"""A rollout on disk: files that grow, a restart beside them, and the one file that they become."""

import tempfile
import time
from contextlib import suppress
from glob import escape
from pathlib import Path
from types import TracebackType
from typing import Any

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.data.growing_files import GROWING, growing_file
from lamslide_md.data.manifests import Manifest, differences, find_manifest, manifest_path, rollout_manifest
from lamslide_md.data.systems import System
from lamslide_md.errors import InputError, option
from lamslide_md.interrupts import RolloutInterrupted, uninterrupted
from lamslide_md.joining import join_parts
from lamslide_md.restart import Place, Restart

COMMIT_S = 1.0
"""Frames go to disk this often: a kill costs no more than the computation of so long, or of ten times the writing."""
WRITING_SHARE = 0.1
"""Of the time, at most, is spent writing: where a disk is slow, frames go to it less often."""
COMMIT_BYTES = 64_000_000
EXACT = ".trr"
"""In which chains grow whose own format cannot: keeps single precision."""


class RolloutFiles:
    """Files of one rollout, from the first frame to the last; a context manager.

    Topology and a manifest without a number of frames are there before the first frame. Every chain grows in a file
    that can be read meanwhile; `STEM.restart.npz` holds what they go on from and how long the files were then. At the
    end chains are joined, the manifest is completed, and chains and restart are removed.

    Parameters
    ----------
    path
        What they become: a format of mdtraj or ASE.
    system
        What was rolled out.
    times_ps
        Times of all frames of the chains.
    frame_interval_ps
        Time between two frames.
    facts
        JSON-able settings and provenance, for the manifest.

    Raises
    ------
    InputError
        If the system is made of points.
    """

    def __init__(
        self,
        path: Path,
        system: System,
        times_ps: Float[np.ndarray, "chains frames"],
        frame_interval_ps: float,
        facts: dict[str, Any],
    ) -> None:
        n_atoms = len(system.labels())
        self.path, self.system, self.times_ps = path, system, times_ps
        self.manifest = rollout_manifest(n_atoms, times_ps.shape, frame_interval_ps, facts)
        n_chains, grows = len(times_ps), path.suffix in GROWING
        name = f"{path.stem}.chain{{}}{path.suffix if grows else EXACT}"
        own = n_chains == 1 and grows
        self.parts = [path] if own else [path.with_name(name.format(chain + 1)) for chain in range(n_chains)]
        self.restart_path = path.with_name(f"{path.stem}.restart.npz")
        self._growing = [growing_file(part, system.topology, c) for c, part in enumerate(self.parts)]
        self._lengths, self._wall_time_s, self._writing_s = [0] * n_chains, 0.0, 0.0
        self._waiting: list[np.ndarray] = []
        self.place: Place | None = None
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
            If another rollout is there, its files were damaged, or the folder or format cannot be written.
        """
        there = find_manifest(self.path) if resume else None
        if there is not None:
            if told := "; ".join(differences(there, self.manifest)):
                raise InputError(f"{self.path} holds another rollout: {told}; choose another file, or begin anew")
            if there.n_frames is not None and getattr(there, "n_bytes", None) == size_of(self.path):
                self._remove_leftovers()
                return False
        if there is not None and self.restart_path.is_file():
            self._go_on(Restart.load(self.restart_path))
            return True
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for old in (self.restart_path, *self._chains_of_restart(), *self.parts, self.path):
                old.unlink(missing_ok=True)
            reference = md.Trajectory(self.system.reference_nm, self.system.topology)
            if self.path.suffix not in GROWING:
                _check_writable(self.path, reference)
            reference.save_pdb(str(self.path.with_suffix(".pdb")))
            self._write_manifest(self.manifest.model_copy(update={"n_frames": None}))
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error}") from error
        return True

    def add(self, positions_nm: Float[np.ndarray, "chains new atoms 3"], place: Place | None) -> None:
        """Take the next frames of all chains; they are on disk within a second.

        Parameters
        ----------
        positions_nm
            Of the new frames.
        place
            Where the chains stand behind them; None if there is nothing to go on from.

        Raises
        ------
        InputError
            If a coordinate is not finite, or the disk full.
        """
        waiting = sum(piece.shape[1] for piece in self._waiting)
        if not np.isfinite(positions_nm).all():
            bad = np.argmax(~np.isfinite(positions_nm).all(axis=(0, 2, 3)))
            raise InputError(
                f"{self.path}: frame {self.n_done + waiting + int(bad)} has coordinates that are not finite; it is not "
                "written: the model left what it was trained on, try another start, seed or solver"
            )
        self._waiting.append(positions_nm)
        self.place = place
        full = sum(piece.nbytes for piece in self._waiting) > COMMIT_BYTES
        if full or time.monotonic() - self._committed_s > max(COMMIT_S, self._writing_s / WRITING_SHARE):
            self._commit()

    def finish(self) -> None:
        """Join the chains to the one file and complete the manifest.

        Raises
        ------
        InputError
            If the disk is full.
        """
        self._commit()
        try:
            if self.parts != [self.path]:
                join_parts(self.parts, self.path, self.system.topology)
            took_s = self._wall_time_s + time.monotonic() - self._begun_s
            facts = {"wall_time_s": round(took_s, 3), "n_bytes": size_of(self.path)}
            self._write_manifest(self.manifest.model_copy(update=facts))
            self._remove_leftovers()
        except OSError as error:
            raise InputError(self._complaint(error)) from error

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
            n_chains, n_frames = self.times_ps.shape
            raise RolloutInterrupted(n_chains * self.n_done, n_chains * n_frames, self.parts) from None

    def _commit(self) -> None:
        """Put waiting frames and the restart on disk; twice does no harm."""
        if not self._waiting:
            return
        positions_nm = np.concatenate(self._waiting, axis=1)
        stop = self.n_done + positions_nm.shape[1]
        times = self.times_ps[:, self.n_done : stop]
        started_s = time.monotonic()
        with uninterrupted():
            try:
                chains = zip(self._growing, self._lengths, positions_nm, times, strict=True)
                lengths = [file.extend(length, self.n_done, *frames) for file, length, *frames in chains]
                if self.place is not None:
                    took_s = self._wall_time_s + time.monotonic() - self._begun_s
                    Restart(self.place, stop, tuple(lengths), took_s).save(self.restart_path)
            except OSError as error:
                raise InputError(self._complaint(error)) from error
            self._lengths, self.n_done, self._waiting = lengths, stop, []
        self._writing_s, self._committed_s = time.monotonic() - started_s, time.monotonic()

    def _complaint(self, error: OSError) -> str:
        n_chains, n_frames = self.times_ps.shape
        return (
            f"cannot write {self.path} ({error}); {n_chains * self.n_done:,} of {n_chains * n_frames:,} frames are in "
            f"{', '.join(map(str, self.parts))}: free space and go on with {option('resume=True')}"
        )

    def _go_on(self, restart: Restart) -> None:
        if len(restart.lengths) != len(self.parts) or not all(part.is_file() for part in self.parts):
            missing = [str(part) for part in self.parts if not part.is_file()]
            raise InputError(
                f"{self.restart_path} cannot go on: {', '.join(missing) or 'a chain'} is missing; put it back, or roll "
                "out anew, without continuing"
            )
        self.place, self.n_done = restart.place, restart.n_frames
        self._lengths, self._wall_time_s = list(restart.lengths), restart.wall_time_s

    def _chains_of_restart(self) -> list[Path]:
        """Chains of an unfinished rollout, which may have been more than now."""
        if not self.restart_path.is_file():
            return []
        found = self.path.parent.glob(f"{escape(self.path.stem)}.chain[0-9]*")
        return [part for part in found if part.suffix in GROWING]

    def _write_manifest(self, manifest: Manifest) -> None:
        target = manifest_path(self.path)
        partial = target.with_name(target.name + ".partial")
        partial.write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        partial.replace(target)

    def _remove_leftovers(self) -> None:
        self.restart_path.unlink(missing_ok=True)
        for part in self.parts:
            if part != self.path:
                part.unlink(missing_ok=True)


def size_of(path: Path) -> int | None:
    """Bytes of a file; None where there is none."""
    return path.stat().st_size if path.is_file() else None


def _check_writable(path: Path, reference: md.Trajectory) -> None:
    """Refuse a format that mdtraj cannot write before anything is computed."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            reference.save(str(Path(folder) / path.name))
        except Exception as error:
            raise InputError(f"cannot write {path}: {' '.join(str(error).split())}") from error
