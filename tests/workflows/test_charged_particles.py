from dataclasses import replace

import numpy as np
import pytest
from charged_particles import ChargedParticles, NBodyTrajectories

from lamslide_md.errors import InputError

SETTINGS = ChargedParticles(n_frames=11, steps_per_frame=50)


@pytest.fixture(scope="module")
def trajectories():
    return SETTINGS.simulate(200, seed=3)


def test_opposite_charges_circle_around_each_other_as_kepler_says():
    """At distance 2 R each needs v^2 / R = 1 / (2 R)^2, and comes back after 2 pi R / v."""
    radius = 0.5
    speed = 1 / np.sqrt(4 * radius)
    n_steps = round(2 * np.pi * radius / speed / 0.001)
    one_turn = ChargedParticles(n_particles=2, n_frames=3, steps_per_frame=n_steps // 2)
    start = np.array([[[radius, 0, 0], [-radius, 0, 0]]])
    path = one_turn.follow(np.array([[1, -1]]), start, np.array([[[0, speed, 0], [0, -speed, 0]]])).positions[0]
    np.testing.assert_allclose(path[1], -start[0], atol=2e-3)
    np.testing.assert_allclose(path[2], start[0], atol=2e-3)


def test_energy_errors_fall_with_the_square_of_the_timestep():
    """Over trajectories without a close encounter, whose force is smooth."""
    drifts = []
    for halving in (1, 2):
        settings = replace(SETTINGS, timestep=0.004 / halving, steps_per_frame=12 * halving)
        energy = settings.simulate(200, seed=3).energy
        drifts.append(np.abs(energy - energy[:, :1]).max(axis=1))
    assert np.median(drifts[0] / drifts[1]) == pytest.approx(4, rel=0.1)
    assert np.median(drifts[1]) < 1e-4


def test_momentum_stays_where_no_force_is_cut(trajectories):
    """The centre of mass moves uniformly to the rounding of single precision."""
    free = replace(SETTINGS, greatest_force=1e9).simulate(50, seed=3)
    centre = free.positions.astype(np.float64).mean(axis=2)
    np.testing.assert_allclose(np.diff(centre, n=2, axis=1), 0, atol=1e-5)


def test_motion_is_reversible_in_time():
    settings = replace(SETTINGS, n_frames=2, steps_per_frame=200)
    charges, x, v = settings.draw(20, np.random.default_rng(0))
    # Three frames of a longer run give the velocity in the middle by the symmetric difference, exactly for Verlet.
    fine = replace(settings, n_frames=203, steps_per_frame=1).follow(charges, x, v)
    there = fine.positions[:, 201].astype(np.float64)
    velocity = (fine.positions[:, 202].astype(np.float64) - fine.positions[:, 200]) / (2 * settings.timestep)
    back = replace(settings, steps_per_frame=201).follow(charges, there, -velocity).positions[:, -1]
    assert np.median(np.abs(back - x)) < 1e-3


def test_particles_have_no_order():
    charges, x, v = SETTINGS.draw(10, np.random.default_rng(1))
    order = np.array([3, 0, 4, 2, 1])
    here = SETTINGS.follow(charges, x, v)
    there = SETTINGS.follow(charges[:, order], x[:, order], v[:, order])
    np.testing.assert_allclose(there.positions, here.positions[:, :, order], atol=1e-4)


def test_no_component_of_a_force_exceeds_the_greatest():
    close = np.array([[[0.0, 0, 0], [1e-3, 0, 0]]])
    one_step = ChargedParticles(n_particles=2, n_frames=2, steps_per_frame=1)
    path = one_step.follow(np.array([[1, 1]]), close, np.zeros((1, 2, 3))).positions[0]
    assert np.abs(path[1] - close[0]).max() == pytest.approx(0.5 * 100 * 0.001**2, rel=0.01)


def test_initial_states_are_those_of_the_benchmark():
    charges, x, v = ChargedParticles().draw(4000, np.random.default_rng(0))
    assert abs(charges.mean()) < 4 / np.sqrt(charges.size)
    assert x.std() == pytest.approx(1, abs=4 / np.sqrt(2 * x.size))
    np.testing.assert_allclose(np.linalg.norm(v, axis=-1), 0.5)


def test_the_same_seed_gives_the_same_trajectories_however_many_are_asked_for(trajectories):
    again = SETTINGS.simulate(20, seed=3)
    assert np.array_equal(again.positions, trajectories.positions[:20])
    assert not np.array_equal(SETTINGS.simulate(20, seed=4).positions, again.positions)


def test_trajectories_of_equal_charges_share_a_system_and_all_share_the_vocabulary(trajectories):
    grouped = trajectories.point_trajectories()
    assert len({id(r.system) for r in grouped}) == len({tuple(c) for c in trajectories.charges.tolist()})
    for trajectory, charges in zip(grouped, trajectories.charges, strict=True):
        assert trajectory.system.entities.vocabularies == (("+", "-"),)
        assert trajectory.system.entities.kinds[:, 0].tolist() == (charges < 0).astype(int).tolist()


def test_files_give_back_what_was_written_and_others_are_refused(trajectories, tmp_path):
    path = tmp_path / "n.npz"
    trajectories.save(path)
    loaded = NBodyTrajectories.load(path)
    assert np.array_equal(loaded.positions, trajectories.positions)
    assert loaded.frame_interval == trajectories.frame_interval
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"n\.npz holds no trajectories.*simulate anew"):
        NBodyTrajectories.load(path)
    with pytest.raises(InputError, match="steps_per_frame=0"):
        ChargedParticles(steps_per_frame=0)
