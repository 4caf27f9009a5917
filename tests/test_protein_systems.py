"""The whole way with what a protein is made of besides one chain of heavy atoms: chains, ligands, ions, hydrogens."""

from pathlib import Path

import mdtraj as md
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import lamslide_md as lam
from lamslide_md.config import preset_settings
from lamslide_md.simulate.peptides import peptide
from lamslide_md.systems.volumes import relative_volumes
from tests.data.molecules import heavy_peptide, in_one_chain, ion, side_by_side

ASPIRIN = Path(__file__).parent.parent / "example_systems" / "aspirin" / "structure.pdb"
N_FRAMES = 120


def with_hydrogens(sequence):
    """One frame of a peptide with all its hydrogens."""
    built = peptide(sequence, capped=False)
    return md.Trajectory(np.asarray(built.positions_nm)[None], md.Topology.from_openmm(built.topology))


def swaying(frame, seed=0):
    """Frames that tumble and are bent by six long waves, which let bonds be, and shiver; 10 ps apart by name."""
    generator = np.random.default_rng(seed)
    xyz = frame.xyz[0] - frame.xyz[0].mean(axis=0)
    waves, phases = generator.normal(scale=1.5, size=(6, 3)), generator.uniform(0, 2 * np.pi, 6)
    ways = np.sin(xyz @ waves.T + phases)[:, :, None] * generator.normal(scale=0.02, size=(6, 3))
    sway = np.zeros((N_FRAMES, 6))
    for i in range(1, N_FRAMES):
        sway[i] = 0.9 * sway[i - 1] + 0.44 * generator.normal(size=6)
    moved = xyz + np.einsum("fm,ami->fai", sway, ways) + 0.002 * generator.normal(size=(N_FRAMES, *xyz.shape))
    turned = np.einsum("fij,faj->fai", Rotation.random(N_FRAMES, rng=generator).as_matrix(), moved)
    return md.Trajectory(turned.astype(np.float32), frame.topology, time=10.0 * np.arange(N_FRAMES))


def tiny(atoms):
    """The preset for proteins, small."""
    settings = preset_settings("protein").model_dump() | {"atoms": atoms}
    settings["flow"] |= {"width": 32, "depth": 1}
    settings["flow"]["optimisation"] |= {"n_steps": 200, "batch_size": 16}
    return lam.Settings.model_validate(settings)


def two_chains():
    return side_by_side(heavy_peptide("AFGKLWYE"), heavy_peptide("DWEKLF"))


def ligand_and_ion():
    """A peptide, aspirin and a calcium ion in one chain, as many files have them, numbered with gaps."""
    aspirin = md.load(ASPIRIN)
    whole = side_by_side(heavy_peptide("AFGK"), aspirin.atom_slice(aspirin.topology.select("mass > 3")), ion("CA"))
    topology = in_one_chain(whole.topology)
    for atom in topology.atoms:
        atom.serial = 3 * atom.index + 7
    return md.Trajectory(whole.xyz, topology)


def hydrogens():
    return side_by_side(with_hydrogens("KLW"), md.load(ASPIRIN))


CASES = {"chains": (two_chains, "heavy"), "ligand": (ligand_and_ion, "not water"), "hydrogens": (hydrogens, "all")}


@pytest.fixture(scope="module", params=CASES)
def trained(request):
    make, atoms = CASES[request.param]
    data = swaying(make())
    return data, lam.Surrogate.fit(data, settings=tiny(atoms), seed=1)


def test_every_residue_is_decoded_to_a_tenth_of_an_angstrom(trained):
    data, model = trained
    assert model.autoencoder.n_latents == data.n_residues
    assert model.provenance["held_out_rmsd_nm"] < 0.01 * np.sqrt(3)


def test_rolled_out_molecules_keep_their_bonds_their_chirality_and_their_place(trained):
    data, model = trained
    rolled = model.rollout(data[:1], 5, n_chains=2, seed=1).to_mdtraj()
    bonds = np.array([(one.index, other.index) for one, other in data.topology.bonds])
    lengths, own = (np.linalg.norm(t.xyz[:, bonds[:, 0]] - t.xyz[:, bonds[:, 1]], axis=-1) for t in (rolled, data))
    assert (lengths / own.min(axis=0)).min() > 0.97
    assert (lengths / own.max(axis=0)).max() < 1.03
    held = model.systems[0].constraints
    assert len(held.centres)
    assert (relative_volumes(rolled.xyz.astype(float), held.centres) * held.signs).min() > 0
    placed = model.systems[0].place(data.xyz, "poses")
    reference = placed.mean(axis=0)
    farthest = [np.linalg.norm(frames - reference, axis=-1).max() for frames in (rolled.xyz, placed)]
    # A network of 200 steps wanders; what is flung away is far off.
    assert farthest[0] < 3 * farthest[1]


def test_a_loaded_model_rolls_out_the_same_frames_and_files_hold_the_same_molecules(trained, tmp_path):
    data, model = trained
    again = lam.Surrogate.load(model.save(tmp_path / "model.lamslide"))
    rollout = model.rollout(data[:1], 5, n_chains=2, seed=1)
    np.testing.assert_array_equal(again.rollout(data[:1], 5, n_chains=2, seed=1).points_nm(), rollout.points_nm())
    rollout.save(tmp_path / "rollout.xtc")
    rollout.save(tmp_path / "whole.pdb")
    bonds = {tuple(sorted((one.index, other.index))) for one, other in data.topology.bonds}
    for name, top in (("rollout.xtc", tmp_path / "rollout.pdb"), ("whole.pdb", None)):
        read = lam.read(tmp_path / name, *([] if top is None else [top]), atoms=model.settings.atoms)
        first = read[0] if isinstance(read, list) else read
        assert {tuple(sorted((one.index, other.index))) for one, other in first.topology.bonds} == bonds
        np.testing.assert_allclose(first.xyz[:5], rollout.points_nm()[0], atol=2e-3)


def test_a_start_with_its_atoms_in_another_order_is_understood(trained):
    data, model = trained
    order = np.argsort([atom.residue.index + (0.5 if i % 2 else 0) for i, atom in enumerate(data.topology.atoms)])
    shuffled = md.Topology()
    chain = shuffled.add_chain()
    residues = [shuffled.add_residue(residue.name, chain) for residue in data.topology.residues]
    for i in order:
        atom = data.topology.atom(int(i))
        shuffled.add_atom(atom.name, atom.element, residues[atom.residue.index])
    start = md.Trajectory(data.xyz[:1, order], shuffled)
    expected = model.rollout(data[:1], 2, seed=3).points_nm()
    np.testing.assert_allclose(model.rollout(start, 2, seed=3).points_nm(), expected, atol=1e-4)


def test_a_rollout_is_compared_with_its_data(trained):
    data, model = trained
    rollout = model.rollout(data[:1], 6, n_chains=2, seed=1)
    comparison = lam.compare(rollout, data, n_clusters=8, lag_ps=10.0)
    assert "torsions, all" in comparison.summary()
