import numpy as np
import openmm
import pytest
from openmm import unit
from openmm.app import ForceField, HBonds, NoCutoff

from lamslide_md.errors import InputError
from lamslide_md.simulate.peptides import peptide
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.systems import PROTEIN, PreparedSystem, prepare


def energy_and_forces(system, positions_nm):
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(positions_nm)
    state = context.getState(energy=True, forces=True)
    return (
        state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole),
        state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer),
    )


@pytest.mark.parametrize(
    ("sequence", "capped"), [("A", True), ("ATVV", False), ("ACDEFGHIKL", False), ("MNPQRSTVWY", True)]
)
def test_native_obc2_has_the_energy_of_the_force_fields_own(sequence, capped):
    molecule = peptide(sequence, capped=capped)
    # Shaken, so that forces are not those of a minimum.
    shaken = molecule.positions_nm + np.random.default_rng(0).normal(scale=0.005, size=molecule.positions_nm.shape)
    native = prepare(molecule, SimulationSettings(solvent="obc2")).system
    own = ForceField(PROTEIN, "implicit/obc2.xml").createSystem(
        molecule.topology, nonbondedMethod=NoCutoff, constraints=HBonds, hydrogenMass=3.0
    )
    native_energy, native_forces = energy_and_forces(native, shaken)
    own_energy, own_forces = energy_and_forces(own, shaken)
    vacuum_energy, _ = energy_and_forces(prepare(molecule, SimulationSettings(solvent="vacuum")).system, shaken)
    # The solvent's part alone agrees; both use the same constants but for the seventh digit of Coulomb's.
    assert native_energy - vacuum_energy == pytest.approx(own_energy - vacuum_energy, rel=1e-5)
    assert np.linalg.norm(native_forces - own_forces) < 1e-5 * np.linalg.norm(own_forces)
    assert [native.getParticleMass(i) for i in range(native.getNumParticles())] == [
        own.getParticleMass(i) for i in range(own.getNumParticles())
    ]
    assert native.getNumConstraints() == own.getNumConstraints()


def test_solvents_and_dielectric_change_the_energy_as_they_should():
    molecule = peptide("KE")
    energy = {
        (solvent, dielectric): energy_and_forces(
            prepare(molecule, SimulationSettings(solvent=solvent, solvent_dielectric=dielectric)).system,
            molecule.positions_nm,
        )[0]
        for solvent, dielectric in [("vacuum", 78.5), ("obc2", 78.5), ("obc2", 2.0), ("gbn2", 78.5)]
    }
    polar = energy["obc2", 78.5] - energy["vacuum", 78.5]
    weak = energy["obc2", 2.0] - energy["vacuum", 78.5]
    # The polar energy goes as 1 - 1/dielectric; the surface term (a few kJ/mol) does not depend on it.
    assert polar < weak < 0
    assert (polar - weak) / (1 / 2.0 - 1 / 78.5) == pytest.approx(polar / (1 - 1 / 78.5), rel=0.1)
    # Two models of the same solvent: alike within a fifth, not equal.
    assert energy["gbn2", 78.5] != energy["obc2", 78.5]
    assert energy["gbn2", 78.5] - energy["vacuum", 78.5] == pytest.approx(polar, rel=0.2)


def test_hydrogen_mass_is_moved_not_made():
    molecule = peptide("GA")
    heavy, light = (prepare(molecule, SimulationSettings(hydrogen_mass_amu=mass)).system for mass in (3.0, 1.00794))
    total = [
        sum(system.getParticleMass(i).value_in_unit(unit.amu) for i in range(system.getNumParticles()))
        for system in (heavy, light)
    ]
    assert total[0] == pytest.approx(total[1], abs=0.01)


def test_system_that_does_not_fit_its_topology_is_refused():
    molecule = peptide("GA")
    system = openmm.System()
    system.addParticle(1.0)
    with pytest.raises(InputError, match=r"topology has 20 atoms, the system 1 particles"):
        PreparedSystem("mine", molecule.topology, molecule.positions_nm, system, np.arange(2), "springs")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature_K": -1.0}, r"temperature_K=-1 must be above 0"),
        ({"timestep_fs": float("nan")}, "timestep_fs=nan must be above 0"),
        ({"solvent": "tip5p"}, "solvent='tip5p' is unknown; use obc2, gbn2"),
        ({"frame_interval_ps": 0.01}, r"frame_interval_ps \(in time steps\) 0.01 ps is not a whole number"),
        ({"length_ps": 10.5}, "length_ps 10.5 ps is not a whole number of frames of 1 ps"),
    ],
)
def test_impossible_settings_are_refused_with_the_numbers(changes, message):
    with pytest.raises(InputError, match=message):
        SimulationSettings(**changes)
