"""Frames of a surrogate in OpenMM: minimised or equilibrated, with their energies, ready to start a simulation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import mdtraj as md
import numpy as np
import openmm
from jaxtyping import Bool, Float, Int
from openmm import unit
from openmm.app import Topology

from lamslide_md.errors import InputError
from lamslide_md.frames.centred import centred
from lamslide_md.frames.superposed import superposed
from lamslide_md.sampling.rollout import Rollout
from lamslide_md.simulate import PlatformChoice, PreparedSystem, SimulationSettings, choose_platform, parse_platform
from lamslide_md.simulate.energies import degrees_of_freedom
from lamslide_md.simulate.hydrogen_building import HydrogenBuilder, own_system, potential_kJ_per_mol
from lamslide_md.simulate.hydrogen_building import minimise as minimise_energy
from lamslide_md.simulate.platform_trials import tried
from lamslide_md.simulate.platforms import REFERENCE_LIMIT, make_context
from lamslide_md.units import GAS_CONSTANT_KJ_PER_MOL_K

AnySystem: TypeAlias = PreparedSystem | tuple[openmm.System, Topology]

N_TEMPERATURES = 100
"""Samples of the temperature in the second half of an equilibration."""


@dataclass(frozen=True)
class Refined:
    """Frames before and after.

    Attributes
    ----------
    frames
        Refined frames of all atoms of the system in its order, with the times of their sources; without those that
        failed.
    index
        For each frame that was asked for, its index in the trajectory, or in the rollout's `to_mdtraj`.
    sound
        Which of these did not fail.
    energy_before_kJ_per_mol, energy_after_kJ_per_mol
        Potential energies; NaN where it failed. *Before* is that of the frame as it is, with its rebuilt hydrogens
        relaxed where it had none.
    moved_nm
        RMSD of the heavy atoms between both, superposed.
    temperature_K
        Mean kinetic temperature of the second half of the equilibration; NaN without one.
    failures
        Why frames failed, by their index.
    system
        What they are frames of.
    """

    frames: md.Trajectory
    index: Int[np.ndarray, " asked"]
    sound: Bool[np.ndarray, " asked"]
    energy_before_kJ_per_mol: Float[np.ndarray, " asked"]
    energy_after_kJ_per_mol: Float[np.ndarray, " asked"]
    moved_nm: Float[np.ndarray, " asked"]
    temperature_K: Float[np.ndarray, " asked"]
    failures: dict[int, str]
    system: PreparedSystem

    def start(self, frame: int) -> PreparedSystem:
        """Set the system up at a refined frame, for `lamslide_md.simulate.simulate`.

        Parameters
        ----------
        frame
            Index into `frames`.

        Returns
        -------
        PreparedSystem
            With that frame's positions.
        """
        return replace(self.system, positions_nm=self.frames.xyz[frame].astype(np.float64))


def refine(
    source: Rollout | md.Trajectory,
    system: AnySystem,
    *,
    frames: Sequence[int] | Int[np.ndarray, " asked"] | None = None,
    minimise: bool = True,
    equilibrate_ps: float = 0.0,
    temperature_K: float | None = None,
    timestep_fs: float | None = None,
    platform: str | PlatformChoice | None = None,
    seed: int = 1,
) -> Refined:
    """Minimise and equilibrate frames with OpenMM.

    Frames of heavy atoms get the system's hydrogens (see `HydrogenBuilder`). A frame that cannot be refined, such as
    one with clashes that explode, is listed in the result; the others go on.

    Parameters
    ----------
    source
        A rollout, its `seeds`, or any trajectory with the system's heavy atoms.
    system
        A `PreparedSystem` without explicit solvent, or an OpenMM system with its topology. Atoms are matched by residue
        and name, in any order.
    frames
        Which frames; all when left out.
    minimise
        Go down to the nearest minimum of the potential energy.
    equilibrate_ps
        Langevin dynamics after that, ps, begun with random velocities.
    temperature_K
        Of the dynamics, K; that of the rollout's model when left out.
    timestep_fs
        Of the dynamics, fs; 2 with constraints and 1 without when left out.
    platform
        OpenMM platform as in ``CPU:2``; Reference for small systems and the fastest for others when left out.
    seed
        Of velocities and noise.

    Returns
    -------
    Refined
        Frames, energies before and after, how far they moved, and what failed.

    Raises
    ------
    InputError
        If atoms do not match, a frame is not there, the system is periodic, or no temperature is known.
    """
    prepared = system if isinstance(system, PreparedSystem) else own_system(*system)
    if prepared.system.usesPeriodicBoundaryConditions():
        raise InputError(
            f"{prepared.name} is periodic, and a surrogate's frames have no solvent; refine with an implicit solvent, "
            "then solvate the refined frame (lamslide_md.simulate.prepare)"
        )
    if temperature_K is None and isinstance(source, Rollout):
        temperature_K = source.facts.get("temperature_K")
    if equilibrate_ps and temperature_K is None:
        raise InputError(f"equilibrate_ps={equilibrate_ps:g} needs temperature_K, which the frames do not tell")
    trajectory = source.to_mdtraj() if isinstance(source, Rollout) else source
    index = np.arange(trajectory.n_frames) if frames is None else np.asarray(frames, dtype=int)
    if index.size and not -trajectory.n_frames <= index.min() <= index.max() < trajectory.n_frames:
        raise InputError(f"frames={index.tolist()[:5]} must be between 0 and {trajectory.n_frames - 1}")
    index = index % trajectory.n_frames
    builder = HydrogenBuilder(prepared, trajectory.topology)
    settings = _settings(prepared, equilibrate_ps, temperature_K, timestep_fs)
    chosen = tried(prepared, settings, _platform(prepared, settings, platform))
    context = make_context(prepared, settings, chosen, seed)
    done = [
        _refine_one(context, builder, trajectory.xyz[frame], settings, minimise, seed + i)
        for i, frame in enumerate(index)
    ]
    sound = np.array([not one.failure for one in done], dtype=bool)
    positions_nm = np.array([one.positions_nm for one in done if not one.failure], dtype=np.float32)
    times_ps = trajectory.time[index[sound]]
    return Refined(
        md.Trajectory(positions_nm.reshape(-1, builder.topology.n_atoms, 3), builder.topology, time=times_ps),
        index,
        sound,
        np.array([one.before_kJ_per_mol for one in done]),
        np.array([one.after_kJ_per_mol for one in done]),
        np.array([one.moved_nm for one in done]),
        np.array([one.temperature_K for one in done]),
        {int(i): one.failure for i, one in zip(index, done, strict=True) if one.failure},
        prepared,
    )


@dataclass(frozen=True)
class _Outcome:
    """One frame; without a failure all but the temperature are numbers."""

    failure: str = ""
    positions_nm: np.ndarray | None = None
    before_kJ_per_mol: float = float("nan")
    after_kJ_per_mol: float = float("nan")
    moved_nm: float = float("nan")
    temperature_K: float = float("nan")


def _refine_one(
    context: openmm.Context,
    builder: HydrogenBuilder,
    frame_nm: Float[np.ndarray, "points 3"],
    settings: SimulationSettings,
    minimise: bool,
    seed: int,
) -> _Outcome:
    temperature_K = float("nan")
    try:
        start_nm = builder.positions_nm(frame_nm)
        context.setPositions(start_nm)
        before = potential_kJ_per_mol(context)
        if minimise:
            minimise_energy(context)
        if settings.equilibration_steps:
            context.setVelocitiesToTemperature(settings.temperature_K * unit.kelvin, seed)
            temperature_K = _equilibrate(context, settings.equilibration_steps)
        after = potential_kJ_per_mol(context)
    except (openmm.OpenMMException, ValueError) as error:
        return _Outcome(" ".join(str(error).split()))
    if not np.isfinite([before, after]).all():
        return _Outcome(f"the energy is {before:.4g} kJ/mol before and {after:.4g} kJ/mol after")
    positions_nm = context.getState(positions=True).getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    moved_nm = _rmsd(start_nm[builder.heavy], positions_nm[builder.heavy])
    return _Outcome("", positions_nm, before, after, moved_nm, temperature_K)


def _equilibrate(context: openmm.Context, n_steps: int) -> float:
    """Run, and return the mean kinetic temperature of the second half, K."""
    integrator = context.getIntegrator()
    integrator.step(n_steps // 2)
    kinetic = []
    for steps in np.diff(np.linspace(n_steps // 2, n_steps, min(N_TEMPERATURES, n_steps) + 1).astype(int)).tolist():
        integrator.step(steps)
        kinetic.append(context.getState(energy=True).getKineticEnergy().value_in_unit(unit.kilojoule_per_mole))
    return float(2 * np.mean(kinetic) / (degrees_of_freedom(context.getSystem()) * GAS_CONSTANT_KJ_PER_MOL_K))


def _rmsd(one_nm: Float[np.ndarray, "atoms 3"], other_nm: Float[np.ndarray, "atoms 3"]) -> float:
    apart = superposed(one_nm[None], other_nm)[0] - centred(other_nm)
    return float(np.sqrt(np.square(apart).sum(axis=-1).mean()))


def _settings(
    prepared: PreparedSystem, equilibrate_ps: float, temperature_K: float | None, timestep_fs: float | None
) -> SimulationSettings:
    timestep_fs = timestep_fs or (2.0 if prepared.system.getNumConstraints() else 1.0)
    step_ps = timestep_fs * 1e-3
    settings = SimulationSettings(
        timestep_fs=timestep_fs, frame_interval_ps=step_ps, length_ps=step_ps, equilibration_ps=equilibrate_ps
    )
    return settings if temperature_K is None else replace(settings, temperature_K=temperature_K)


def _platform(
    prepared: PreparedSystem, settings: SimulationSettings, platform: str | PlatformChoice | None
) -> PlatformChoice:
    if isinstance(platform, str):
        return parse_platform(platform)
    if platform is None and prepared.system.getNumParticles() <= REFERENCE_LIMIT:
        return PlatformChoice("Reference")
    return platform or choose_platform(prepared, settings)
