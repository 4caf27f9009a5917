"""Trajectories of one molecule are one system, whatever the order of their atoms; what cannot be trained is refused."""

import warnings

import mdtraj as md
import numpy as np
import pytest

from lamslide_md.errors import InputError, InputNote
from lamslide_md.systems.topologies import rebuilt
from lamslide_md.training.gathering import gather
from lamslide_md.training.preparing import prepare_data
from tests.small import shivering_peptide, tiny_settings


def shuffled(traj, seed=0):
    """Atoms of each residue in another order."""
    generator, copy, members = np.random.default_rng(seed), md.Topology(), {}
    chain = copy.add_chain()
    for residue in traj.topology.residues:
        own = copy.add_residue(residue.name, chain, residue.resSeq)
        atoms = list(residue.atoms)
        for index in generator.permutation(len(atoms)):
            atom = atoms[index]
            members[atom.index] = copy.add_atom(atom.name, atom.element, own)
    for one, other in traj.topology.bonds:
        copy.add_bond(members[one.index], members[other.index])
    order = sorted(members, key=lambda index: members[index].index)
    return md.Trajectory(traj.xyz[:, order], copy, time=traj.time)


def test_trajectories_with_atoms_in_another_order_are_of_one_system():
    one, other = shivering_peptide("AGV", seed=1), shivering_peptide("AGV", seed=2)
    with pytest.warns(InputNote, match="trajectory 1 .* has its atoms in another order than an earlier one"):
        trajectories = gather([one, shuffled(other)], tiny_settings())
    assert trajectories[0].system is trajectories[1].system
    np.testing.assert_array_equal(trajectories[1].points_nm, other.xyz)


def test_trajectories_with_other_bonds_are_told():
    one = shivering_peptide("CGGC", seed=1)
    other = md.Trajectory(one.xyz[::-1], rebuilt(one.topology), time=one.time)
    sulphurs = [atom.index for atom in one.topology.atoms if atom.name == "SG"]
    other.topology.add_bond(*(other.topology.atom(index) for index in sulphurs))
    other.xyz[:, sulphurs[1]] = other.xyz[:, sulphurs[0]] + [0.2, 0, 0]
    settings = tiny_settings().model_copy(update={"check_bonds": False})
    with pytest.warns(InputNote, match=r"trajectory 1 .* other bonds \(\d+, such as .*SG"):
        gather([one, other], settings)


@pytest.mark.parametrize("interval_ps", [0.0, -1.0, np.nan, np.inf])
def test_an_interval_of_a_model_must_be_positive(interval_ps):
    trajectories = gather([shivering_peptide("AGV")], tiny_settings())
    with pytest.raises(InputError, match=r"frame_interval_ps=.* must be positive"):
        prepare_data(trajectories, tiny_settings(), interval_ps)


def test_data_without_a_window_are_refused_before_anything_is_trained():
    trajectories = gather([shivering_peptide("AGV", n_frames=5)], tiny_settings())
    with pytest.raises(InputError, match="trajectory too short: a window spans 6 frames, the longest trajectory has 5"):
        prepare_data(trajectories, tiny_settings(), None)


def test_a_molecule_and_its_mirror_image_in_one_training_are_told():
    one, other = shivering_peptide("AGV", seed=1), shivering_peptide("AGV", seed=2)
    mirrored = md.Trajectory(other.xyz * np.array([1, 1, -1], dtype=np.float32), other.topology, time=other.time)
    with pytest.warns(InputNote, match="trajectory 1 .* opposite chirality at ALA1-CA, VAL3-CA.* is one mirrored"):
        gather([one, mirrored], tiny_settings())
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputNote)
        gather([one, other], tiny_settings())
