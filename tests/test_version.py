"""The version stands in one place, and what repeats it agrees."""

import re
import tomllib
from pathlib import Path

import lamslide_md
from lamslide_md.cli.app import run

ROOT = Path(__file__).parents[1]
VERSION = lamslide_md.__version__


def test_the_command_tells_the_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"lamslide {VERSION}\n"


def test_the_project_reads_the_version_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "lamslide_md.__version__"}


def test_the_newest_changes_and_the_citation_are_those_of_this_version():
    newest = re.search(r"^## (\S+) \((\d{4}-\d{2}-\d{2})\)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert newest.group(1) == VERSION
    assert f"\nversion: {VERSION}\n" in citation
    assert f"\ndate-released: {newest.group(2)}\n" in citation
