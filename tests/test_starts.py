"""Starts are checked as training data are, whichever face takes them."""

import warnings

import ase.io
import mdtraj as md
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.ase import LatentDynamics
from lamslide_md.cli.app import run
from lamslide_md.errors import InputError, InputNote
from lamslide_md.openmm import refine
from lamslide_md.simulate import SimulationSettings, peptide, prepare
from tests.small import shivering_peptide, tiny_settings

SEQUENCE = "AGVD"


def with_xyz(traj, xyz):
    return md.Trajectory(np.asarray(xyz, dtype=np.float32), traj.topology, time=traj.time)


def exchanged(one, other):
    """Two atoms in each other's places."""

    def exchange(traj):
        order = np.arange(traj.n_atoms)
        i, j = (traj.topology.select(f"resid {residue} and name {name}")[0] for residue, name in (one, other))
        order[[i, j]] = j, i
        return traj.xyz[:, order]

    return exchange


SPOILT = {
    "in Å": (lambda traj: traj.xyz * 10, "look like Å taken for nm: divide the coordinates by 10"),
    "in 10 nm": (lambda traj: traj.xyz / 10, "too short by ten"),
    "zeros": (lambda traj: traj.xyz * 0, r"all atoms in one place \(0, 0, 0\)"),
    "a line": (
        lambda traj: np.outer(0.15 * np.arange(traj.n_atoms), [1, 0, 0])[None].repeat(len(traj), 0),
        "all atoms on one line",
    ),
    "exchanged": (exchanged((1, "CA"), (2, "O")), "GLY2-CA and VAL3-O stand in each other's places"),
    "neighbours exchanged": (exchanged((0, "N"), (0, "C")), "ALA1-N and ALA1-C stand in each other's places"),
    "mirrored": (lambda traj: traj.xyz * [1, 1, -1], "mirror image.*ALA1-CA has D chirality, the model has learned L"),
    "NaN": (lambda traj: traj.xyz * np.nan, "not finite"),
}
spoilings = pytest.mark.parametrize(("spoil", "complaint"), SPOILT.values(), ids=SPOILT)


@pytest.fixture(scope="module")
def model():
    return lam.load_pretrained(SEQUENCE)


@pytest.fixture(scope="module")
def sound(model):
    """Two frames of the training data."""
    topology = model.systems[0].topology
    time = [0.0, 2 * model.frame_interval_ps]
    return md.Trajectory(model.starts_nm[0][:2, 0], topology, time=time)


@spoilings
def test_no_task_takes_a_start_that_is_no_structure(model, sound, spoil, complaint):
    bad = with_xyz(sound, spoil(sound))
    with pytest.raises(InputError, match=rf"^the start: .*frame 0.*{complaint}|^the start: frame 0 .*{complaint}"):
        model.rollout(bad, 1)
    with pytest.raises(InputError, match=rf"^the start: .*{complaint}"):
        model.interpolate(bad, sound, 1)
    with pytest.raises(InputError, match=rf"^the end.*{complaint}"):
        model.interpolate(sound, bad[0], 1)
    with pytest.raises(InputError, match=rf"^the trajectory.*{complaint}"):
        model.upsample(bad, 2)
    with pytest.raises(InputError, match=rf"^the start.*{complaint}"):
        lam.forecast(model, [bad], 1)


@spoilings
def test_ase_takes_no_start_that_is_no_structure(model, sound, tmp_path, spoil, complaint):
    if complaint == "not finite":
        complaint = "NaN"
    sound[0].save(tmp_path / "start.pdb")
    atoms = ase.io.read(tmp_path / "start.pdb")
    atoms.positions = 10 * spoil(sound)[0]
    with pytest.raises(InputError, match=complaint):
        LatentDynamics(atoms, model)


def test_atoms_moved_between_steps_are_checked_and_frames_of_the_model_are_not(model, sound, tmp_path):
    sound[0].save(tmp_path / "start.pdb")
    atoms = ase.io.read(tmp_path / "start.pdb")
    # By the flow: without projection, frames of the map may have a group between two states.
    with LatentDynamics(atoms, model, constrain=False, solver="heun") as dynamics:
        dynamics.run(2)
        atoms.positions[:, 2] *= -1
        with pytest.raises(InputError, match="D chirality"):
            dynamics.run(1)


@pytest.mark.parametrize("command", ["rollout", "interpolate"])
def test_the_command_line_says_what_is_wrong_in_one_line(sound, tmp_path, capsys, command):
    with_xyz(sound[0], sound.xyz[:1] * [1, 1, -1]).save(tmp_path / "bad.pdb")
    sound[0].save(tmp_path / "sound.pdb")
    arguments = ["--start", tmp_path / "bad.pdb", "--frames", 1, "--out", tmp_path / "a.xtc"]
    if command == "interpolate":
        arguments += ["--end", tmp_path / "sound.pdb"]
    assert run([command, SEQUENCE, *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: the start is a mirror image of what the model has learned: all 4 centres")
    assert error.count("\n") == 1
    assert not (tmp_path / "a.xtc").exists()


def test_only_the_frames_that_chains_start_from_are_checked(model, sound):
    last_is_bad = with_xyz(sound, [sound.xyz[0], sound.xyz[1] * 10])
    assert model.rollout(last_is_bad, 1).points_nm().shape[1] == 1
    with pytest.raises(InputError, match="the start: in frame 1 the median bond"):
        model.rollout(last_is_bad, 1, n_chains=2)


@pytest.fixture(scope="module")
def all_atoms():
    built = peptide(SEQUENCE)
    extended = md.Trajectory(np.asarray(built.positions_nm), md.Topology.from_openmm(built.topology))
    settings = SimulationSettings(length_ps=2.0, frame_interval_ps=1.0, equilibration_ps=0.0)
    prepared = prepare(built, settings)
    minimised = refine(extended, prepared).frames
    hot = [minimised]
    for seed in range(4):
        more = {"equilibrate_ps": 0.5, "temperature_K": 500.0, "timestep_fs": 1.0}
        hot.append(refine(hot[-1], prepared, minimise=False, seed=seed, **more).frames)
    return {"extended": extended, "minimised": minimised, "at 500 K": md.join(hot[1:])}


@pytest.mark.parametrize("kind", ["extended", "minimised", "at 500 K"])
@pytest.mark.parametrize("name", [SEQUENCE, "peptides"])
def test_sound_structures_unlike_the_data_pass(all_atoms, kind, name):
    start = all_atoms[kind]
    model = lam.load_pretrained(name)
    assert model.rollout(start, 1, n_chains=len(start)).points_nm().shape[0] == len(start)


def test_frames_of_a_rollout_start_another(model, tmp_path):
    path = model.rollout(n_frames=20, seed=2).save(tmp_path / "rollout.xtc")
    frames = md.load(path, top=path.with_suffix(".pdb"))
    assert model.rollout(frames, 1, n_chains=20).points_nm().shape[0] == 20


def test_a_molecule_that_was_not_trained_on_is_held_to_what_its_parts_do():
    model, start = lam.load_pretrained("peptides"), shivering_peptide("DGVA", 1, spread=0)
    assert not model.rollout(start, 1).facts["in_training"]
    for spoil, complaint in (
        (exchanged((1, "CA"), (2, "O")), "GLY2-CA and VAL3-O stand in each other's places"),
        (lambda traj: traj.xyz * [-1, 1, 1], "VAL3-CA has D chirality, the model has learned L"),
        (SPOILT["a line"][0], "all atoms on one line"),
    ):
        with pytest.raises(InputError, match=complaint):
            model.rollout(with_xyz(start, spoil(start)), 1)


def test_one_inverted_centre_is_named_with_what_is_around_it(model, sound):
    methyls = exchanged((2, "CG1"), (2, "CG2"))(sound)
    with pytest.raises(InputError, match=r"VAL3-CB has the opposite chir.*around it VAL3-CA, VAL3-CG1, VAL3-CG2\)"):
        model.rollout(with_xyz(sound, methyls), 1)


def test_atoms_that_lie_in_each_other_are_named():
    overlapping = shivering_peptide("SVFA", 40)[2]
    with pytest.raises(InputError, match=r"VAL2-O and PHE3-CD1 lie in each other: they are 0\.117 nm apart"):
        lam.load_pretrained("SVFA").rollout(overlapping, 1)


@pytest.fixture(scope="module")
def narrow():
    """A model of a peptide that hardly moves."""
    return lam.Surrogate.fit(shivering_peptide("AVG", spread=0.02), settings=tiny_settings(n_steps=1))


def test_a_sound_start_unlike_the_training_data_is_noted(narrow, tmp_path):
    start = shivering_peptide("AVG", 1, seed=5, spread=2.0)
    with pytest.warns(InputNote) as notes:
        narrow.rollout(start, 1)
    told = [str(note.message) for note in notes if issubclass(note.category, InputNote)]
    assert len(told) == 1
    low, high = narrow.provenance["radius_of_gyration_nm"][0]
    assert 0.3 < low < high < 0.5
    assert "the start is unlike the training data: its radius of gyration is 0.2" in told[0]
    assert f"nm, there {low:.3g} to {high:.3g}; " in told[0]
    assert "distances that hardly change there are others" in told[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputNote)
        narrow.rollout(shivering_peptide("AVG", 1, seed=6, spread=0.02), 1)


def test_a_loaded_model_knows_how_large_its_data_is_and_a_garbled_file_says_nothing(narrow, tmp_path):
    again = lam.Surrogate.load(narrow.save(tmp_path / "a.lamslide"))
    assert again.resolver.extents_nm == narrow.resolver.extents_nm != ()
    for garbled in (None, 3, [[1]], [[1, "a"]], [], [[1, 2], [3, 4]]):
        again.provenance["radius_of_gyration_nm"] = garbled
        assert again.resolver.extents_nm == ()


def test_beads_are_checked_against_their_data_and_not_as_atoms(butane):
    beads = md.Trajectory(3 * butane.xyz, butane.topology, time=butane.time)
    settings = tiny_settings(n_steps=1).model_copy(update={"check_bonds": False})
    model = lam.Surrogate.fit(beads, settings=settings)
    assert model.rollout(beads[3], 2).points_nm().shape == (1, 2, 4, 3)
    with pytest.raises(InputError, match="5 of 5 distances over one or two bonds are not those of the training data"):
        model.rollout(butane[3], 2)


def test_atoms_without_names_start_a_rollout_in_any_order(model, sound):
    order = np.random.default_rng(2).permutation(sound.n_atoms)
    atoms = ase.Atoms(np.array([a.element.symbol for a in sound.topology.atoms])[order], 10 * sound.xyz[0, order])
    given = atoms.positions.copy()
    with pytest.warns(InputNote, match="the atoms: atoms were matched by the bond graph: 25 of 25 names differ"):
        dynamics = LatentDynamics(atoms, model, seed=1)
    dynamics.run(1)
    rolled = model.rollout(sound[0], 1, seed=1).points_nm()[0, 0]
    distances = [np.linalg.norm(x[:, None] - x[None], axis=-1) for x in (atoms.positions / 10, rolled[order])]
    # Names of the two oxygens at either end of the molecule may be exchanged: so are their distances to others.
    for ours, theirs in zip(*(np.sort(d, axis=1) for d in distances), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert np.abs(atoms.positions - given).max() > 0.1


def test_a_model_of_one_molecule_takes_names_of_another_force_field(model, sound):
    topology = sound.topology.copy()
    for residue in topology.residues:
        residue.name = {"ASP": "CASP", "ALA": "NALA"}.get(residue.name, residue.name)
    with pytest.warns(InputNote, match=r"the start: atoms were matched by the bond graph: 14 of 25 names differ"):
        rollout = model.rollout(md.Trajectory(sound.xyz[:1], topology), 3, seed=4)
    np.testing.assert_array_equal(rollout.points_nm(), model.rollout(sound[0], 3, seed=4).points_nm())


def test_a_trajectory_that_is_given_twice_is_noted():
    traj = shivering_peptide("AVG", spread=0.02)
    settings = tiny_settings(n_steps=1)
    with pytest.warns(InputNote, match="trajectory 1 of the training data has the coordinates of trajectory 0 in all"):
        model = lam.Surrogate.fit([traj, traj[:]], settings=settings)
    first, second = model.provenance["trajectory_hashes"]
    assert first == second
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputNote)
        model = lam.Surrogate.fit([traj, shivering_peptide("AVG", seed=1, spread=0.02)], settings=settings)
    assert first in model.provenance["trajectory_hashes"]
    assert len(set(model.provenance["trajectory_hashes"])) == 2


def test_a_start_that_a_box_has_cut_is_made_whole(model, sound):
    whole = model.rollout(sound[0], 3, seed=1).points_nm()
    cut = sound[0]
    cut.xyz = (cut.xyz - cut.xyz.mean(axis=1, keepdims=True)) % 3.0
    cut.unitcell_vectors = 3.0 * np.eye(3)[None]
    assert np.ptp(cut.xyz[0], axis=0).max() > 2.0
    distances = [
        np.linalg.norm(points[0, :, :, None] - points[0, :, None], axis=-1)
        for points in (whole, model.rollout(cut, 3, seed=1).points_nm())
    ]
    np.testing.assert_allclose(distances[0], distances[1], atol=1e-3)
