"""Tables of figures are what the stored results give, and every stored result of a benchmark is in one."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tables():
    """The script that writes them, as a module of this test's own."""
    spec = importlib.util.spec_from_file_location("tables", ROOT / "benchmarks" / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "table"), [("docs/results.md", "shipped"), ("docs/clusters.md", "projects"), ("README.md", "shipped")]
)
def test_the_tables_of_a_page_are_what_the_results_give(tables, page, table):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert f"<!-- table {table} -->" in text
    assert tables.filled(text) == text, "run python benchmarks/tables.py"


def test_a_figure_that_was_changed_by_hand_is_put_right(tables):
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert tables.filled(re.sub(r"12 min", "2 min", text)) == text


def test_every_stored_result_is_in_a_table(tables, monkeypatch):
    stored = {path.stem for path in (ROOT / "benchmarks" / "results").glob("*.json")}
    read, used = tables.read, set()

    def watched(name):
        used.add(name)
        return read(name)

    monkeypatch.setattr(tables, "read", watched)
    for table in tables.TABLES.values():
        table()
    assert used == stored


def test_every_command_that_is_named_exists():
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    named = set(re.findall(r"python (benchmarks/\w+\.py)", text))
    assert len(named) >= 8
    for path in named:
        assert (ROOT / path).is_file(), path


def test_no_more_than_fourteen_scripts_are_kept():
    # Twelve, and those of proteins: their cost and their quality.
    assert len(list((ROOT / "benchmarks").glob("*.py"))) <= 14
