import json

import mdtraj as md
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import lamslide_md as lam
from tests.model_files import header_of, write_with
from tests.small import tiny_settings


@pytest.fixture(scope="module")
def surrogate(butane):
    return lam.Surrogate.fit(butane, settings=tiny_settings(), temperature_K=300.0)


def test_a_rollout_has_all_the_frames_asked_for_at_uniform_times(surrogate, butane):
    traj = surrogate.rollout(butane[0], 23, n_solver_steps=3).to_mdtraj()
    np.testing.assert_allclose(traj.time, np.arange(1, 24))
    assert traj.n_atoms == 4


def test_no_frame_appears_twice_where_windows_meet(surrogate, butane):
    xyz = surrogate.rollout(butane[0], 23, n_solver_steps=3).to_mdtraj().xyz
    assert np.abs(np.diff(xyz, axis=0)).max(axis=(1, 2)).min() > 0


def test_same_seed_same_frames_and_another_seed_others(surrogate, butane):
    one, two, other = (surrogate.rollout(butane[0], 12, n_chains=2, seed=s).points_nm() for s in (4, 4, 5))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_loaded_model_rolls_out_the_same_frames(surrogate, butane, tmp_path):
    again = lam.Surrogate.load(surrogate.save(tmp_path / "butane.lamslide"))
    np.testing.assert_array_equal(
        again.rollout(butane[3], 12, seed=2).points_nm(), surrogate.rollout(butane[3], 12, seed=2).points_nm()
    )
    assert (again.frame_interval_ps, again.temperature_K) == (1.0, 300.0)
    assert again.provenance == json.loads(json.dumps(surrogate.provenance))


def test_half_precision_rounds_the_parameters_of_a_file_and_nothing_else(surrogate, tmp_path):
    whole, half = (surrogate.save(tmp_path / f"{half}.lamslide", half_precision=half) for half in (False, True))
    loaded = lam.Surrogate.load(half)
    for own, rounded in ((surrogate.flow, loaded.flow), (surrogate.autoencoder, loaded.autoencoder)):
        for name, parameter in rounded.named_parameters():
            assert parameter.dtype == torch.float32
            torch.testing.assert_close(parameter, own.get_parameter(name), rtol=1e-3, atol=1e-7)
        for name, buffer in rounded.named_buffers():
            assert torch.equal(buffer, own.get_buffer(name))
    assert half.stat().st_size < whole.stat().st_size
    assert np.isfinite(loaded.rollout(n_frames=5).points_nm()).all()


def test_covariances_are_stored_as_one_triangle_and_read_as_before_it(surrogate, tmp_path):
    path = surrogate.save(tmp_path / "triangle.lamslide")
    header, tensors = header_of(path), load_file(path)
    prior, lagged = surrogate.flow.prior, tensors["flow/prior.lagged"]
    n = prior.n_features
    assert lagged.shape == (prior.n_frames, n * (n + 1) // 2)
    whole = write_with(tmp_path / "whole.lamslide", header, tensors | {"flow/prior.lagged": prior.lagged})
    for file in (path, whole):
        assert torch.equal(lam.Surrogate.load(file).flow.prior.lagged, prior.lagged)
    short = write_with(tmp_path / "short.lamslide", header, tensors | {"flow/prior.lagged": lagged[:, 1:].contiguous()})
    with pytest.raises(lam.InputError, match="lagged holds triangles of"):
        lam.Surrogate.load(short)


def test_covariances_that_time_has_a_direction_in_are_stored_whole(butane, tmp_path):
    settings = tiny_settings(n_steps=2)
    forwards = settings.model_copy(update={"flow": settings.flow.model_copy(update={"reverse_time": False})})
    surrogate = lam.Surrogate.fit(butane, settings=forwards)
    lagged = lam.Surrogate.load(surrogate.save(tmp_path / "forwards.lamslide")).flow.prior.lagged
    assert not torch.equal(lagged, lagged.mT)
    assert torch.equal(lagged, surrogate.flow.prior.lagged)


def test_reference_starts_are_frames_of_the_training_data(surrogate):
    assert surrogate.starts_nm[0].shape == (32, 1, 4, 3)
    rollout = surrogate.rollout("reference", 5, n_chains=3, seed=1)
    assert rollout.points_nm().shape == (3, 5, 4, 3)


def test_the_same_seed_trains_the_same_model(butane):
    settings = tiny_settings(n_steps=15)
    one, two = (lam.Surrogate.fit(butane, settings=settings, seed=7) for _ in range(2))
    for a, b in zip(one.flow.parameters(), two.flow.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_start_may_hold_more_atoms_in_another_order(surrogate, butane):
    topology = md.Topology()
    residue = topology.add_residue("BUT", topology.add_chain())
    for name, element in [("C4", "C"), ("C3", "C"), ("H1", "H"), ("C2", "C"), ("C1", "C")]:
        topology.add_atom(name, md.element.get_by_symbol(element), residue)
    xyz = np.insert(butane.xyz[:1, ::-1], 2, 0.5, axis=1)
    turned = surrogate.rollout(md.Trajectory(xyz, topology), 6).points_nm()
    np.testing.assert_allclose(turned, surrogate.rollout(butane[0], 6).points_nm(), atol=1e-6)


def test_training_with_residues_as_entities_and_random_identifiers_runs(butane):
    names = ["N", "CA", "C", "O"]
    topology = md.Topology()
    chain = topology.add_chain()
    for name in ("GLY", "GLY"):
        residue = topology.add_residue(name, chain)
        for atom in names:
            topology.add_atom(atom, md.element.get_by_symbol(atom[0]), residue)
    topology.create_standard_bonds()
    # Each residue is a butane; the second's N lies 0.133 nm beyond the first's C.
    shift = butane.xyz[:, 2:3] - butane.xyz[:, :1] + np.float32([0.133, 0, 0])
    xyz = np.concatenate([butane.xyz, butane.xyz + shift], axis=1)
    traj = md.Trajectory(xyz, topology, time=butane.time)
    settings = tiny_settings(n_steps=10, entities="residues", identifiers="random", rotate=True)
    rollout = lam.Surrogate.fit(traj, settings=settings).rollout(traj[0], 7)
    assert rollout.to_mdtraj().n_atoms == 8


@pytest.mark.parametrize(("frames", "message"), [(5, "spans 6 frames, the longest trajectory has 5")])
def test_too_short_a_trajectory_is_refused(butane, frames, message):
    with pytest.raises(lam.InputError, match=message):
        lam.Surrogate.fit(butane[:frames], settings=tiny_settings())


def test_an_unknown_preset_is_refused_with_the_known_ones(butane):
    with pytest.raises(lam.InputError, match=r"'fast'.*quick, peptide, protein, standard, paper"):
        lam.Surrogate.fit(butane, preset="fast")


def test_a_frame_interval_that_the_data_does_not_divide_is_refused(butane):
    with pytest.raises(lam.InputError, match=r"2\.5 ps is not a whole number of frames of 1 ps"):
        lam.Surrogate.fit(butane, settings=tiny_settings(), frame_interval_ps=2.5)


def test_nan_coordinates_are_refused_in_training_and_start(surrogate, butane):
    broken = butane[:100]
    broken.xyz[40, 2] = np.nan
    with pytest.raises(lam.InputError, match="40"):
        lam.Surrogate.fit(broken, settings=tiny_settings())
    with pytest.raises(lam.InputError, match="not finite"):
        surrogate.rollout(broken[40], 5)


def test_chains_that_run_away_end_in_a_complaint_that_says_how_many(surrogate, butane, tmp_path):
    wild = lam.Surrogate.load(surrogate.save(tmp_path / "wild.lamslide"))
    with torch.no_grad():
        for parameter in wild.autoencoder.parameters():
            parameter.add_(1e4)
    with pytest.raises(lam.InputError, match=r"3 of 3 chains have run away.*Train the model longer"):
        wild.rollout(butane[0], 50, n_chains=3).points_nm()


def test_another_molecule_is_refused_by_the_atoms_it_lacks(surrogate, butane):
    with pytest.raises(lam.InputError, match=r"lacks 1 of the model's 4 atoms \(BUT1-C4\)"):
        surrogate.rollout(butane[0].atom_slice([0, 1, 2]), 5)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"n_frames": 0}, "n_frames=0 and n_chains=1 must both be at least 1"),
        ({"n_chains": 0}, "n_frames=10000 and n_chains=0 must both be at least 1"),
        ({"solver": "rk9"}, "unknown solver 'rk9'; choose one of map, euler, heun"),
        ({"start": "anywhere"}, "start='anywhere' is neither a trajectory nor 'reference'"),
    ],
)
def test_impossible_rollouts_are_refused(surrogate, arguments, complaint):
    with pytest.raises(lam.InputError, match=complaint):
        surrogate.rollout(**arguments)


NO_MODEL = r"is no \.lamslide model file or is damaged"


class TestModelFiles:
    def refused(self, path, complaint):
        with pytest.raises(lam.InputError, match=complaint) as error:
            lam.Surrogate.load(path)
        assert path.name in str(error.value)
        assert "\n" not in str(error.value)

    def test_a_missing_file(self, tmp_path):
        self.refused(tmp_path / "none.lamslide", "is not there; train a model with")

    def test_random_bytes_and_a_pickle(self, tmp_path):
        path = tmp_path / "a.lamslide"
        path.write_bytes(np.random.default_rng(0).bytes(5000))
        self.refused(path, NO_MODEL)
        torch.save({"a": torch.ones(3)}, path)
        self.refused(path, NO_MODEL)

    def test_a_truncated_file(self, surrogate, tmp_path):
        path = surrogate.save(tmp_path / "a.lamslide")
        content = path.read_bytes()
        for length in (0, 7, 100, len(content) // 2, len(content) - 1):
            path.write_bytes(content[:length])
            self.refused(path, NO_MODEL)

    def test_a_newer_format_says_so(self, surrogate, tmp_path):
        path = surrogate.save(tmp_path / "a.lamslide")
        header = header_of(path)
        write_with(path, {**header, "format_version": 99}, load_file(path))
        with pytest.raises(
            lam.InputError, match="has format version 99, this program reads 1 to 5; update lamslide_md"
        ):
            lam.Surrogate.load(path)

    def test_a_missing_weight_and_a_wrong_shape(self, surrogate, tmp_path):
        path = surrogate.save(tmp_path / "a.lamslide")
        header, tensors = header_of(path), load_file(path)
        name = "flow/out.weight"
        write_with(path, header, {k: t for k, t in tensors.items() if k != name})
        self.refused(path, r"is damaged: Missing key\(s\) in state_dict: \"out\.weight\"")
        write_with(path, header, {**tensors, name: torch.zeros(3, 3)})
        self.refused(path, r"is damaged: size mismatch for out\.weight")

    @pytest.mark.parametrize("key", ["settings", "n_slots", "provenance", "frame_interval_ps"])
    def test_a_garbled_header(self, surrogate, tmp_path, key):
        path = surrogate.save(tmp_path / "a.lamslide")
        header = header_of(path)
        for bad in (None, 3, "x", [1], {"a": 1}):
            write_with(path, {**header, key: bad}, load_file(path))
            if isinstance(bad, dict) if key != "provenance" else not isinstance(bad, dict):
                self.refused(path, rf"is damaged: {key}.* in its header: ")


def test_a_bond_that_breaks_is_refused_unless_the_settings_allow_it(butane):
    reactive = md.Trajectory(butane.xyz.copy(), butane.topology, time=butane.time)
    reactive.xyz[300:, 3] += 0.15 * (reactive.xyz[300:, 3] - reactive.xyz[300:, 2]) / 0.153
    settings = tiny_settings(n_steps=1)
    with pytest.raises(lam.InputError, match="frame 300"):
        lam.Surrogate.fit(reactive, settings=settings)
    lam.Surrogate.fit(reactive, settings=settings.model_copy(update={"check_bonds": False}))
