"""A model of several molecules takes another one that is made of the same parts."""

import ase.io
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.ase import LatentDynamics
from lamslide_md.errors import InputError
from lamslide_md.systems.common_atoms import superposed_alike
from lamslide_md.systems.constraints import centres_of
from lamslide_md.systems.system import System
from lamslide_md.systems.transfer import transferred
from tests.small import shivering_peptide as trajectory
from tests.small import tiny_settings

BACKBONE = ("N", "CA", "C", "O")


@pytest.fixture(scope="module")
def model():
    settings = tiny_settings(n_steps=60, entities="residues", n_latents=2)
    return lam.Surrogate.fit([trajectory("AVG"), trajectory("VGA", seed=1)], settings=settings)


def test_molecules_stand_in_the_same_orientation_by_the_atoms_they_share():
    systems = superposed_alike(
        [System.molecule(trajectory(name, 1, spread=0), "residues") for name in ("AVG", "VGA", "GAV")]
    )
    placed = [
        system.place(trajectory(name, 5, seed=i, spread=0).xyz, "superposed")
        for i, (system, name) in enumerate(zip(systems, ("AVG", "VGA", "GAV"), strict=True))
    ]
    backbones = [
        frames[:, [a.index for a in system.topology.atoms if a.name in BACKBONE]]
        for frames, system in zip(placed, systems, strict=True)
    ]
    # Built as extended chains, all three have the same backbone; they shiver by 0.004 nm.
    for other in backbones[1:]:
        assert np.abs(other - backbones[0]).max() < 0.03


def test_constraints_are_carried_to_a_molecule_of_the_same_parts(model):
    unseen, own = trajectory("GAV"), lam.Surrogate.fit(trajectory("GAV"), settings=tiny_settings(n_steps=1))
    carried, learned = transferred(System.molecule(unseen, "residues"), model.systems), own.systems[0].constraints
    chirality = dict(zip(map(tuple, learned.centres), learned.signs, strict=True))
    assert dict(zip(map(tuple, carried.centres), carried.signs, strict=True)) == chirality
    assert len(chirality) == 3
    assert len(chirality) < len(list(centres_of(model.systems[0].entities.bonds)))
    ends = {tuple(pair): upper for pair, upper in zip(carried.pairs, carried.upper_nm, strict=True)}
    bonds = [tuple(sorted(bond)) for bond in own.systems[0].entities.bonds.tolist()]
    assert all(np.isfinite(ends[bond]) for bond in bonds)
    distance = np.linalg.norm(unseen.xyz[:, carried.pairs[:, 0]] - unseen.xyz[:, carried.pairs[:, 1]], axis=-1)
    rigid = np.isfinite(carried.upper_nm)
    assert rigid.sum() > len(bonds)
    assert (distance[:, rigid] > carried.lower_nm[rigid] - 0.03).all()
    assert (distance[:, rigid] < carried.upper_nm[rigid] + 0.03).all()


def test_a_model_of_several_molecules_must_be_told_which_to_roll_out(model):
    assert model.starts_nm == ()
    with pytest.raises(InputError, match="has learned 2 systems: pass a start"):
        model.rollout(n_frames=3)


def test_an_unseen_molecule_is_rolled_out_and_the_manifest_says_so(model, tmp_path):
    start = trajectory("GAV")[:2]
    rollout = model.rollout(start, 12, n_chains=2)
    frames = rollout.to_mdtraj()
    assert [str(residue) for residue in frames.topology.residues] == ["GLY1", "ALA2", "VAL3"]
    bonds = np.array([(a.index, b.index) for a, b in frames.topology.bonds])
    lengths = np.linalg.norm(frames.xyz[:, bonds[:, 0]] - frames.xyz[:, bonds[:, 1]], axis=-1)
    assert lengths.min() > 0.11
    assert lengths.max() < 0.17
    assert not rollout.facts["in_training"]
    assert model.rollout(trajectory("VGA"), 1).facts["in_training"]


def test_unknown_residues_and_longer_chains_are_refused(model):
    with pytest.raises(InputError, match="kinds SER are unknown to the model, which knows ALA, GLY, VAL"):
        model.rollout(trajectory("SAV"), 1)
    with pytest.raises(InputError, match=r"N of residue 3.*molecules of 3 residues"):
        model.rollout(trajectory("AV"), 1)
    with pytest.raises(InputError, match="4 residues; the model has learned 3 at most"):
        model.rollout(trajectory("AVGA"), 1)


def test_a_model_of_one_molecule_does_not_take_another():
    model = lam.Surrogate.fit(trajectory("AVG"), settings=tiny_settings(n_steps=1, entities="residues"))
    with pytest.raises(InputError, match="lacks"):
        model.rollout(trajectory("VGA"), 1)


def test_the_common_orientation_survives_the_model_file(model, tmp_path):
    again = lam.Surrogate.load(model.save(tmp_path / "peptides.lamslide"))
    for one, other in zip(model.systems, again.systems, strict=True):
        np.testing.assert_array_equal(one.fit, other.fit)
    start = trajectory("GAV")[:1]
    np.testing.assert_array_equal(model.rollout(start, 3).points_nm(), again.rollout(start, 3).points_nm())


def test_ase_dynamics_run_an_unseen_molecule_in_any_order_of_its_atoms(model, tmp_path):
    path = tmp_path / "start.pdb"
    trajectory("GAV")[0].save(path)
    atoms = ase.io.read(path)
    shuffled, given = atoms[np.random.default_rng(0).permutation(len(atoms))], atoms.positions.copy()
    with LatentDynamics(atoms, model) as one, LatentDynamics(shuffled, model) as other:
        one.run(3)
        other.run(3)
    np.testing.assert_allclose(sorted(one.atoms.positions.tolist()), sorted(other.atoms.positions.tolist()), atol=1e-3)
    assert np.abs(one.atoms.positions - given).max() > 0.01


def test_ase_atoms_beside_a_molecule_of_the_training_are_refused(model, tmp_path):
    path = tmp_path / "start.pdb"
    trajectory("AVG")[0].save(path)
    atoms = ase.io.read(path)
    extra = atoms[-1:]
    extra.set_array("atomtypes", np.array(["XX"]))
    with pytest.raises(InputError, match="have beside those GLY3-XX"):
        LatentDynamics(atoms + extra, model)
