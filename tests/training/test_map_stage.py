"""The map is learned from the flow, exactly goes on, and is what rollouts ask where it is as good."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

import lamslide_md as lam
from lamslide_md.cli.settings_changes import with_changes
from lamslide_md.config import MapSettings, Optimisation
from lamslide_md.flow.data_solvers import Ddim
from lamslide_md.flow.solvers import solver_of
from lamslide_md.io.interrupts import RolloutInterrupted
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.sampling.settings import Sampling
from tests.small import tiny_settings


def with_map(n_steps, flow_steps, **changes):
    settings = tiny_settings(n_steps=min(flow_steps, 60))
    settings = with_changes(settings, [f"flow.optimisation.n_steps={flow_steps}"])
    optimisation = Optimisation(n_steps=n_steps, batch_size=32, learning_rate=2e-3, warmup_steps=10, ema_decay=0.98)
    flow = settings.flow.model_copy(update={"map": MapSettings(optimisation=optimisation, **changes)})
    return settings.model_copy(update={"flow": flow})


@pytest.fixture(scope="module")
def asked():
    """Solvers by which the flow's noise was carried in the training of `model`."""
    return []


@pytest.fixture(scope="module")
def model(butane, asked):
    patch, carried = pytest.MonkeyPatch(), LatentFlow.carried

    def noted(self, known, context, solver, noise):
        asked.append(type(solver).__name__)
        return carried(self, known, context, solver, noise)

    patch.setattr(LatentFlow, "carried", noted)
    made = lam.Surrogate.fit(butane, settings=with_map(n_steps=250, flow_steps=300))
    patch.undo()
    return made


def distance(model, solver, other):
    """Root mean square between frames of two solvers that begin with the same noise, nm."""
    one, two = (
        model.rollout(n_frames=5, n_chains=50, seed=4, constrain=False, **how).points_nm() for how in (solver, other)
    )
    return float(np.sqrt(np.square(one - two).mean()))


def test_it_is_nearer_to_the_end_of_the_path_than_the_flow_asked_once(model):
    exact = {"solver": "heun", "n_solver_steps": 20}
    # What the flow predicts at the beginning of its path is the data's mean.
    asked_once = distance(model, {"solver": "ddim", "n_solver_steps": 1}, exact)
    assert distance(model, {"solver": "map"}, exact) < 0.4 * asked_once


def test_the_flow_is_asked_for_a_batch_once_for_the_times_that_it_is_used(model, asked):
    # 250 steps that use each batch eight times, and eight batches by which the error is measured.
    assert 20 < asked.count("Heun") <= -(-250 // 8) + 8


def test_the_error_is_that_of_fresh_batches(model, butane):
    error = float(model.flow.map.error)
    assert 0 < error < 0.15
    assert model.flow.map.is_trusted == (error <= 0.1)
    assert model.provenance["training_s"]["map"] > 0
    counts = model.provenance["n_parameters"]
    assert counts["map"] == counts["flow"]


def test_rollouts_ask_a_map_that_is_as_good_and_say_so(butane):
    model = lam.Surrogate.fit(butane, settings=with_map(n_steps=2, flow_steps=2))
    model.flow.map.error.fill_(0.05)
    facts = model.rollout(n_frames=2).facts
    assert (facts["solver"], facts["n_solver_steps"]) == ("map", 2)
    facts = model.rollout(n_frames=2, solver="heun").facts
    assert (facts["solver"], facts["n_solver_steps"]) == ("heun", 5)
    model.flow.map.error.fill_(0.5)
    assert model.rollout(n_frames=2).facts["solver"] == "heun"
    assert Sampling(n_solver_steps=3).chosen(model.flow.map).n_solver_steps == 3


def test_without_a_map_there_is_none_to_ask(butane):
    model = lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=5))
    assert model.rollout(n_frames=2).facts["solver"] == "heun"
    with pytest.raises(lam.InputError, match="solver=map: this model has no map; leave the solver out, or learn one"):
        model.rollout(n_frames=2, solver="map")


def test_a_saved_model_has_the_same_map(model, tmp_path):
    loaded = lam.Surrogate.load(model.save(tmp_path / "m.lamslide"))
    assert torch.equal(loaded.flow.map.error, model.flow.map.error)
    one, two = (m.rollout(n_frames=3, solver="map", seed=1).points_nm() for m in (model, loaded))
    np.testing.assert_array_equal(one, two)


def test_a_rollout_of_the_map_goes_on_to_the_same_frames(model, tmp_path):
    rollout = model.rollout(n_frames=20, solver="map")
    whole = rollout.save(tmp_path / "whole.xtc")

    def windows(state):
        yield from itertools.islice(rollout.windows(state), 2)
        raise KeyboardInterrupt

    with pytest.raises(RolloutInterrupted):
        replace(rollout, windows=windows).save(tmp_path / "part.xtc")
    assert rollout.save(tmp_path / "part.xtc", resume=True).read_bytes() == whole.read_bytes()


class Stopped(Exception):
    """Ends a training."""


def test_a_training_that_goes_on_ends_with_the_same_map(butane, tmp_path, monkeypatch):
    settings = with_map(n_steps=40, flow_steps=5, n_uses=2)
    whole = lam.Surrogate.fit(butane, settings=settings)

    def stop(progress):
        if progress.phase == "map" and progress.done >= 17:
            raise Stopped

    monkeypatch.setattr("lamslide_md.training.trainer.Trainer.checkpoint_interval_s", 0.0)
    monkeypatch.setattr("lamslide_md.training.trainer.Trainer._reported_s", -1e9)
    with pytest.raises(Stopped):
        lam.Surrogate.fit(butane, settings=settings, checkpoint_dir=tmp_path, on_progress=stop)
    done = []
    resumed = lam.Surrogate.fit(butane, settings=settings, checkpoint_dir=tmp_path, on_progress=done.append)
    assert "map" in {p.phase for p in done}
    for name, tensor in whole.flow.state_dict().items():
        assert torch.equal(tensor, resumed.flow.state_dict()[name]), name


def test_a_map_of_its_own_sizes_is_smaller(butane):
    model = lam.Surrogate.fit(butane, settings=with_map(n_steps=3, flow_steps=3, tokens="windows", depth=0))
    counts = model.provenance["n_parameters"]
    assert counts["map"] < counts["flow"]
    assert isinstance(solver_of("map"), Ddim)
    assert np.isfinite(model.rollout(n_frames=3, solver="map").points_nm()).all()


@pytest.mark.parametrize(
    ("flow_depth", "map_depth", "pairs"), [(3, 2, {0: 0, 1: 2}), (2, 3, {0: 0, 2: 1}), (3, 1, {0: 0})]
)
def test_a_map_of_more_levels_or_fewer_begins_with_levels_of_the_flow(butane, flow_depth, map_depth, pairs):
    settings = with_changes(with_map(n_steps=1, flow_steps=30, depth=map_depth), [f"flow.depth={flow_depth}"])
    flow = lam.Surrogate.fit(butane, settings=settings).flow
    moved = 2 * settings.flow.map.optimisation.learning_rate
    for blocks in (flow.map.over_latents, flow.map.over_frames):
        assert len(blocks) == map_depth
        for level, block in enumerate(blocks):
            if level in pairs:
                theirs = getattr(flow, "over_frames" if blocks is flow.map.over_frames else "over_latents")
                for one, other in zip(block.parameters(), theirs[pairs[level]].parameters(), strict=True):
                    torch.testing.assert_close(one, other, rtol=0, atol=moved)
            else:
                # Its gate is closed: it passes on what it is given.
                assert block.modulation.weight.abs().max() <= moved


def test_a_flow_that_predicts_noise_has_no_map():
    settings = with_map(1, 1)
    with pytest.raises(ValueError, match="a map needs prediction=data or velocity"):
        type(settings.flow).model_validate(settings.flow.model_dump() | {"prediction": "noise"})
