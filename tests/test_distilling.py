"""A model that has no map learns one from its own rollouts."""

import json

import numpy as np
import pytest
import torch

import lamslide_md as lam
from lamslide_md import distilling
from lamslide_md.cli.app import run
from lamslide_md.cli.settings_changes import with_changes
from lamslide_md.config import MapSettings, Optimisation
from tests.small import shivering_peptide, tiny_settings

FEW = MapSettings(optimisation=Optimisation(n_steps=12, batch_size=16, warmup_steps=5))


@pytest.fixture(autouse=True)
def few_frames(monkeypatch):
    monkeypatch.setattr(distilling, "N_FRAMES", 600)


@pytest.fixture(scope="module")
def model(butane):
    return lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=20))


def test_the_flow_stays_as_it_is_and_the_map_is_asked(model):
    made = lam.distil(model, settings=FEW)
    assert model.flow.map is None
    assert made.settings.flow.map == FEW
    assert made.provenance["distilled"]["seed"] == 0
    how = {"n_frames": 3, "solver": "heun"}
    np.testing.assert_array_equal(made.rollout(**how).points_nm(), model.rollout(**how).points_nm())
    assert np.isfinite(made.rollout(n_frames=3, solver="map").points_nm()).all()
    assert 0 < float(made.flow.map.error) < np.inf


def test_the_same_seed_makes_the_same_map_also_after_a_stop(model, tmp_path):
    seed = 2**62
    whole = lam.distil(model, settings=FEW, seed=seed)

    def stop(progress):
        if progress.phase == "map":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lam.distil(model, settings=FEW, seed=seed, checkpoint_dir=tmp_path, on_progress=stop)
    resumed = lam.distil(model, settings=FEW, seed=seed, checkpoint_dir=tmp_path)
    for name, tensor in whole.flow.map.state_dict().items():
        assert torch.equal(tensor, resumed.flow.map.state_dict()[name]), name


def test_a_model_of_many_systems_starts_from_their_references():
    settings = tiny_settings(n_steps=5, placement="local", entities="residues", n_latents=None)
    some = [shivering_peptide(sequence, 60) for sequence in ("GAS", "SG")]
    made = lam.distil(lam.Surrogate.fit(some, settings=settings), settings=FEW)
    assert made.rollout(some[1][0], n_frames=2, solver="map").points_nm().shape[2] == some[1].n_atoms


def test_a_command_does_it(model, tmp_path, capsys):
    given = model.save(tmp_path / "slow.lamslide")
    arguments = ["distil", given, "--out", tmp_path / "fast.lamslide", "--json"]
    arguments += ["--set", "flow.map.optimisation.n_steps=10", "--set", "flow.map.optimisation.batch_size=16"]
    assert run([str(argument) for argument in arguments]) == 0
    told = json.loads(capsys.readouterr().out)
    made = lam.Surrogate.load(tmp_path / "fast.lamslide")
    assert told["relative_error"] == pytest.approx(float(made.flow.map.error))
    assert made.settings.flow.map.optimisation.n_steps == 10
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["fast.distil.json", "fast.lamslide", "slow.lamslide"]


def test_a_seed_that_is_none_is_refused(model):
    with pytest.raises(lam.InputError, match="seed=-1"):
        lam.distil(model, seed=-1)


def test_the_usual_map_of_a_deep_flow_has_half_its_levels():
    for depth, own in ((1, None), (3, None), (4, 2), (5, 3)):
        settings = with_changes(tiny_settings(), [f"flow.depth={depth}"])
        assert distilling.with_map(settings).flow.map.depth == own
        assert distilling.with_map(settings, FEW).flow.map.depth is None
