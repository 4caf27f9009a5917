"""The workflow in small: everything it leaves, and what a second run does."""

import contextlib
import importlib.util
import io
import json
from dataclasses import dataclass
from pathlib import Path

import mdtraj as md
import pytest

from tests.conftest import SMALL

SCRIPT = Path(__file__).parents[2] / "workflows" / "tetrapeptide.py"


@dataclass
class Completed:
    returncode: int
    stdout: str
    stderr: str


def run(out, sequence, *options):
    """Run the workflow in this process, as its command line would."""
    specification = importlib.util.spec_from_file_location("tetrapeptide", SCRIPT)
    workflow = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(workflow)
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = workflow.run([sequence, "--out", str(out), *map(str, options)])
    return Completed(code, stdout.getvalue(), stderr.getvalue())


def done_now(completed):
    """Stages that were not kept from an earlier run."""
    assert completed.returncode == 0, completed.stderr
    kept = {line.split(":")[0] for line in completed.stderr.splitlines() if line.endswith("done before, kept")}
    return [phase for phase in ("simulate", "train", "roll out", "compare") if phase not in kept]


SHORT = ("--ns", 0.2, "--equilibration-ps", 2, "--frames", 40, "--chains", 2, "--lag-ps", 10, *SMALL)
SHORT += ("--set", "flow.map.optimisation.n_steps=3")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    return out, run(out, "ag", *SHORT)


def test_one_command_leaves_everything_and_ends_with_the_table(first):
    out, completed = first
    assert done_now(completed) == ["simulate", "train", "roll out", "compare"]
    folder = out / "AG"
    for name in ("system.pdb", "rep1.xtc", "rep2.xtc", "AG.lamslide", "rollout.xtc", "report.html", "workflow.log"):
        assert (folder / name).stat().st_size > 0
    comparison = json.loads((folder / "comparison.json").read_text())
    assert "an independent MD replicate" in comparison["floor"]
    assert md.load(folder / "rollout.xtc", top=folder / "rollout.pdb").n_frames == 80
    for words in ("torsions, all", "MD floor", "rollout/MD", "rollout: ", "ns/s", "MD: "):
        assert words in completed.stdout


def test_each_long_phase_tells_the_remaining_time_or_its_end(first):
    _, completed = first
    for phase in ("simulate", "train autoencoder", "train flow", "train map", "roll out"):
        assert f"{phase}: 100 %  took " in completed.stderr


def test_run_again_it_does_nothing_and_ends_with_the_same_table(first):
    out, completed = first
    again = run(out, "AG", *SHORT)
    assert done_now(again) == []
    table = completed.stdout.rpartition("\n\n")[0]
    assert again.stdout.startswith(table)


def test_a_changed_setting_redoes_what_depends_on_it_and_nothing_else(first):
    out, _ = first
    assert done_now(run(out, "AG", *SHORT, "--lag-ps", 20)) == ["compare"]
    longer = run(out, "AG", *SHORT, "--set", "flow.optimisation.n_steps=50")
    assert done_now(longer) == ["train", "roll out", "compare"]
    # The first stage does not depend on the second's steps: it comes from its checkpoint.
    assert "train flow: 100 %" in longer.stderr
    assert "train autoencoder" not in longer.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("AGX",), "X"),
        (("AG", "--preset", "quik"), "unknown preset 'quik'"),
        (("AG", "--ns", "0.0001234"), "length_ps"),
        (("AG", "--frames", "many"), "--frames"),
    ],
)
def test_a_users_mistake_is_one_line_and_leaves_no_folder(tmp_path, arguments, complaint):
    completed = run(tmp_path / "runs", *arguments)
    assert completed.returncode == 2
    assert completed.stderr.startswith("error: ")
    assert completed.stderr.count("\n") == 1
    assert complaint in completed.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_tetrapeptide_with_the_default_settings_of_everything_but_length(tmp_path):
    changes = [*("--set", "autoencoder.optimisation.n_steps=1500"), *("--set", "flow.optimisation.n_steps=1500")]
    changes += ["--set", "flow.map.optimisation.n_steps=300"]
    completed = run(tmp_path, "AGVD", "--ns", 1, "--frames", 100, *changes)
    assert done_now(completed) == ["simulate", "train", "roll out", "compare"]
    measures = {
        m["kind"]["key"]: m for m in json.loads((tmp_path / "AGVD" / "comparison.json").read_text())["measures"]
    }
    # Better than a model that knows nothing (0.8 in the run of seconds above), far from the floor.
    assert measures["js_distance_torsions_all"]["rollout"] < 0.5
