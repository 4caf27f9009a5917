import io

import ase.io
import numpy as np
import pytest
from ase import units
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.io.trajectory import Trajectory

import lamslide_md as lam
from lamslide_md.ase import LatentDynamics
from tests.ase.running import run

WINDOW = 7
"""New frames in a window of the model of these tests: 8, of which one is known."""


def test_same_seed_gives_the_same_frames_and_another_seed_others(atoms, surrogate):
    one, two, other = (run(atoms.copy(), surrogate, 2 * WINDOW, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one[1:] - other[1:]).max(axis=(1, 2)).min() > 1e-5


def test_the_frames_are_those_of_a_rollout_up_to_place_and_orientation(atoms, surrogate, all_atoms, dipeptide):
    import mdtraj as md

    rolled = surrogate.rollout(md.load(dipeptide / "system.pdb"), 2 * WINDOW + 3, seed=5).points_nm()[0]
    # Heavy atoms stand in the file's order in both.
    frames = run(atoms, surrogate, 2 * WINDOW + 3, seed=5)[1:] / 10
    for ours, theirs in zip(frames, rolled, strict=True):
        distances = [np.linalg.norm(x[:, None] - x[None], axis=-1) for x in (ours, theirs)]
        np.testing.assert_allclose(*distances, atol=1e-5)


def test_the_molecule_stays_where_it_is_and_turns_with_its_start(atoms, surrogate):
    moved = atoms.copy()
    moved.rotate(70, (1, 2, 3))
    moved.translate((5.0, -3.0, 40.0))
    turned = atoms.copy()
    turned.rotate(70, (1, 2, 3))
    shift = moved.positions[0] - turned.positions[0]
    here, there = run(turned, surrogate, 3), run(moved, surrogate, 3)
    np.testing.assert_allclose(here + shift, there, atol=2e-3)


def test_observers_logfile_and_trajectory_are_called_as_ase_calls_them(atoms, surrogate, tmp_path):
    calls, log = [], io.StringIO()
    with LatentDynamics(atoms, surrogate, tmp_path / "a.traj", log, 2) as dyn:
        dyn.attach(lambda: calls.append(("every third", dyn.nsteps)), interval=3)
        dyn.insert_observer(lambda: calls.append(("first", dyn.nsteps)), interval=3)
        dyn.attach(lambda: calls.append(("once", dyn.nsteps)), interval=-4)
        assert dyn.run(6)
        assert dyn.nsteps == 6
        assert dyn.get_time() == pytest.approx(6 * 5000 * units.fs)
    assert calls == [
        *(("first", 0), ("every third", 0), ("first", 3), ("every third", 3)),
        *(("once", 4), ("first", 6), ("every third", 6)),
    ]
    header, *lines = log.getvalue().splitlines()
    assert header.split() == ["Time[ps]", "Frame", "Frames/s"]
    assert [[float(x) for x in line.split()[:2]] for line in lines] == [[0, 0], [10, 2], [20, 4], [30, 6]]
    assert all(float(line.split()[2]) > 0 for line in lines[1:])
    with Trajectory(tmp_path / "a.traj") as trajectory:
        assert len(trajectory) == 4


def test_irun_yields_before_the_first_step_and_after_each(atoms, surrogate):
    with LatentDynamics(atoms, surrogate) as dyn:
        assert list(dyn.irun(2)) == [False, False, True]
        assert list(dyn.irun(1)) == [False, True]
        assert dyn.nsteps == 3


def test_running_in_parts_is_running_at_once(atoms, surrogate):
    whole = run(atoms.copy(), surrogate, 9, seed=3)
    with LatentDynamics(atoms, surrogate, seed=3) as dyn:
        for _ in range(3):
            dyn.run(3)
    np.testing.assert_array_equal(atoms.positions, whole[-1])


@pytest.mark.parametrize("n_before", [0, 3, WINDOW, WINDOW + 2])
@pytest.mark.parametrize("file", ["a.traj", "a.extxyz"])
def test_a_restart_from_the_last_frame_of_a_file_goes_on_as_if_it_had_not_stopped(
    atoms, surrogate, tmp_path, file, n_before
):
    whole = run(atoms.copy(), surrogate, 2 * WINDOW + 3, seed=4)
    n_after = 2 * WINDOW + 3 - n_before
    with LatentDynamics(atoms, surrogate, seed=4) as dyn:
        dyn.run(n_before)
    ase.io.write(tmp_path / file, atoms)
    again = run(ase.io.read(tmp_path / file), surrogate, n_after, seed=4)
    # The text file rounds the start frame; all that follow come from the state beside it, exactly.
    np.testing.assert_array_equal(again[1:], whole[n_before + 1 :])


def test_a_frame_of_the_model_goes_on_whatever_a_start_must_be(atoms, surrogate):
    """Not held to constraints, this poor model makes frames that no start may have."""
    whole = run(atoms.copy(), surrogate, 2 * WINDOW, seed=4, constrain=False)
    with LatentDynamics(atoms, surrogate, seed=4, constrain=False) as dyn:
        dyn.run(WINDOW)
    np.testing.assert_array_equal(run(atoms, surrogate, WINDOW, seed=4, constrain=False), whole[WINDOW:])
    atoms.info.clear()
    with pytest.raises(lam.InputError, match="the atoms"):
        LatentDynamics(atoms, surrogate, seed=4, constrain=False)


def test_an_appended_trajectory_is_that_of_an_uninterrupted_run(atoms, surrogate, tmp_path):
    whole = run(atoms.copy(), surrogate, 12, seed=4, trajectory=tmp_path / "whole.traj")
    run(atoms, surrogate, 5, seed=4, trajectory=tmp_path / "parts.traj")
    last = ase.io.read(tmp_path / "parts.traj")
    run(last, surrogate, 7, seed=4, trajectory=tmp_path / "parts.traj", append_trajectory=True)
    parts = ase.io.read(tmp_path / "parts.traj", index=":")
    np.testing.assert_array_equal([frame.positions for frame in parts], whole)


def test_another_seed_starts_a_new_chain_at_the_last_frame(atoms, surrogate):
    with LatentDynamics(atoms, surrogate, seed=4) as dyn:
        dyn.run(3)
    fresh = atoms.copy()
    fresh.info.clear()
    np.testing.assert_allclose(run(atoms, surrogate, 4, seed=5), run(fresh, surrogate, 4, seed=5), atol=1e-9)


def test_a_frame_moved_since_starts_a_new_chain_where_it_was_moved_to(atoms, surrogate):
    with LatentDynamics(atoms, surrogate, seed=4) as dyn:
        dyn.run(3)
    moved = atoms.copy()
    moved.positions += (7.0, 0.0, 0.0)
    frames = run(moved, surrogate, 2, seed=4)
    assert abs(frames[1].mean(axis=0)[0] - moved.positions.mean(axis=0)[0]) < 3


def test_moving_atoms_between_steps_continues_from_the_moved_positions(atoms, surrogate):
    with LatentDynamics(atoms, surrogate, seed=4) as dyn:
        dyn.run(2)
        # The centre of a frame of this poor model is off by tenths of an Å, not by 100.
        atoms.translate((100.0, 0.0, 0.0))
        there = atoms.positions.mean(axis=0)
        dyn.run(1)
        np.testing.assert_allclose(atoms.positions.mean(axis=0), there, atol=1.0)


def test_momenta_are_dropped(atoms, surrogate, tmp_path):
    atoms.set_momenta(np.ones((len(atoms), 3)))
    run(atoms, surrogate, 1, trajectory=tmp_path / "a.traj")
    assert not atoms.has("momenta")
    assert not ase.io.read(tmp_path / "a.traj").has("momenta")


def test_energies_and_forces_are_refused_as_ase_refuses_them(atoms, surrogate, tmp_path):
    with LatentDynamics(atoms, surrogate, tmp_path / "a.traj") as dyn:
        dyn.run(1)
        for ask in (dyn.atoms.get_potential_energy, dyn.atoms.get_forces):
            with pytest.raises(PropertyNotImplementedError, match="property not implemented"):
                ask()
    with pytest.raises(PropertyNotImplementedError, match="forces"):
        ase.io.read(tmp_path / "a.traj").get_forces()


@pytest.mark.parametrize("calculator", [EMT, LennardJones])
def test_a_calculator_of_the_users_own_works_when_asked_and_only_then(atoms, surrogate, tmp_path, calculator):
    calls = []

    class Counting(calculator):
        def calculate(self, *args, **kwargs):
            calls.append(1)
            super().calculate(*args, **kwargs)

    atoms.calc = Counting()
    with LatentDynamics(atoms, surrogate, tmp_path / "a.traj") as dyn:
        dyn.run(3)
        assert calls == []
        assert np.isfinite(dyn.atoms.get_potential_energy())
        assert calls == [1]
        dyn.run(1)
        assert calls == [1]


def test_ase_finds_the_times_scale_and_the_frames_in_the_file(atoms, surrogate, tmp_path):
    run(atoms, surrogate, 2, trajectory=tmp_path / "a.traj")
    with Trajectory(tmp_path / "a.traj") as trajectory:
        assert trajectory.description["md-type"] == "LatentDynamics"
        assert trajectory.description["timestep"] == pytest.approx(5000 * units.fs)
        assert trajectory.description["interval"] == 1
        assert [len(frame) for frame in trajectory] == [10, 10, 10]


def test_a_model_file_is_as_good_as_a_model(atoms, surrogate, model):
    np.testing.assert_array_equal(run(atoms.copy(), surrogate, 2), run(atoms, str(model), 2))
