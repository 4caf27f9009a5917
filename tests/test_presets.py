"""Presets: one registry, reached from Python and the command line alike, in which old names mean what they did."""

import json
from pathlib import Path

import pytest

import lamslide_md as lam
from lamslide_md.cli.app import run
from lamslide_md.config import BUDGETS, PRESETS, TASKS, forecast_settings, preset_settings
from tests.small import shivering_peptide

STORED = json.loads((Path(__file__).parent / "stored" / "presets.json").read_text())
"""Dumps of all presets as they were at commit 2e6e4b4."""


@pytest.mark.parametrize("name", STORED)
def test_names_of_before_give_the_settings_of_before(name):
    task, _, budget = name.partition("/")
    settings = forecast_settings(task, budget) if budget else preset_settings(name)
    dumped = settings.model_dump(mode="json")
    later = {"whitened": False, "code_width": None}
    assert {key: dumped["flow"].pop(key) for key in later} == later  # there were none
    dumped["flow"].pop("map")  # is learned from what is trained as before
    assert dumped == STORED[name]


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("quick", "molecule-quick"),
        ("standard", "molecule-standard"),
        ("peptide", "peptide-quick"),
        ("protein", "protein-quick"),
        ("paper", "peptide-paper"),
    ],
)
def test_a_short_name_is_that_of_a_domain_and_a_budget(short, long):
    assert preset_settings(short) == preset_settings(long)


def test_forecasts_of_every_task_and_budget_are_presets():
    assert set(TASKS) == {"md17", "charges", "pedestrians", "basketball"}
    for task in TASKS:
        for budget in BUDGETS:
            assert preset_settings(f"{task}-{budget}") == forecast_settings(task, budget)
    assert forecast_settings("nbody", "paper") == preset_settings("charges-paper")


def test_every_name_is_of_a_budget_or_short():
    assert {name.rpartition("-")[2] for name in PRESETS if "-" in name} == set(BUDGETS)
    assert [name for name in PRESETS if "-" not in name] == ["quick", "peptide", "protein", "standard", "paper"]


def test_an_unknown_preset_is_refused_with_all_that_there_are(tmp_path, capsys):
    with pytest.raises(lam.InputError, match=r"unknown preset 'charges/quick'; choose one of quick, .*charges-quick"):
        lam.Surrogate.fit([], preset="charges/quick")
    trajectory = shivering_peptide("AG", 5)
    trajectory.save_pdb(str(tmp_path / "a.pdb"))
    command = ["train", str(tmp_path / "a.pdb"), "--preset", "huge", "--out", str(tmp_path / "m.lamslide")]
    assert run(command) == 2
    assert "unknown preset 'huge'; choose one of" in capsys.readouterr().err


def test_python_and_the_command_line_reach_the_same_preset(tmp_path, monkeypatch, capsys):
    quick = preset_settings("md17-quick").model_dump()
    for stage in ("autoencoder", "flow"):
        quick[stage]["optimisation"] |= {"n_steps": 2, "batch_size": 4}
    small = lam.Settings.model_validate(quick)
    monkeypatch.setitem(PRESETS, "md17-quick", small)
    trajectory = shivering_peptide("AG", 60)
    trajectory.time *= small.frame_interval_ps
    assert lam.Surrogate.fit(trajectory, preset="md17-quick").settings == small
    trajectory.save_xtc(str(tmp_path / "a.xtc"))
    trajectory[0].save_pdb(str(tmp_path / "a.pdb"))
    out = tmp_path / "m.lamslide"
    interval = ["--data-interval-ps", str(small.frame_interval_ps)]
    assert run(["train", str(tmp_path / "a.xtc"), "--preset", "md17-quick", *interval, "--out", str(out)]) == 0
    capsys.readouterr()
    loaded = lam.Surrogate.load(out)
    assert (loaded.settings, loaded.provenance["preset"]) == (small, "md17-quick")


def test_settings_systems_and_trajectories_of_points_are_exported():
    assert {"Settings", "System", "PointTrajectory"} < set(lam.__all__)
    assert [getattr(lam, name).__name__ for name in lam.__all__] == lam.__all__
