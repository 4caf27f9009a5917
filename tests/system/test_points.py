"""The core knows no chemistry: charged particles of varying number, and people in a plane, by the same classes."""

import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.systems.system import PointTrajectory, System
from tests.small import tiny_settings

N_FRAMES = 400
TIME_STEP, FRICTION, NOISE = 0.05, 0.5, 0.3


def charged_particles(n_particles, seed, dim=3):
    """Langevin dynamics of charges +-1 in a harmonic well, with softened Coulomb forces; one frame each 5 steps."""
    generator = np.random.default_rng(seed)
    charge = generator.choice([-1.0, 1.0], size=n_particles)
    x, v = generator.normal(size=(n_particles, dim)), np.zeros((n_particles, dim))
    frames = []
    for step in range(5 * N_FRAMES):
        apart = x[:, None] - x[None]
        cubed = (np.square(apart).sum(axis=-1) + 0.1) ** 1.5
        force = (charge[:, None] * charge / cubed)[..., None] * apart
        v += TIME_STEP * (force.sum(axis=1) - x - FRICTION * v) + NOISE * np.sqrt(TIME_STEP) * generator.normal(
            size=x.shape
        )
        x = x + TIME_STEP * v
        if step % 5 == 4:
            frames.append(x)
    entities = lam.Entities.points(["positive" if q > 0 else "negative" for q in charge], dim=dim)
    points = np.array(frames, dtype=np.float32)
    return PointTrajectory(System(entities, points[0]), points, frame_interval_ps=1.0)


@pytest.fixture(scope="module", params=[3, 2], ids=["3D", "2D"])
def trajectories(request):
    return [charged_particles(4 + seed % 5, seed, dim=request.param) for seed in range(10)]


@pytest.fixture(scope="module")
def surrogate(trajectories):
    settings = tiny_settings(n_steps=250, placement="centred", latent_noise=0.02)
    flow = settings.flow.model_copy(update={"n_known": 2, "reverse_time": False})
    return lam.Surrogate.fit(trajectories, settings=settings.model_copy(update={"flow": flow}))


def test_one_model_rolls_out_systems_of_every_size_it_was_trained_on(surrogate, trajectories):
    for trajectory in trajectories[:5]:
        rollout = surrogate.rollout(trajectory, 9, n_chains=2, n_solver_steps=4)
        points = rollout.points_nm()
        assert points.shape == (2, 9, *trajectory.points_nm.shape[1:])
        assert np.isfinite(points).all()
        np.testing.assert_allclose(points.mean(axis=2), 0, atol=0.5)


def test_the_first_frame_of_a_rollout_stays_nearer_to_the_start_than_chance(surrogate, trajectories):
    """The error of one frame ahead is below the spread of independent frames."""
    errors, spreads = [], []
    for trajectory in trajectories:
        truth = trajectory.points_nm - trajectory.points_nm.mean(axis=1, keepdims=True)
        for at in range(100, 400, 50):
            start = PointTrajectory(trajectory.system, trajectory.points_nm[at - 2 : at], 1.0)
            ahead = surrogate.rollout(start, 1, seed=at).points_nm()[0, 0]
            errors.append(np.square(ahead - truth[at]).mean())
            spreads.append(np.square(truth[at - 100] - truth[at]).mean())
    assert np.mean(errors) < 0.8 * np.mean(spreads)


def test_points_have_no_molecular_file(surrogate, trajectories, tmp_path):
    with pytest.raises(lam.InputError, match="set of points"):
        surrogate.rollout(trajectories[0], 3).save(tmp_path / "r.xtc")


def test_a_kind_the_model_was_not_trained_on_is_refused(surrogate, trajectories):
    old = trajectories[0]
    neutral = lam.Entities.points(["neutral"] * old.system.entities.n_points, dim=old.points_nm.shape[2])
    with pytest.raises(lam.InputError, match="neutral"):
        surrogate.rollout(PointTrajectory(System(neutral, old.points_nm[0]), old.points_nm, 1.0), 3)
