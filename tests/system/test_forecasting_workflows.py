"""The forecasting workflows in small: everything they leave, and what a second run does."""

import contextlib
import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.config import TASKS, forecast_settings, without_latents
from lamslide_md.frames import from_settings
from tests.workflows.test_crowd_files import walkers, write_crowd, write_game

WORKFLOWS = Path(__file__).parents[2] / "workflows"
SMALL = [
    part
    for stage in ("autoencoder", "flow")
    for change in ("width=32", "optimisation.n_steps=20", "optimisation.batch_size=16")
    for part in ("--set", f"{stage}.{change}")
]
ROWS = ["last frame", "constant velocity", "LaM-SLidE", "flow on coordinates"]


def run(monkeypatch, name, *arguments):
    """Run a workflow in this process, as its command line would."""
    monkeypatch.syspath_prepend(str(WORKFLOWS))
    specification = importlib.util.spec_from_file_location(name, WORKFLOWS / f"{name}.py")
    workflow = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(workflow)
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = workflow.run([*map(str, arguments), *SMALL])
    return code, stdout.getvalue(), stderr.getvalue()


def read_rows(folder):
    assert (folder / "forecasts.png").stat().st_size > 10_000
    return json.loads((folder / "forecasts.json").read_text())["rows"]


def test_charged_particles_from_simulation_to_table_and_again(monkeypatch, tmp_path):
    options = ("--part", 0.005, "--samples", 2, "--solver-steps", 2, "--set", "flow.prior=white", "--out", tmp_path)
    code, table, complaint = run(monkeypatch, "nbody", *options)
    assert code == 0, complaint
    rows = read_rows(tmp_path / "quick")
    assert [row["model"] for row in rows] == ROWS
    rounding = 1e-9
    assert all(row["min_ade"] <= row["joint_ade"] + rounding <= row["ade"] + 2 * rounding for row in rows)
    assert rows[1]["ade"] < rows[0]["ade"]
    assert rows[2]["n_parameters"] > 0
    for name in ROWS:
        assert name in table
    models = sorted((tmp_path / "quick").glob("*.lamslide"))
    before = [path.stat().st_mtime_ns for path in models]
    code, _, complaint = run(monkeypatch, "nbody", *options)
    assert code == 0, complaint
    again = read_rows(tmp_path / "quick")
    assert [row["ade"] for row in again] == [row["ade"] for row in rows]
    assert [path.stat().st_mtime_ns for path in models] == before


def test_pedestrians_of_any_number_in_one_model(monkeypatch, tmp_path):
    data = tmp_path / "eth_ucy"
    data.mkdir()
    names = ("biwi_eth", "biwi_hotel", "students001", "students003", "uni_examples")
    for seed, name in enumerate((*names, "crowds_zara01", "crowds_zara02", "crowds_zara03")):
        write_crowd(data / f"{name}.txt", walkers(1 + seed % 4, 30, seed))
    options = ("hotel", "--data", data, "--samples", 2, "--solver-steps", 2, "--out", tmp_path)
    code, _, complaint = run(monkeypatch, "crowds", *options)
    assert code == 0, complaint
    rows = read_rows(tmp_path / "hotel" / "quick")
    assert rows[1]["ade"] == pytest.approx(0, abs=0.02)
    assert rows[2]["n_windows"] == 11


def test_a_game_in_metres(monkeypatch, tmp_path):
    for part in ("train", "test"):
        (tmp_path / "games" / part).mkdir(parents=True)
        write_game(tmp_path / "games" / part / "a.txt", walkers(11, 24))
    options = ("rebound", "--data", tmp_path / "games", "--samples", 2, "--solver-steps", 2, "--out", tmp_path)
    options += ("--set", "flow.prior=white")
    code, _, complaint = run(monkeypatch, "crowds", *options)
    assert code == 0, complaint
    rows = read_rows(tmp_path / "rebound" / "quick")
    paths = walkers(11, 24)
    away = np.linalg.norm(paths[:, 19] - paths[:, 7], axis=-1).mean() * 0.3048
    assert rows[0]["fde"] == pytest.approx(away, rel=1e-3)


def test_molecules_have_a_row_each_and_errors_in_angstrom(monkeypatch, tmp_path):
    generator = np.random.default_rng(0)
    for name, numbers in (("water", [8, 1, 1]), ("ammonia", [7, 1, 1, 1])):
        start = np.array([[0, 0, 0], [0.96, 0, 0], [-0.3, 0.92, 0], [-0.3, -0.3, 0.9]])[: len(numbers)]
        frames = start + 0.02 * generator.normal(size=(300, len(numbers), 3)).cumsum(axis=0)[::1] / 10
        np.savez(tmp_path / f"{name}.npz", R=frames, z=np.array(numbers), frame_interval_ps=0.005, made_of="a test")
    options = ("--data", tmp_path / "water.npz", "--data", tmp_path / "ammonia.npz", "--samples", 2)
    code, _, complaint = run(monkeypatch, "md17", *options, "--solver-steps", 2, "--windows", 5, "--out", tmp_path)
    assert code == 0, complaint
    rows = read_rows(tmp_path / "ammonia_water" / "quick")
    assert [row["set"] for row in rows] == ["", "ammonia", "water"] * 4
    model = lam.Surrogate.load(tmp_path / "ammonia_water" / "quick" / "LaM-SLidE.lamslide")
    assert model.settings.placement == "aligned"
    written = json.loads((tmp_path / "ammonia_water" / "quick" / "forecasts.json").read_text())
    assert written["title"] == "Small molecules, simulated: a stand-in for MD17"


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("md17", (), "nothing to learn from"),
        ("md17", ("--simulate", "unobtainium"), "no structure of 'unobtainium'; there are aspirin"),
        ("crowds", ("hotel", "--data", "nowhere"), "nowhere lacks"),
        ("crowds", ("rebound", "--data", "nowhere"), "nowhere has no folder train"),
        ("nbody", ("--preset", "huge"), "no preset 'huge' of 'nbody'"),
    ],
)
def test_mistakes_are_told_in_one_line(monkeypatch, name, arguments, complaint):
    code, _, told = run(monkeypatch, name, *arguments)
    assert code == 2
    assert complaint in told


@pytest.mark.parametrize("task", TASKS)
def test_every_preset_of_every_task_is_complete(task):
    for preset in ("quick", "standard", "paper"):
        settings = forecast_settings(task, preset)
        assert settings.flow.n_known == TASKS[task].n_context
        assert from_settings(settings.placement).windows.per_window


@pytest.mark.parametrize(("task", "n_entities"), [("nbody", 5), ("pedestrians", 10), ("md17", 21)])
def test_the_flow_on_coordinates_has_batches_of_as_many_tokens(task, n_entities):
    settings = forecast_settings(task, "quick")
    baseline = without_latents(settings, n_entities)
    assert baseline.autoencoder.latents == "coordinates"
    tokens = settings.autoencoder.n_latents * settings.flow.optimisation.batch_size
    of_baseline = n_entities * baseline.flow.optimisation.batch_size
    assert tokens - n_entities < of_baseline <= tokens
    assert baseline.flow.n_frames == settings.flow.n_frames
