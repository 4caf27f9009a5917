from dataclasses import replace

import mdtraj as md
import numpy as np
import openmm
import pytest
from openmm.app import Topology
from openmm.app.element import carbon

from lamslide_md.io.readers import read
from lamslide_md.simulate.peptides import peptide
from lamslide_md.simulate.platforms import PlatformChoice
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.simulation import simulate
from lamslide_md.simulate.solute import side_by_side, solute_molecules, solute_topology, write_system_pdb
from lamslide_md.simulate.systems import PreparedSystem, prepare

EXPLICIT = SimulationSettings(
    solvent="tip3pfb", length_ps=0.4, frame_interval_ps=0.04, equilibration_ps=0.4, temperature_K=300.0
)


@pytest.mark.parametrize(("water", "sites"), [("tip3pfb", 3), ("opc", 4)])
def test_box_is_neutral_salty_water_around_an_untouched_solute(water, sites):
    molecule = peptide("KKG")
    settings = replace(EXPLICIT, solvent=water, salt_molar=0.5)
    prepared = prepare(molecule, settings)
    counts = {name: 0 for name in ("HOH", "NA", "CL")}
    for residue in prepared.topology.residues():
        if residue.name in counts:
            counts[residue.name] += 1
    nonbonded = next(force for force in prepared.system.getForces() if isinstance(force, openmm.NonbondedForce))
    charges = [nonbonded.getParticleParameters(i)[0]._value for i in range(prepared.system.getNumParticles())]
    assert sum(charges) == pytest.approx(0.0, abs=1e-3)
    # Two more chlorides than sodiums neutralise two lysines; salt is added per water, 55.4 mol/l.
    assert counts["CL"] - counts["NA"] == 2
    assert counts["NA"] == pytest.approx(0.5 / 55.4 * (counts["HOH"] + counts["NA"] + counts["CL"]), abs=1.0)
    n_solute = molecule.topology.getNumAtoms()
    assert len(charges) == n_solute + sites * counts["HOH"] + counts["NA"] + counts["CL"]
    np.testing.assert_array_equal(prepared.solute, np.arange(n_solute))
    assert solute_topology(prepared).getNumBonds() == molecule.topology.getNumBonds()
    again = prepare(molecule, settings)
    np.testing.assert_array_equal(again.positions_nm, prepared.positions_nm)


@pytest.mark.slow
def test_only_the_whole_solute_is_written_and_the_run_continues(tmp_path):
    prepared = prepare(peptide("A", capped=True), EXPLICIT)
    path, cpu = tmp_path / "rep1.xtc", PlatformChoice("CPU", 2)
    simulate(prepared, replace(EXPLICIT, length_ps=0.2), path, platform=cpu)
    simulate(prepared, EXPLICIT, path, platform=cpu)
    write_system_pdb(tmp_path / "system.pdb", prepared)
    trajectory = read(path, top=tmp_path / "system.pdb")
    assert (trajectory.n_frames, trajectory.n_atoms) == (10, 22)
    assert md.load(str(path), top=str(tmp_path / "system.pdb")).unitcell_vectors is None
    # No frame jumps to an image: the box is 2.4 nm, 0.04 ps of thermal motion at most 0.2 nm.
    assert np.linalg.norm(np.diff(trajectory.xyz, axis=0), axis=-1).max() < 0.5


def test_molecules_of_a_solute_are_put_side_by_side():
    topology = Topology()
    residue = topology.addResidue("MOL", topology.addChain())
    atoms = [topology.addAtom("C", carbon, residue) for _ in range(6)]
    topology.addBond(atoms[0], atoms[3])
    topology.addBond(atoms[1], atoms[2])
    topology.addBond(atoms[4], atoms[2])
    molecules = solute_molecules(topology)
    assert [molecule.tolist() for molecule in molecules] == [[0, 3], [1, 2, 4], [5]]
    # A skewed box in reduced form; images of known places, any number of boxes away, come back to them.
    box_nm = np.array([[3.0, 0.0, 0.0], [1.0, 3.0, 0.0], [-1.0, 1.0, 3.0]])
    rng = np.random.default_rng(0)
    for _ in range(50):
        home = rng.uniform(-0.4, 0.4, size=(6, 3))
        away = home.copy()
        for molecule in molecules[1:]:
            away[molecule] += rng.integers(-3, 4, size=3) @ box_nm
        np.testing.assert_allclose(side_by_side(away, molecules, box_nm), home, atol=1e-12)


def test_own_system_and_topology_are_simulated(tmp_path):
    """Two carbon atoms on a spring of the user's own: only the second is written."""
    topology = Topology()
    residue = topology.addResidue("MOL", topology.addChain())
    first, second = (topology.addAtom(name, carbon, residue) for name in ("C1", "C2"))
    topology.addBond(first, second)
    system = openmm.System()
    for _ in range(2):
        system.addParticle(12.0)
    bond = openmm.HarmonicBondForce()
    bond.addBond(0, 1, 0.15, 1e5)
    system.addForce(bond)
    positions_nm = np.array([[0.0, 0.0, 0.0], [0.15, 0.0, 0.0]])
    prepared = PreparedSystem("spring", topology, positions_nm, system, np.array([1]), "one spring")
    settings = SimulationSettings(length_ps=5.0, equilibration_ps=0.0, timestep_fs=2.0)
    path = simulate(prepared, settings, tmp_path / "rep1.xtc", platform=PlatformChoice("Reference"))
    write_system_pdb(tmp_path / "system.pdb", prepared)
    trajectory = read(path, top=tmp_path / "system.pdb")
    assert [atom.name for atom in trajectory.topology.atoms] == ["C2"]
    assert trajectory.n_frames == 5
