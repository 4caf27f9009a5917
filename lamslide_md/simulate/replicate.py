"""The running of one replicate: equilibration, blocks of frames, a checkpoint behind each block."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import openmm
from openmm import unit

from lamslide_md.errors import InputError
from lamslide_md.hashing import RunningHash
from lamslide_md.simulate.checkpoints import Bookkeeping, restore, save_checkpoint
from lamslide_md.simulate.frames import append_frames, cut_back, hash_of
from lamslide_md.simulate.manifests import write_manifest
from lamslide_md.simulate.molecules import chiral_volumes
from lamslide_md.simulate.platforms import PlatformChoice, make_context
from lamslide_md.simulate.progress import Progress, ProgressCallback, speed_ns_per_day
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.solute import side_by_side, solute_molecules, solute_topology
from lamslide_md.simulate.systems import PreparedSystem

CHECKPOINT_SECONDS = 60.0
"""A slow system is saved this often even before its checkpoint interval is over."""
PROGRESS_SECONDS = 0.5
MAX_MINIMISATION = 500
"""Enough to remove the strain of a built start; rigid water converges slowly and equilibration does the rest."""


def checkpoint_path(trajectory: Path) -> Path:
    """Where the checkpoint of a trajectory lies."""
    return trajectory.with_suffix(".checkpoint")


class Replicate:
    """One trajectory being written. Used through `simulate`, which holds the file against other writers.

    The order is what makes a kill harmless: manifest, then blocks of (frames verified on disk, checkpoint that knows
    the length of the file). Frames behind the last checkpoint are cut off at the next start and simulated again.

    Parameters
    ----------
    prepared
        What is simulated.
    settings
        How, and how long.
    path
        The xtc.
    seed
        Seed of velocities and noise.
    platform
        Where.
    fingerprint
        Hash of all that decides the trajectory.
    progress
        Called about twice a second.
    """

    def __init__(
        self,
        prepared: PreparedSystem,
        settings: SimulationSettings,
        path: Path,
        *,
        seed: int,
        platform: PlatformChoice,
        fingerprint: str,
        progress: ProgressCallback | None = None,
    ) -> None:
        self._prepared = prepared
        self._settings = settings
        self._path = path
        self._seed = seed
        self._platform = platform
        self._progress = progress
        self._topology = solute_topology(prepared)
        self._molecules = solute_molecules(self._topology)
        self._periodic = prepared.system.usesPeriodicBoundaryConditions()
        self._context = make_context(prepared, settings, platform, seed)
        self._done = Bookkeeping(fingerprint, 0, 0, 0, 0.0, platform.name, openmm.version.full_version)
        self._noted_s = 0.0
        self._running = RunningHash()

    def run(self, earlier: Bookkeeping | None) -> None:
        """Bring the trajectory to its full length.

        Parameters
        ----------
        earlier
            What the checkpoint of an earlier run says, if there is one.

        Raises
        ------
        InputError
            If files cannot be written or the simulation blows up.
        """
        try:
            if earlier is None:
                cut_back(self._path, 0)
                self._write_manifest(finished=False)
                self._minimise()
            else:
                self._resume(earlier)
            while self._done.equilibration_steps < self._settings.equilibration_steps:
                self._equilibrate_block()
            while self._done.n_frames < self._settings.n_frames:
                self._simulate_block()
        except openmm.OpenMMException as error:
            raise InputError(
                f"{self._path}: the simulation failed after {self._done.n_frames} frames ({error}); use a shorter "
                "timestep_fs, or check the start structure"
            ) from error
        self._write_manifest(finished=True)
        self._tell("done", self._done_ps(), 0.0)

    def _resume(self, earlier: Bookkeeping) -> None:
        checkpoint = checkpoint_path(self._path)
        cut_back(self._path, earlier.n_bytes)
        self._running = hash_of(self._path, earlier.n_frames, earlier.trajectory_sha256)
        if not restore(checkpoint, self._context):
            # The noise must not repeat that of the first part: another seed for the rest.
            self._context.getIntegrator().setRandomNumberSeed((self._seed + earlier.n_frames) % (2**31 - 1) + 1)
            self._context.reinitialize(preserveState=False)
            restore(checkpoint, self._context)
        self._done = replace(earlier, platform=self._platform.name, openmm_version=openmm.version.full_version)
        self._write_manifest(finished=False)

    def _minimise(self) -> None:
        self._tell("minimising", 0.0, 0.0)
        openmm.LocalEnergyMinimizer.minimize(self._context, maxIterations=MAX_MINIMISATION)
        self._context.setVelocitiesToTemperature(self._settings.temperature_K * unit.kelvin, self._seed)
        save_checkpoint(checkpoint_path(self._path), self._context, self._done)

    def _equilibrate_block(self) -> None:
        """Simulate to the next checkpoint without writing frames."""
        n_left = self._settings.equilibration_steps - self._done.equilibration_steps
        n_new = max(self._integrated("equilibrating", n_left), default=0)
        self._done = replace(self._done, equilibration_steps=self._done.equilibration_steps + n_new)
        self._check_chirality()
        save_checkpoint(checkpoint_path(self._path), self._context, self._done)

    def _simulate_block(self) -> None:
        """Simulate, write and checkpoint one block of frames."""
        settings, start = self._settings, time.perf_counter()
        n_left = (settings.n_frames - self._done.n_frames) * settings.steps_per_frame
        frames = [self._solute_nm() for _ in self._integrated("simulating", n_left)]
        n_bytes = append_frames(
            self._path,
            self._topology,
            frames,
            first_frame=self._done.n_frames,
            frame_interval_ps=settings.frame_interval_ps,
        )
        with self._path.open("rb") as file:
            file.seek(self._running.n_bytes)
            self._running.read(file, n_bytes - self._running.n_bytes)
        self._done = replace(
            self._done,
            n_frames=self._done.n_frames + len(frames),
            n_bytes=n_bytes,
            trajectory_sha256=self._running.hexdigest(),
            wall_time_s=self._done.wall_time_s + time.perf_counter() - start,
        )
        save_checkpoint(checkpoint_path(self._path), self._context, self._done)

    def _integrated(self, phase: str, n_left: int) -> Iterator[int]:
        """Integrate frame by frame until it is time for a checkpoint, and tell how many steps have been made."""
        settings, start, n_done = self._settings, time.perf_counter(), 0
        n_block = min(settings.frames_per_checkpoint * settings.steps_per_frame, n_left)
        while n_done < n_block and time.perf_counter() - start < CHECKPOINT_SECONDS:
            n_steps = min(settings.steps_per_frame, n_block - n_done)
            self._context.getIntegrator().step(n_steps)
            n_done += n_steps
            yield n_done
            new_ps = n_done * settings.timestep_ps
            self._tell(phase, self._done_ps() + new_ps, speed_ns_per_day(new_ps, time.perf_counter() - start))

    def _check_chirality(self) -> None:
        """Refuse to go on when a strained start has turned a residue inside out."""
        before = chiral_volumes(self._topology, self._prepared.positions_nm[self._prepared.solute])
        after = chiral_volumes(self._topology, self._solute_nm())
        flipped = [residue for residue, volume in before.items() if not volume * after[residue] > 0]
        if flipped:
            raise InputError(
                f"{self._path}: {', '.join(flipped)} changed its chirality during equilibration; check the start "
                "structure"
            )

    def _done_ps(self) -> float:
        equilibrated_ps = self._done.equilibration_steps * self._settings.timestep_ps
        return equilibrated_ps + self._done.n_frames * self._settings.frame_interval_ps

    def _solute_nm(self) -> np.ndarray:
        state = self._context.getState(positions=True)
        positions_nm = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)[self._prepared.solute]
        if not (self._periodic and len(self._molecules) > 1):
            return positions_nm
        box_nm = state.getPeriodicBoxVectors(asNumpy=True).value_in_unit(unit.nanometer)
        return side_by_side(positions_nm, self._molecules, box_nm)

    def _write_manifest(self, *, finished: bool) -> None:
        write_manifest(
            self._path,
            self._prepared,
            self._settings,
            seed=self._seed,
            platform=self._platform,
            bookkeeping=self._done,
            finished=finished,
        )

    def _tell(self, phase: str, done_ps: float, ns_per_day: float) -> None:
        now = time.monotonic()
        if self._progress is None or (now - self._noted_s < PROGRESS_SECONDS and phase not in ("minimising", "done")):
            return
        self._noted_s = now
        total_ps = self._settings.equilibration_ps + self._settings.length_ps
        self._progress(Progress(phase, done_ps, total_ps, ns_per_day, str(self._platform)))
