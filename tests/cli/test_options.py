import json
import os
import re
import shlex
import subprocess
import sys

import pytest
import typer

from lamslide_md.cli import sampling_options
from lamslide_md.cli import train as train_command
from lamslide_md.cli.app import EXAMPLES, app, run
from lamslide_md.config import PRESETS, preset_settings
from lamslide_md.errors import InputError
from lamslide_md.flow import solvers


def parse(command, arguments):
    """Parameters of a command as it would be called with."""
    group = typer.main.get_command(app)
    return group.commands[command].make_context(command, list(arguments)).params


@pytest.mark.parametrize("line", [line for examples in EXAMPLES.values() for line in examples])
def test_every_example_of_the_help_can_be_parsed(line):
    name, command, *arguments = shlex.split(line)
    assert name == "lamslide"
    parse(command, arguments)


@pytest.mark.parametrize("command", [function.__name__ for function in EXAMPLES])
def test_help_of_each_command_shows_its_examples(command, capsys):
    assert run([command, "--help"]) == 0
    assert f"lamslide {command}" in capsys.readouterr().out


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from lamslide_md.cli.app import run; run(['train', '--help']);"
        "print(sorted({'torch', 'mdtraj', 'openmm', 'ase', 'scipy', 'deeptime', 'numpy'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.rstrip().endswith("[]")


def test_what_the_shell_completes_is_what_there_is():
    assert train_command.complete_preset("") == list(PRESETS)
    assert tuple(solvers.SOLVERS) == sampling_options.SOLVERS


@pytest.mark.parametrize(
    ("typed", "names"), [("st", "standard"), ("charges-", "charges-quick charges-standard charges-paper")]
)
def test_the_shell_completes_presets(typed, names):
    environment = os.environ | {
        "_LAMSLIDE_COMPLETE": "complete_bash",
        "COMP_WORDS": f"lamslide train --preset {typed}",
        "COMP_CWORD": "3",
    }
    told = subprocess.run(
        [sys.executable, "-m", "lamslide_md"], env=environment, capture_output=True, text=True, check=False
    )
    assert told.stdout.split() == names.split()


def test_settings_change_by_their_path_and_nothing_else_changes():
    settings = train_command.changed_settings("quick", ["flow.optimisation.n_steps=7", "atoms=all"])
    expected = preset_settings("quick").model_dump()
    expected["flow"]["optimisation"]["n_steps"] = 7
    expected["atoms"] = "all"
    assert settings.model_dump() == expected


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("flow.optimisation.n_step=7", "no such setting"),
        ("flow.optimisation.n_steps", "no such setting"),
        ("atoms.n_steps=7", "no such setting"),
        ("flow.optimisation.n_steps=-7", r"flow.optimisation.n_steps=-7: .*greater than 0"),
        ("placement=local", r"^--set: .*placement=local sees residues.*autoencoder.entities=residues \(not atoms\)"),
    ],
)
def test_impossible_settings_are_named(change, complaint):
    with pytest.raises(InputError, match=complaint):
        train_command.changed_settings("quick", [change])


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("run.toml", '[rollout]\nframes = 7\nsolver-steps = 3\nout = "a.xtc"\n'),
        ("run.json", '{"rollout": {"frames": 7, "solver_steps": 3, "out": "a.xtc"}}'),
    ],
)
def test_a_file_gives_defaults_and_flags_win(tmp_path, file, text):
    (tmp_path / file).write_text(text)
    params = parse("rollout", ["a.lamslide", "--config", str(tmp_path / file), "--frames", "9"])
    assert (params["frames"], params["solver_steps"], str(params["out"])) == (9, 3, "a.xtc")


def test_nested_settings_of_a_file_are_those_of_set_flags(tmp_path):
    (tmp_path / "run.toml").write_text('train.trajectories = ["a.xtc"]\n[train.set.flow.optimisation]\nn_steps = 7\n')
    params = parse("train", ["--config", str(tmp_path / "run.toml"), "--out", "a.lamslide"])
    assert list(params["set_"]) == ["flow.optimisation.n_steps=7"]
    assert [str(path) for path in params["trajectories"]] == ["a.xtc"]


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("run.toml", "[rollout]\nfrmes = 7\n", r"\[rollout\] has frmes"),
        ("run.toml", "[rollout\n", "cannot be read"),
        ("run.toml", "frames = 7\n", "one section for each command"),
        ("run.txt", "", "takes a .toml"),
        ("run.json", "[]", "one section for each command"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path, capsys, file, text, complaint):
    (tmp_path / file).write_text(text)
    assert run(["rollout", "a.lamslide", "--out", "a.xtc", "--config", str(tmp_path / file)]) == 2
    complained = capsys.readouterr().err
    assert complained.startswith("error: ")
    assert complained.count("\n") == 1
    assert re.search(complaint, complained)


def test_json_is_json(capsys):
    assert run(["info", "--json"]) == 0
    assert "Reference" in json.loads(capsys.readouterr().out)["openmm_platforms"]
