"""Starts from Python: in a box, with more than the model has, or no trajectories at all."""

import warnings

import mdtraj as md
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.errors import InputError, InputNote
from lamslide_md.sampling.starts import _whole
from lamslide_md.simulate import peptide
from lamslide_md.systems.topologies import rebuilt
from tests.data.molecules import heavy_peptide, in_box, one_frame, water

SEQUENCE = "AGVD"


@pytest.fixture(scope="module")
def model():
    return lam.load_pretrained(SEQUENCE)


@pytest.fixture(scope="module")
def sound(model):
    return md.Trajectory(model.starts_nm[0][:2, 0], model.systems[0].topology, time=[0.0, 1.0])


def beside(one, other, apart_nm):
    topology = rebuilt(one.topology.join(other.topology))
    return one_frame(topology, np.concatenate([one.xyz[0], other.xyz[0] + apart_nm]))


def test_a_start_that_a_box_has_cut_is_made_whole(model, sound):
    cut = in_box(sound, 1.6 * np.eye(3), drift_nm=0.0)
    assert np.ptp(cut.xyz[0] - sound.xyz[0], axis=0).max() > 1.5
    rolled, whole = (model.rollout(start, 3, seed=1).points_nm() for start in (cut, sound))
    distances = [np.linalg.norm(x[..., :, None, :] - x[..., None, :, :], axis=-1) for x in (rolled, whole)]
    np.testing.assert_allclose(*distances, atol=5e-3)


@pytest.mark.parametrize(
    ("others", "told"),
    [(water(5, 2.0), "5 residues are left out, which the model has not .5 HOH"), (heavy_peptide("GA"), "2 residues")],
)
def test_what_a_start_holds_besides_the_molecule_is_told(model, sound, others, told):
    for start in (beside(sound, others, 3.0), beside(others, sound, 3.0)):
        with pytest.warns(InputNote, match=f"the start: {told}"):
            points = model.rollout(start, 1, seed=1).points_nm()
        np.testing.assert_allclose(points, model.rollout(sound[0], 1, seed=1).points_nm(), atol=1e-3)


def test_hydrogens_of_its_residues_are_left_out_without_a_word(model):
    built = peptide(SEQUENCE)
    whole = md.Trajectory(built.positions_nm, md.Topology.from_openmm(built.topology))
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputNote)
        assert model.rollout(whole, 1).points_nm().shape[2] == 25


@pytest.mark.parametrize("start", ["a.pdb", None, 5])
def test_what_is_no_trajectory_is_no_start(start):
    with pytest.raises(InputError, match=r"the start is a (str|NoneType|int); pass an mdtraj.Trajectory"):
        _whole(start, "the start")
