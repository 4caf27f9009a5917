"""The running of one replicate: equilibration, blocks of frames, a checkpoint behind each block."""

import time
from pathlib import Path

import numpy as np
import openmm
from openmm import unit

from lamslide_md.errors import InputError
from lamslide_md.reference.checkpoints import Bookkeeping, restore, save_checkpoint
from lamslide_md.reference.frames import append_frames, cut_back
from lamslide_md.reference.manifests import write_manifest
from lamslide_md.reference.molecules import chiral_volumes
from lamslide_md.reference.platforms import PlatformChoice, make_context
from lamslide_md.reference.progress import Progress, ProgressCallback, speed_ns_per_day
from lamslide_md.reference.settings import SimulationSettings
from lamslide_md.reference.solute import side_by_side, solute_molecules, solute_topology
from lamslide_md.reference.systems import PreparedSystem

CHECKPOINT_SECONDS = 60.0
"""A slow system is saved this often even before its checkpoint interval is over."""
PROGRESS_SECONDS = 0.5


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
        self._done = Bookkeeping(fingerprint, 0, 0, 0.0, platform.name, openmm.version.full_version)
        self._equilibrated_ps = 0.0
        self._told = 0.0

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
                self._equilibrate()
            else:
                self._resume(earlier)
            while self._done.n_frames < self._settings.n_frames:
                self._advance()
        except openmm.OpenMMException as error:
            raise InputError(
                f"{self._path}: the simulation failed after {self._done.n_frames} frames ({error}); use a shorter "
                "timestep_fs, or check the start structure"
            ) from error
        self._write_manifest(finished=True)
        self._tell("done", 0.0)

    def _resume(self, earlier: Bookkeeping) -> None:
        checkpoint = checkpoint_path(self._path)
        cut_back(self._path, earlier.n_bytes)
        if not restore(checkpoint, self._context):
            # The noise must not repeat that of the first part: another seed for the rest.
            self._context.getIntegrator().setRandomNumberSeed((self._seed + earlier.n_frames) % (2**31 - 1) + 1)
            self._context.reinitialize(preserveState=False)
            restore(checkpoint, self._context)
        self._done = Bookkeeping(
            earlier.fingerprint, earlier.n_frames, earlier.n_bytes, earlier.wall_time_s, *self._platform_and_version()
        )
        self._equilibrated_ps = self._settings.equilibration_ps
        self._write_manifest(finished=False)

    def _equilibrate(self) -> None:
        settings = self._settings
        before = chiral_volumes(self._topology, self._solute_nm())
        self._tell("minimising", 0.0)
        openmm.LocalEnergyMinimizer.minimize(self._context)
        self._context.setVelocitiesToTemperature(settings.temperature_K * unit.kelvin, self._seed)
        n_steps = round(settings.equilibration_ps / settings.timestep_ps)
        start, done = time.perf_counter(), 0
        while done < n_steps:
            batch = min(settings.steps_per_frame, n_steps - done)
            self._context.getIntegrator().step(batch)
            done += batch
            self._equilibrated_ps = done * settings.timestep_ps
            self._tell("equilibrating", speed_ns_per_day(self._equilibrated_ps, time.perf_counter() - start))
        after = chiral_volumes(self._topology, self._solute_nm())
        flipped = [residue for residue, volume in before.items() if not volume * after[residue] > 0]
        if flipped:
            raise InputError(
                f"{self._path}: {', '.join(flipped)} changed its chirality during equilibration; check the start "
                "structure"
            )
        save_checkpoint(checkpoint_path(self._path), self._context, self._done)

    def _advance(self) -> None:
        """Simulate, write and checkpoint one block of frames."""
        settings, start = self._settings, time.perf_counter()
        frames: list[np.ndarray] = []
        n_block = min(settings.frames_per_checkpoint, settings.n_frames - self._done.n_frames)
        while len(frames) < n_block and time.perf_counter() - start < CHECKPOINT_SECONDS:
            self._context.getIntegrator().step(settings.steps_per_frame)
            frames.append(self._solute_nm())
            spent = time.perf_counter() - start
            speed = speed_ns_per_day(len(frames) * settings.frame_interval_ps, spent)
            self._tell("simulating", speed, len(frames))
        n_bytes = append_frames(
            self._path,
            self._topology,
            frames,
            first_frame=self._done.n_frames,
            frame_interval_ps=settings.frame_interval_ps,
        )
        self._done = Bookkeeping(
            self._done.fingerprint,
            self._done.n_frames + len(frames),
            n_bytes,
            self._done.wall_time_s + time.perf_counter() - start,
            *self._platform_and_version(),
        )
        save_checkpoint(checkpoint_path(self._path), self._context, self._done)

    def _solute_nm(self) -> np.ndarray:
        state = self._context.getState(positions=True)
        positions_nm = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)[self._prepared.solute]
        if not (self._periodic and len(self._molecules) > 1):
            return positions_nm
        box_nm = state.getPeriodicBoxVectors(asNumpy=True).value_in_unit(unit.nanometer)
        return side_by_side(positions_nm, self._molecules, box_nm)

    def _platform_and_version(self) -> tuple[str, str]:
        return self._platform.name, openmm.version.full_version

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

    def _tell(self, phase: str, ns_per_day: float, n_new: int = 0) -> None:
        now = time.monotonic()
        if self._progress is None or (now - self._told < PROGRESS_SECONDS and phase not in ("minimising", "done")):
            return
        self._told = now
        done_ps = self._equilibrated_ps + (self._done.n_frames + n_new) * self._settings.frame_interval_ps
        total_ps = self._settings.equilibration_ps + self._settings.length_ps
        self._progress(Progress(phase, done_ps, total_ps, ns_per_day, str(self._platform)))
