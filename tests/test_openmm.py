from dataclasses import replace

import mdtraj as md
import numpy as np
import openmm
import pytest
from openmm import unit

import lamslide_md as lam
from lamslide_md.openmm import refine
from lamslide_md.simulate import SimulationSettings, clean_structure, peptide, prepare, simulate

SETTINGS = SimulationSettings(length_ps=2.0, frame_interval_ps=1.0, equilibration_ps=0.0)


@pytest.fixture(scope="module")
def prepared(dipeptide):
    """AG with its 20 atoms in implicit solvent."""
    return prepare(clean_structure(dipeptide / "system.pdb"), SETTINGS)


@pytest.fixture(scope="module")
def md_frames(dipeptide):
    return md.load(dipeptide / "rep1.xtc", top=dipeptide / "system.pdb")[20:200:40]


@pytest.fixture(scope="module")
def rollout(model):
    return lam.Surrogate.load(model).rollout(n_frames=8, n_chains=2, seed=1)


def energy(prepared, positions_nm):
    """Potential energy by OpenMM alone, kJ/mol."""
    context = openmm.Context(
        prepared.system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    context.setPositions(positions_nm)
    return context.getState(energy=True).getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)


def test_energies_are_those_of_the_frames(prepared, md_frames):
    refined = refine(md_frames, prepared, frames=[0, 3])
    assert refined.sound.all()
    for row, frame in enumerate((0, 3)):
        # Frames keep single precision.
        assert refined.energy_before_kJ_per_mol[row] == pytest.approx(energy(prepared, md_frames.xyz[frame]), abs=0.01)
        assert refined.energy_after_kJ_per_mol[row] == pytest.approx(energy(prepared, refined.frames.xyz[row]), abs=1.0)
    assert (refined.energy_after_kJ_per_mol < refined.energy_before_kJ_per_mol).all()
    assert (refined.moved_nm < 0.08).all()
    np.testing.assert_array_equal(refined.frames.time, md_frames.time[[0, 3]])
    np.testing.assert_allclose(refined.moved_nm[0], rmsd_of_heavy_atoms(refined.frames[0], md_frames[0]), atol=1e-5)


def rmsd_of_heavy_atoms(one, other):
    heavy = one.topology.select("element != H")
    return md.rmsd(one, other, atom_indices=heavy, ref_atom_indices=heavy)[0]


def test_heavy_atoms_of_md_get_hydrogens_of_about_the_energy_that_they_had(prepared, md_frames):
    heavy = md_frames.atom_slice(md_frames.topology.select("element != H"))
    rebuilt, own = refine(heavy, prepared, minimise=False), refine(md_frames, prepared, minimise=False)
    assert rebuilt.frames.n_atoms == 20
    np.testing.assert_allclose(rebuilt.frames.xyz[:, md_frames.topology.select("element != H")], heavy.xyz, atol=1e-6)
    # Relaxed hydrogens are without their thermal energy, of kT/2 for each of 3 * 10 - 10 degrees of freedom at most.
    gained = own.energy_before_kJ_per_mol - rebuilt.energy_before_kJ_per_mol
    assert (gained > -10).all()
    assert gained.mean() < 20 * 2.9 / 2 * 3
    minimised = refine(heavy, prepared)
    np.testing.assert_allclose(
        minimised.energy_after_kJ_per_mol, refine(md_frames, prepared).energy_after_kJ_per_mol, atol=30
    )
    assert (minimised.moved_nm < 0.1).all()


def test_rebuilt_hydrogens_are_where_hydrogens_are(prepared, rollout):
    refined = refine(rollout, prepared, frames=[0, 9])
    lengths = md.compute_distances(refined.frames, [[a.index, b.index] for a, b in refined.frames.topology.bonds])
    hydrogen = ["H" in (a.element.symbol, b.element.symbol) for a, b in refined.frames.topology.bonds]
    assert (np.abs(lengths[:, hydrogen] - 0.104) < 0.008).all()


def test_frames_of_a_rollout_go_down_in_energy_and_are_named_by_their_index(prepared, rollout):
    refined = refine(rollout, prepared, frames=[2, -1])
    np.testing.assert_array_equal(refined.index, [2, 15])
    assert (refined.energy_after_kJ_per_mol < refined.energy_before_kJ_per_mol)[refined.sound].all()
    assert set(refined.failures) == set(refined.index[~refined.sound].tolist())
    assert refine(rollout.seeds(2, "uniform"), prepared).index.tolist() == [0, 1]


def test_equilibrated_frames_have_the_temperature_asked_for(prepared, md_frames):
    refined = refine(md_frames[:2], prepared, equilibrate_ps=20.0, temperature_K=350.0)
    # 47 degrees of freedom: one sample scatters by sqrt(2/47) = 21 %; 100 samples of 10 ps at a friction of 1/ps hold
    # about 10 independent ones for each frame, hence 5 % for two.
    assert refined.temperature_K.mean() == pytest.approx(350.0, rel=0.2)
    minimum = refine(md_frames[:2], prepared).energy_after_kJ_per_mol
    assert (refined.energy_after_kJ_per_mol > minimum + 20).all()
    assert np.isnan(refine(md_frames[:1], prepared).temperature_K).all()


def test_the_temperature_of_a_rollout_is_that_of_its_model(prepared, rollout, md_frames):
    started = refine(rollout, prepared, frames=[0], equilibrate_ps=0.2)
    same = refine(rollout, prepared, frames=[0], equilibrate_ps=0.2, temperature_K=350.0)
    np.testing.assert_array_equal(started.frames.xyz, same.frames.xyz)
    with pytest.raises(lam.InputError, match="needs temperature_K"):
        refine(md_frames, prepared, equilibrate_ps=1.0)


def test_an_openmm_system_with_its_topology_is_as_good(prepared, md_frames):
    heavy = md_frames[:1].atom_slice(md_frames.topology.select("element != H"))
    one, other = refine(heavy, prepared), refine(heavy, (prepared.system, prepared.topology))
    np.testing.assert_array_equal(one.frames.xyz, other.frames.xyz)


def test_atoms_may_stand_in_any_order(prepared, md_frames):
    order = np.random.default_rng(0).permutation(20)
    topology = md.Topology()
    chain = topology.add_chain()
    residues = [topology.add_residue(residue.name, chain, residue.resSeq) for residue in md_frames.topology.residues]
    order = sorted(order, key=lambda i: md_frames.topology.atom(i).residue.index)
    for i in order:
        atom = md_frames.topology.atom(i)
        topology.add_atom(atom.name, atom.element, residues[atom.residue.index])
    shuffled = md.Trajectory(md_frames.xyz[:1, order], topology)
    one, other = refine(md_frames[:1], prepared), refine(shuffled, prepared)
    np.testing.assert_array_equal(one.frames.xyz, other.frames.xyz)


def test_a_refined_frame_starts_a_simulation(prepared, rollout, tmp_path):
    refined = refine(rollout, prepared, frames=[3])
    path = simulate(refined.start(0), SETTINGS, tmp_path / "from_seed.xtc")
    assert md.load(path, top=refined.frames.topology).n_frames == 2


@pytest.mark.parametrize("atoms", ["all", "element != H"])
@pytest.mark.parametrize("spoil", ["one point", "NaN", "two atoms nearly in one place", "thrown together"])
def test_frames_that_explode_are_told_and_the_others_go_on(prepared, md_frames, atoms, spoil):
    bad = md_frames[:3].atom_slice(md_frames.topology.select(atoms))
    if spoil == "two atoms nearly in one place":
        bad.xyz[1, 4] = bad.xyz[1, 7] + 0.001
    elif spoil == "thrown together":
        bad.xyz[1] *= 0.2
    else:
        bad.xyz[1] = 0.0 if spoil == "one point" else np.nan
    refined = refine(bad, prepared)
    assert list(refined.sound) == [True, False, True]
    assert list(refined.failures) == [1]
    assert refined.frames.n_frames == 2
    np.testing.assert_array_equal(refined.frames.time, bad.time[[0, 2]])
    assert np.isnan(refined.energy_after_kJ_per_mol[1])
    nothing = refine(bad, prepared, frames=[1])
    assert nothing.frames.n_frames == 0


def test_charged_and_capped_residues_keep_their_protonation(tmp_path):
    molecule = peptide("KDH", capped=True)
    system = prepare(molecule, SETTINGS)
    whole = md.Trajectory(molecule.positions_nm[None], md.Topology.from_openmm(molecule.topology))
    heavy = whole.atom_slice(whole.topology.select("element != H"))
    refined = refine(heavy, system)
    assert refined.frames.n_atoms == whole.n_atoms
    assert refined.energy_after_kJ_per_mol[0] == pytest.approx(refine(whole, system).energy_after_kJ_per_mol[0], abs=60)


def test_other_molecules_and_impossible_settings_are_refused(prepared, md_frames, rollout):
    other = prepare(peptide("GA"), SETTINGS)
    with pytest.raises(lam.InputError, match="lack GLY1-N"):
        refine(md_frames, other)
    with pytest.raises(lam.InputError, match="between 0 and 15"):
        refine(rollout, prepared, frames=[16])
    with pytest.raises(lam.InputError, match="equilibrat"):
        refine(rollout, prepared, equilibrate_ps=-1.0)
    with pytest.raises(lam.InputError, match="NoSuch"):
        refine(rollout, prepared, platform="NoSuch")
    box = openmm.System()
    for _ in range(20):
        box.addParticle(1.0)
    nonbonded = openmm.NonbondedForce()
    nonbonded.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
    box.addForce(nonbonded)
    with pytest.raises(lam.InputError, match="is periodic"):
        refine(rollout, replace(prepared, system=box))
