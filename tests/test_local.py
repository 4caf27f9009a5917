"""Models that see every residue from its own backbone."""

import ase.io
import numpy as np
import pytest
from pydantic import ValidationError

import lamslide_md as lam
from lamslide_md.ase import LatentDynamics
from lamslide_md.config import Settings
from lamslide_md.errors import InputError
from lamslide_md.frames.superposed import superposed
from lamslide_md.sampling.chain_state import ChainState
from lamslide_md.sampling.settings import Sampling
from tests.small import shivering_peptide as trajectory
from tests.small import tiny_settings


@pytest.fixture(scope="module")
def model():
    settings = tiny_settings(n_steps=60, placement="local", entities="residues", n_latents=None)
    return lam.Surrogate.fit([trajectory("AVG"), trajectory("VGA", seed=1)], settings=settings)


@pytest.mark.parametrize("sequence", ["GAV", "AVG", "AV"])
def test_chains_of_known_residues_are_rolled_out_where_their_reference_stands(model, sequence):
    rollout = model.rollout(trajectory(sequence)[:2], 12, n_chains=2)
    frames = rollout.to_mdtraj()
    bonds = np.array([(a.index, b.index) for a, b in frames.topology.bonds])
    lengths = np.linalg.norm(frames.xyz[:, bonds[:, 0]] - frames.xyz[:, bonds[:, 1]], axis=-1)
    assert lengths.min() > 0.11
    assert lengths.max() < 0.17
    np.testing.assert_allclose(superposed(frames.xyz, rollout.system.reference_nm), frames.xyz, atol=1e-5)


def test_a_chain_goes_on_from_its_last_frame_to_the_bit(model):
    system = model.resolver.of_molecule(trajectory("GAV"))
    propagator = model.propagator(system, Sampling())
    start = system.place(trajectory("GAV").xyz[:2], "local")[:, None] / np.float32(model.length_scale_nm)
    first, state = propagator.step(ChainState(start))
    second, _ = propagator.step(state)
    np.testing.assert_array_equal(propagator.step(ChainState(first[:, -1:], window=1))[0], second)


def test_a_loaded_model_rolls_out_the_same_frames(model, tmp_path):
    again = lam.Surrogate.load(model.save(tmp_path / "peptides.lamslide"))
    assert again.autoencoder.n_latents == 3, "a latent for each residue"
    start = trajectory("GAV")[:1]
    np.testing.assert_array_equal(model.rollout(start, 3).points_nm(), again.rollout(start, 3).points_nm())


def test_paths_between_two_frames_keep_both(model):
    frames = trajectory("GAV")
    path = model.interpolate(frames[0], frames[1], 3).to_mdtraj()
    for end, given in ((path[0], frames[0]), (path[-1], frames[1])):
        np.testing.assert_allclose(superposed(given.xyz, end.xyz[0]), end.xyz, atol=1e-5)


def test_ase_dynamics_stay_in_the_place_of_their_start(model, tmp_path):
    path = tmp_path / "start.pdb"
    trajectory("GAV")[0].save(path)
    atoms = ase.io.read(path)
    atoms.positions += 50.0
    given = atoms.positions.copy()
    with LatentDynamics(atoms, model) as dynamics:
        dynamics.run(3)
    assert np.abs(atoms.positions.mean(axis=0) - given.mean(axis=0)).max() < 1.0
    assert np.abs(atoms.positions - given).max() > 0.01


def test_what_has_no_residues_is_refused(butane):
    with pytest.raises(ValidationError, match=r"placement=local sees residues.*not atoms"):
        tiny_settings(placement="local")
    settings = tiny_settings(placement="local", entities="residues")
    with pytest.raises(InputError, match="atom C1 of residue BUT0 is none of these"):
        lam.Surrogate.fit(butane, settings=settings)


def test_losses_of_what_is_decoded_are_refused_as_residues_have_no_common_frame_of_reference():
    settings = tiny_settings(placement="local", entities="residues").model_dump()
    settings["flow"]["decoded_weight"] = 0.25
    with pytest.raises(ValidationError, match=r"needs flow\.decoded_weight=0 \(not 0\.25\)"):
        Settings.model_validate(settings)
    settings["placement"] = "superposed"
    assert Settings.model_validate(settings).flow.decoded_weight == 0.25
