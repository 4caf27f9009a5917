"""Every block of the documentation runs, page by page, each in a folder of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
WORKFLOWS = DOCS.with_name("workflows")
"""Whose readers and simulators pages show."""
PAGES = sorted(page for page in DOCS.rglob("*.md") if re.search(r"^```(bash|python)$", page.read_text(), re.MULTILINE))
LONG = ("tutorial.md", "index.md", "howto/command.md", "howto/paths.md", "howto/python.md")
"""Pages of which each takes a quarter of a minute and more; `.ci/run` runs them after `make test`."""
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def python_so_far(gathered):
    """Blocks that follow one another share their names."""
    return [f"python - <<'END_OF_BLOCK'\n{gathered}\nEND_OF_BLOCK"] if gathered else []


def named(page):
    """A page by its name, slow if it is long."""
    name = str(page.relative_to(DOCS))
    return pytest.param(page, id=name, marks=[pytest.mark.slow] if name in LONG else [])


@pytest.mark.parametrize("page", [named(page) for page in PAGES])
def test_the_blocks_of_a_page_run_one_after_another(page, tmp_path):
    script, gathered = ["set -e", f'PATH="{Path(sys.executable).parent}:$PATH"'], ""
    for language, block in BLOCK.findall(page.read_text(encoding="utf-8")):
        if language == "bash":
            # What Python has made by then is there for the shell.
            script += [*python_so_far(gathered), block]
            gathered = ""
        else:
            gathered += block
    script += python_so_far(gathered)
    there = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(WORKFLOWS), os.environ.get("PYTHONPATH"))))}
    command = ["bash", "-c", "\n".join(script)]
    told = subprocess.run(command, cwd=tmp_path, env=there, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("mkdocs")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    told = subprocess.run(build, cwd=DOCS.parent, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-2000:]
    assert "LatentDynamics" in (tmp_path / "api" / "index.html").read_text(encoding="utf-8")


def test_every_promise_names_a_test_that_there_is():
    tests, named = DOCS.with_name("tests"), set()
    for line in (DOCS / "promises.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith("| promised"):
            found = re.findall(r"`([\w/]+\.py)::(test_\w+)`", line)
            assert found, line
            named |= set(found)
    for file, name in named:
        assert re.search(rf"^def {name}\(", (tests / file).read_text(encoding="utf-8"), re.MULTILINE), name
    assert len(named) > 30
