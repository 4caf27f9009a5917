"""Frames between known ones: transition paths and upsampled trajectories."""

import re
import subprocess
import sys
from dataclasses import fields

import mdtraj as md
import numpy as np
import pytest
import torch

import lamslide_md as lam
from lamslide_md.config import FlowSettings, Optimisation
from lamslide_md.data.masks import between, draw_context, forward
from lamslide_md.sampling.settings import Sampling, SamplingOptions, check_whole
from tests.small import tiny_settings

SETTINGS = FlowSettings(optimisation=Optimisation(n_steps=1), n_frames=8, n_known=2, bridging=0.5)
LONGEST = 4
"""Frames between two ends in a window of 6."""


@pytest.fixture(scope="module")
def surrogate(butane):
    """Goes forwards two frames at a time, and fills gaps of up to four."""
    settings = tiny_settings(n_steps=300)
    flow = settings.flow.model_copy(update={"forward_frames": 3})
    return lam.Surrogate.fit(butane, settings=settings.model_copy(update={"flow": flow}))


def test_rollouts_are_chained_of_the_shorter_windows(surrogate, butane):
    chunks = list(surrogate.rollout(butane[0], 7, n_chains=2).chunks())
    assert [chunk.shape[1] for chunk in chunks] == [2, 2, 2, 1]


def test_windows_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="forward_frames=9 and n_frames=8"):
        FlowSettings(optimisation=Optimisation(n_steps=1), n_frames=8, forward_frames=9)
    with pytest.raises(ValueError, match="n_known=3, forward_frames=3"):
        FlowSettings(optimisation=Optimisation(n_steps=1), n_known=3, forward_frames=3)


def torsions(traj):
    return md.compute_dihedrals(traj, [[0, 1, 2, 3]])[:, 0]


def test_masks_of_the_tasks():
    assert forward(SETTINGS).tolist() == [True] * 2 + [False] * 6
    assert between(3).tolist() == [True, False, False, False, True]
    shorter = SETTINGS.model_copy(update={"forward_frames": 3})
    assert forward(shorter).tolist() == [True, True, False]


def test_training_meets_all_tasks_at_the_rates_set():
    generator = torch.Generator().manual_seed(0)
    masks = [tuple(draw_context(SETTINGS, generator).tolist()) for _ in range(4000)]
    n_forward = masks.count(tuple(forward(SETTINGS).tolist()))
    assert n_forward / 4000 == pytest.approx(0.5, abs=0.03)
    wanted = {tuple(between(n).tolist()) for n in range(1, 7)}
    assert set(masks) - {tuple(forward(SETTINGS).tolist())} == wanted


def test_a_path_has_both_its_ends_and_the_frames_asked_for(surrogate, butane):
    paths = surrogate.interpolate(butane[:2], butane[7:10], 3, n_paths=5, seed=1)
    assert paths.points_nm().shape == (5, 5, 4, 3)
    for p, path in enumerate(paths.chains()):
        ends = md.join([butane[p % 2], butane[7 + p % 3]])
        assert torsions(path[[0, -1]]) == pytest.approx(torsions(ends), abs=1e-3)
        assert np.diff(path.time) == pytest.approx(1.0)


def test_paths_between_two_wells_cross_once_more_often_than_not(surrogate, butane):
    well = np.sign(torsions(butane))
    left, right = butane[well < 0][:20], butane[well > 0][:20]
    paths = surrogate.interpolate(left, right, LONGEST, n_paths=100, seed=3)
    crossings = np.array([np.abs(np.diff(np.sign(torsions(path)))).sum() / 2 for path in paths.chains()])
    assert (crossings % 2 == 1).all()
    assert (crossings == 1).mean() > 0.7


def test_the_place_of_the_crossing_is_evenly_spread(surrogate, butane):
    """A memoryless hop is equally likely in any interval; a straight line between the ends would hop in the middle."""
    well = np.sign(torsions(butane))
    paths = surrogate.interpolate(butane[well < 0][:50], butane[well > 0][:50], LONGEST, n_paths=400, seed=4)
    signs = np.array([np.sign(torsions(path)) for path in paths.chains()])
    once = signs[np.abs(np.diff(signs)).sum(axis=1) == 2]
    share = np.bincount(np.abs(np.diff(once)).argmax(axis=1), minlength=LONGEST + 1) / len(once)
    assert share.min() > 0.08
    assert share.max() < 0.35


@pytest.mark.parametrize(("n_coarse", "factor"), [(2, 2), (7, 2), (8, 3), (2, 5), (9, 5)])
def test_an_upsampled_trajectory_keeps_the_frames_given(surrogate, butane, n_coarse, factor):
    coarse = butane[: n_coarse * factor : factor]
    fine = surrogate.upsample(coarse, factor).to_mdtraj()
    assert fine.n_frames == (n_coarse - 1) * factor + 1
    np.testing.assert_allclose(torsions(fine[::factor]), torsions(coarse), atol=1e-3)
    assert np.abs(torsions(fine)).max() < np.pi
    assert md.rmsd(fine, butane).max() < 0.2


def test_a_model_that_only_goes_forwards_refuses_to_bridge(butane):
    settings = tiny_settings(n_steps=5)
    flow = settings.flow.model_copy(update={"bridging": 0.0})
    surrogate = lam.Surrogate.fit(butane, settings=settings.model_copy(update={"flow": flow}))
    with pytest.raises(lam.InputError, match=r"flow\.bridging=0\.2"):
        surrogate.interpolate(butane[0], butane[1], 2)


@pytest.mark.parametrize("n_frames", [0, LONGEST + 1])
def test_paths_that_do_not_fit_into_a_window_are_refused(surrogate, butane, n_frames):
    with pytest.raises(lam.InputError, match="1 to 4"):
        surrogate.interpolate(butane[0], butane[1], n_frames)


@pytest.mark.parametrize("factor", ["x", 2.0, None])
def test_a_count_that_is_no_whole_number_is_refused_by_name(factor):
    with pytest.raises(lam.InputError, match=re.escape(f"factor={factor!r} must be a whole number")):
        check_whole(n_frames=np.int64(3), factor=factor)


def test_upsampling_by_a_word_is_refused_by_name():
    # In a process of its own: the checks of types in these tests would be first.
    code = (
        "import lamslide_md as lam, mdtraj as md; model = lam.load_pretrained('ala2'); first = model.systems[0]\n"
        "frames = md.Trajectory(first.reference_nm, first.topology)\n"
        "for ask in (lambda: model.upsample(frames, factor='x'), lambda: model.rollout(n_frames='many')):\n"
        "    try: ask()\n"
        "    except lam.InputError as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.splitlines() == ["factor='x' must be a whole number", "n_frames='many' must be a whole number"]


def test_every_task_takes_the_same_options_for_drawing_windows():
    assert set(SamplingOptions.__annotations__) == {field.name for field in fields(Sampling)}
    with pytest.raises(lam.InputError, match="unknown solver 'rk9'"):
        Sampling(solver="rk9")
    with pytest.raises(lam.InputError, match="n_solver_steps=0 must be at least 1"):
        Sampling(n_solver_steps=0)


def test_a_coarse_trajectory_of_another_interval_is_refused(surrogate, butane):
    with pytest.raises(lam.InputError, match="stride the trajectory to 3 ps"):
        surrogate.upsample(butane[::2], 3)
    with pytest.raises(lam.InputError, match="2 to 5 intervals"):
        surrogate.upsample(butane[::6], 6)
