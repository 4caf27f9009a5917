import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path for folder in ("benchmarks", "workflows") for path in (ROOT / folder).glob("*.py"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_a_script_imports_from_the_package_is_there(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "lamslide_md":
            module = import_module(node.module)
            missing = [
                alias.name
                for alias in node.names
                if not hasattr(module, alias.name) and find_spec(f"{node.module}.{alias.name}") is None
            ]
            assert not missing, f"{node.module} has no {', '.join(missing)}"


PRIVATE_NAMES = {
    *("Series", "Recording", "Repertoire", "FirstStage", "PointModel", "WindowModel", "SingleChain", "Place", "Engine"),
    *("Restart", "KnownFrames", "Phases", "Ledger", "Side", "Names", "landscape", "judge", "judgement"),
    *("told", "told_frames", "known_frames", "as_seen", "pieces", "hands", "turned_over", "pose", "beside"),
}
"""Names that mean something to the authors alone; the field has words for what they stood for."""


@pytest.mark.parametrize("folder", ["lamslide_md", "workflows"])
def test_no_class_function_argument_or_variable_has_a_private_name(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = {getattr(node, "name", None), getattr(node, "arg", None)}
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.id if isinstance(node, ast.Name) else node.attr)
            private = {name for name in names if isinstance(name, str)} & PRIVATE_NAMES
            assert not private, f"{path.relative_to(ROOT)}:{node.lineno} defines {', '.join(private)}"
