"""What hardly moves, or not at all, and arrays that are no trajectories: trained on, or refused in one line."""

import mdtraj as md
import numpy as np
import pytest
import torch

import lamslide_md as lam
from lamslide_md.config import Settings, preset_settings
from lamslide_md.errors import InputError
from lamslide_md.flow.low_rank_prior import LowRankPrior
from lamslide_md.flow.prior import GaussianPrior
from lamslide_md.systems.system import PointTrajectory, System
from lamslide_md.training.slow_coordinates import slow_coordinates
from tests.small import shivering_peptide, tiny_settings

# In quarters, which are moved by quarters without rounding.
SHAPE = np.array([[0, 0, 0], [4, 0, 0], [4, 4, 0], [8, 4, 4]], dtype=np.float32) / 16
LINE = np.array([[0, 0, 0], [1, 0, 0], [2, 0, 0], [3, 0, 0]], dtype=np.float32) / 4
N_FRAMES = 40


def shivering(shape, spread, n_frames=N_FRAMES):
    noise = np.random.default_rng(0).normal(size=(n_frames, *shape.shape))
    return (shape + spread * noise).astype(np.float32)


def points(xyz, n_points=None, interval_ps=1.0):
    entities = lam.Entities.points(["bead"] * (n_points or xyz.shape[1]), dim=xyz.shape[-1])
    return PointTrajectory(System(entities, xyz[0] - xyz[0].mean(axis=0)), xyz, interval_ps)


def fitted(data, placement="centred", **flow):
    content = tiny_settings(n_steps=3, placement=placement).model_dump()
    content["flow"] |= flow
    return lam.Surrogate.fit(data, settings=Settings.model_validate(content), accelerator="cpu")


@pytest.mark.parametrize("placement", ["centred", "superposed"])
@pytest.mark.parametrize("flow", [{}, {"slow_weight": 1.0, "whitened": True}], ids=["plain", "whitened"])
def test_points_that_move_as_one_roll_out_without_inner_motion(placement, flow):
    drifting = SHAPE + np.arange(N_FRAMES, dtype=np.float32)[:, None, None] / 4
    model = fitted(points(drifting), placement, **flow)
    assert model.rollout(n_frames=20).points_nm().std(axis=(0, 1)).max() < 1e-6


@pytest.mark.parametrize("shape", [SHAPE, LINE, SHAPE * [1, 1, 0], SHAPE[:2]], ids=["space", "line", "plane", "two"])
@pytest.mark.parametrize("placement", ["centred", "superposed", "anchored", "aligned"])
def test_points_on_a_line_or_in_a_plane_are_trained_on(shape, placement):
    made = fitted(points(shivering(shape, 0.01)), placement).rollout(n_frames=4).points_nm()
    assert np.isfinite(made).all()


def test_a_molecule_that_hardly_moves_is_trained_on():
    peptide = shivering_peptide("AG", 40)
    still = md.Trajectory(peptide.xyz[:1] + np.float32(1e-4) * shivering(peptide.xyz[0] * 0, 1.0), peptide.topology)
    still.time = np.arange(40.0)
    for placement in ("superposed", "local", "poses"):
        content = (
            tiny_settings(n_steps=3)
            if placement == "superposed"
            else preset_settings("peptide" if placement == "local" else "protein")
        ).model_dump()
        for stage in ("autoencoder", "flow"):
            content[stage]["optimisation"] |= {"n_steps": 3, "batch_size": 8}
        content["flow"] |= {"width": 32, "depth": 1}
        model = lam.Surrogate.fit(
            still, settings=Settings.model_validate(content), frame_interval_ps=1.0, accelerator="cpu"
        )
        assert np.isfinite(model.rollout(n_frames=4, constrain=False).points_nm()).all(), placement


def test_one_of_many_may_stand_but_not_all():
    standing, walking = np.repeat(SHAPE[None], N_FRAMES, axis=0), shivering(SHAPE, 0.1)
    assert fitted([points(standing), points(walking)])
    with pytest.raises(InputError, match=r"each of the 2 trajectories are all equal, nothing moves"):
        fitted([points(standing), points(standing + 1)])


def test_one_point_has_no_inner_motion_but_a_way():
    walk = np.cumsum(shivering(SHAPE[:1] * 0, 0.1), axis=0).astype(np.float32)
    for placement in ("centred", "superposed"):
        with pytest.raises(
            InputError, match=rf"placement={placement} leaves all coordinates equal.*placement=anchored"
        ):
            fitted(points(walk), placement)
    assert np.isfinite(fitted(points(walk), "anchored").rollout(n_frames=4).points_nm()).all()


@pytest.mark.parametrize(
    ("xyz", "complaint"),
    [
        (np.zeros((40, 4)), r"it is numbers of type float64 in the shape \(40, 4\)"),
        (np.zeros((2, 40, 4, 3)), r"in the shape \(2, 40, 4, 3\)"),
        (np.zeros((40, 4, 3), dtype=complex), "numbers of type complex128"),
        (np.full((40, 4, 3), "x"), "numbers of type <U1"),
        (np.zeros((40, 3, 3)), "coordinates have 3 points in 3 dimensions; the entities are 4 points in 3"),
        (np.zeros((40, 4, 2)), "coordinates have 4 points in 2 dimensions; the entities are 4 points in 3"),
    ],
)
def test_arrays_that_are_no_frames_of_the_points_are_refused(xyz, complaint):
    entities = lam.Entities.points(["bead"] * 4, dim=3)
    with pytest.raises(InputError, match=complaint):
        PointTrajectory(System(entities, SHAPE), xyz, 1.0)


def test_points_of_no_space_are_refused():
    entities = lam.Entities.points(["bead"] * 4, dim=4)
    with pytest.raises(InputError, match="4 points in 4 dimensions; there must be at least one point, in one to three"):
        PointTrajectory(System(entities, np.zeros((4, 4), dtype=np.float32)), np.zeros((40, 4, 4)), 1.0)


def test_what_cannot_be_trained_on_is_refused_by_its_number():
    walking = shivering(SHAPE, 0.1)
    with pytest.raises(InputError, match=r"trajectory 2 of 2 has no frames"):
        fitted([points(walking), PointTrajectory(points(walking).system, walking[:0], 1.0)])
    for bad in (np.nan, np.inf):
        holed = walking.copy()
        holed[17, 2, 1] = bad
        with pytest.raises(InputError, match=r"trajectory 1 of 1: frame 17 has coordinates that are not finite"):
            fitted(points(holed))
    for interval_ps in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match=r"trajectory 1 of 1 has a frame interval of"):
            fitted(points(walking, interval_ps=interval_ps))


def test_points_have_no_residues_to_be_seen_by():
    walking = points(shivering(SHAPE, 0.1))
    for preset, placement in (("peptide", "local"), ("protein", "poses")):
        with pytest.raises(InputError, match=f"placement '{placement}' is for .*, not for points"):
            lam.Surrogate.fit(walking, preset=preset, frame_interval_ps=1.0)


def test_a_molecule_without_atoms_is_refused():
    nothing = md.Trajectory(np.zeros((40, 0, 3)), md.Topology(), time=np.arange(40.0))
    with pytest.raises(InputError, match="has no atoms"):
        lam.Surrogate.fit(nothing, settings=tiny_settings())


@pytest.mark.parametrize("stationary", [True, False])
def test_a_gaussian_prior_of_latents_that_never_move_gives_them_back(stationary):
    prior = GaussianPrior(3, 4, stationary)
    still = torch.full((10, 3, 2, 2), 0.5)
    prior.fit(still, reversible=True)
    context = torch.tensor([True, False, False])
    torch.testing.assert_close(prior.mean(still, context), still)
    assert prior.sample_noise(still, context, torch.Generator().manual_seed(0)).abs().max() < 1e-6


def test_a_low_rank_prior_of_latents_that_never_move_gives_them_back():
    prior = LowRankPrior(3, 4, 3, linked=True)
    still = torch.full((10, 3, 4, 3), 0.5)
    prior.fit(still, reversible=True)
    context = torch.tensor([True, False, False])
    torch.testing.assert_close(prior.mean(still, context), still, atol=1e-3, rtol=0)
    assert torch.isfinite(prior.whiten(still, context)).all()


def test_latents_that_never_move_have_no_slow_coordinates():
    still = torch.ones(50, 6, 2, 4)
    assert slow_coordinates(still, np.zeros(50, dtype=int)).abs().max() == 0
    many = torch.ones(50, 6, 2, 300)
    assert slow_coordinates(many, np.zeros(50, dtype=int)).abs().max() == 0


def test_a_lag_without_end_is_refused_and_a_part_of_a_cluster(butane):
    how = {"n_states": 3, "n_clusters": 10}
    with pytest.raises(InputError, match="lag_ps=inf must be positive"):
        lam.compare(butane, butane, lag_ps=float("inf"), **how)
    with pytest.raises(InputError, match=r"n_bootstrap=1e\+09 must be at most 100,000"):
        lam.compare(butane, butane, lag_ps=5.0, n_bootstrap=10**9, **how)
