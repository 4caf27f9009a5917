"""Energies along a simulation, for checks of the ensemble."""

from dataclasses import dataclass

import numpy as np
import openmm
from openmm import unit

from lamslide_md.simulate.platform_trials import tried
from lamslide_md.simulate.platforms import PlatformChoice, make_context
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.systems import PreparedSystem


@dataclass(frozen=True)
class Energies:
    """Energies along a simulation.

    Attributes
    ----------
    potential_kJ_per_mol
        Potential energies, kJ/mol, shape (samples,).
    kinetic_kJ_per_mol
        Kinetic energies, kJ/mol, shape (samples,).
    temperature_K
        Temperature of the thermostat, K.
    n_degrees_of_freedom
        Degrees of freedom that carry kinetic energy.
    """

    potential_kJ_per_mol: np.ndarray
    kinetic_kJ_per_mol: np.ndarray
    temperature_K: float
    n_degrees_of_freedom: int


def degrees_of_freedom(system: openmm.System) -> int:
    """Count 3 per massive particle, less one per constraint, less 3 when the centre of mass is kept at rest.

    Parameters
    ----------
    system
        Any system.

    Returns
    -------
    int
        Degrees of freedom of the kinetic energy.
    """
    masses = [system.getParticleMass(index).value_in_unit(unit.amu) for index in range(system.getNumParticles())]
    constrained = sum(
        masses[first] > 0 and masses[second] > 0
        for first, second, _ in (system.getConstraintParameters(index) for index in range(system.getNumConstraints()))
    )
    at_rest = any(isinstance(force, openmm.CMMotionRemover) for force in system.getForces())
    return 3 * sum(mass > 0 for mass in masses) - constrained - (3 if at_rest else 0)


def sample_energies(
    prepared: PreparedSystem,
    settings: SimulationSettings,
    n_samples: int,
    *,
    seed: int = 1,
    platform: PlatformChoice | None = None,
) -> Energies:
    """Simulate and take energies once per frame interval.

    Parameters
    ----------
    prepared
        What is simulated.
    settings
        Temperature, equilibration, frame interval and integrator.
    n_samples
        Energies to take.
    seed
        Seed of velocities and noise.
    platform
        Where; the Reference platform when left out.

    Returns
    -------
    Energies
        Potential and kinetic energies in kJ/mol.
    """
    chosen = tried(prepared, settings, platform or PlatformChoice("Reference"))
    context = make_context(prepared, settings, chosen, seed)
    openmm.LocalEnergyMinimizer.minimize(context, maxIterations=500)
    context.setVelocitiesToTemperature(settings.temperature_K * unit.kelvin, seed)
    context.getIntegrator().step(settings.equilibration_steps)
    energies = np.empty((n_samples, 2))
    for index in range(n_samples):
        context.getIntegrator().step(settings.steps_per_frame)
        state = context.getState(energy=True)
        energies[index] = (
            state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole),
            state.getKineticEnergy().value_in_unit(unit.kilojoule_per_mole),
        )
    return Energies(energies[:, 0], energies[:, 1], settings.temperature_K, degrees_of_freedom(prepared.system))
