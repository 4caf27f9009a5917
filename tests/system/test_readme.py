"""Every block of the README runs: with a dipeptide for the tetrapeptide, fewer frames and a training of seconds."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from lamslide_md import config
from lamslide_md.cli.app import run
from lamslide_md.cli.settings_changes import changed_settings
from tests.conftest import SMALL

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")

SMALLER = {
    "10_000": "30",
    "n_frames=500": "n_frames=20",
    "--frames 10000": "--frames 30",
    "--frames 500": "--frames 20",
    "--ns 20": "--ns 0.2",
    "simulate AGVD": "simulate AG",
}


def blocks(language):
    found = re.findall(rf"^```{language}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert found, language
    for old, new in SMALLER.items():
        found = [block.replace(old, new) for block in found]
    return found


@pytest.fixture
def folder(dipeptide, tmp_path, monkeypatch):
    """A working folder as `make demo` leaves it, in small."""
    shutil.copytree(dipeptide, tmp_path / "runs" / "AGVD")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(config.PRESETS, "peptide", changed_settings("peptide", SMALL[1::2]))
    return tmp_path


def test_the_python_blocks_run_one_after_another(folder, capsys):
    names = {}
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), names)
    assert "rollout/MD" in capsys.readouterr().out
    for file in ("AGVD.lamslide", "rollout.xtc", "rollout.pdb", "rollout.traj", "report.html"):
        assert (folder / file).stat().st_size > 0


def test_the_commands_run_one_after_another(folder, capsys):
    shutil.rmtree(folder / "runs")
    lines = [line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines()]
    assert [shlex.split(line)[1] for line in lines] == ["simulate", "train", "rollout", "compare"]
    for line in lines:
        name, *arguments = shlex.split(line)
        assert name == "lamslide"
        assert run(arguments) == 0, capsys.readouterr().err
    for file in ("AGVD.lamslide", "rollout.xtc", "report.html"):
        assert (folder / file).stat().st_size > 0


def test_the_make_targets_and_files_that_are_named_exist():
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    named = set(re.findall(r"\bmake ([a-z]+)\s+#", TEXT))
    assert named == {"demo", "test"}
    assert named <= set(targets)
    for path in re.findall(r"\b((?:benchmarks|workflows)/[a-z0-9_]+\.py)", TEXT):
        assert (ROOT / path).is_file(), path
    for path in re.findall(r"\]\(((?!https?:)[^)#]+)", TEXT):
        assert (ROOT / path).exists(), path


def test_it_is_short_and_its_lines_are_not_long():
    lines = TEXT.splitlines()
    assert len(lines) <= 110
    assert max(len(line) for line in lines) <= 120
