"""Names with whatever a file system allows: in figures, reports and the terminal, in files, and with their endings."""

import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import lamslide_md as lam
from lamslide_md.analysis.report.figures import label, png
from lamslide_md.analysis.report.table_html import table_html
from lamslide_md.analysis.report.templates import templates
from lamslide_md.analysis.table import tabulate
from lamslide_md.cli.app import run
from lamslide_md.cli.sidecars import sidecar_topology
from lamslide_md.errors import InputError, printable
from lamslide_md.io.outputs import check_model_name, check_outputs
from lamslide_md.io.writers import TrajectoryWriter

STORED = Path(__file__).parent / "stored" / "format_1.lamslide"
NAMES = [
    r"$\frac{x$",
    r"a_b^c$\alpha$",
    "$",
    "$$",
    r"\$x\$",
    "back\\slash",
    "new\nline",
    "esc\x1b[31m",
    "\u202ertl",
    "n" * 300,
    "é漢字🧬",
    "half\udcff",
    "{x}%s{0}",
    "<script>&",
    "_under",
]


def comparison(value):
    kind = {"key": "js", "label": r"distance $\frac{x$", "unit": "$"}
    row = {"kind": kind, "rollout": value, "floor": 0.1, "ratio": 2.0, "note": None}
    return {"format_version": 1, "measures": [row]}


def test_any_name_is_drawn_and_tabulated():
    table = tabulate({name: comparison(0.1 + 0.01 * place) for place, name in enumerate(NAMES)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = table_html(table)
    assert text.encode().decode() == text
    assert text.count("data:image/png;base64,") == 1
    assert "<script>&" not in text
    assert not re.search("[\x1b\u202e\udcff]", text)


@pytest.mark.parametrize("name", NAMES)
def test_a_label_shows_the_name_and_no_formula(name):
    figure = Figure()
    shown = figure.text(0, 0, label(name))
    text, is_formula = shown._preprocess_math(shown.get_text())
    assert not is_formula
    assert "\n" not in text
    assert len(text) <= 40
    if printable(name) == name and len(name) < 40 and "\n" not in name:
        assert text == name
    assert png(figure).startswith("data:image/png;base64,")


def test_what_is_no_character_is_written_as_an_escape():
    assert printable("a\x1b[31m\u202eb\udcff\r") == r"a\x1b[31m\u202eb\udcff\r"
    assert printable("Å ± é漢字🧬\n\tx") == "Å ± é漢字🧬\n\tx"
    page = templates().from_string("{{ name }}").render(name="a\x1b<b>")
    assert page == r"a\x1b&lt;b&gt;"


@pytest.mark.parametrize("name", [r"$\frac{x$", "esc\x1b[31m\nnew", "\u202ehalf\udcff", "é漢字", "{x}%s{0}"])
def test_a_rollout_of_any_name_is_written_and_read_and_told_without_control_characters(name, tmp_path, capsys):
    for ending in ("xtc", "h5"):
        path = tmp_path / f"{name}{ending}.{ending}"
        assert run(["rollout", str(STORED), "--frames", "3", "--chains", "2", "--out", str(path)]) == 0
        told = capsys.readouterr()
        assert not re.search("[\x1b\u202e\udcff]", told.out.replace("\x1b[0m", ""))
        assert f"{ending}: 2 chain(s) of 3 frames" in told.out
        chains = lam.read(path, path.with_suffix(".pdb"), check_bonds=False)
        assert [chain.n_frames for chain in chains] == [3, 3]


@pytest.mark.parametrize("ending", ["XTC", "Trr", "DCD", "NC", "H5", "PDB", "GRO", "CIF", "TRAJ", "EXTXYZ", "PDB.GZ"])
def test_an_ending_in_upper_case_is_that_of_lower_case(ending, tmp_path):
    upper, lower = tmp_path / "up" / f"a.{ending}", tmp_path / "low" / f"a.{ending.lower()}"
    surrogate = lam.Surrogate.load(STORED)
    for path in (upper, lower):
        surrogate.rollout(n_frames=3, n_chains=2, seed=1).save(path)
    assert sorted(p.name.lower() for p in upper.parent.iterdir()) == sorted(p.name for p in lower.parent.iterdir())
    tops = [sidecar_topology(path) for path in (upper, lower)]
    read = [lam.read(path, top, check_bonds=False) for path, top in zip((upper, lower), tops, strict=True)]
    np.testing.assert_array_equal(read[0][1].xyz, read[1][1].xyz)
    manifests = [json.loads((path.parent / (path.stem + ".json")).read_text()) for path in (upper, lower)]
    assert manifests[0]["n_frames"] == manifests[1]["n_frames"] == 6


def test_a_topology_beside_a_trajectory_is_found_in_upper_case(tmp_path):
    (tmp_path / "A.PDB").write_text("END\n")
    assert sidecar_topology(tmp_path / "A.XTC") == tmp_path / "A.PDB"


def test_a_writer_knows_formats_in_upper_case(tmp_path, butane):
    frames = butane[:5]
    for name in ("A.DCD", "é.H5"):
        with TrajectoryWriter(tmp_path / name, frames.topology) as writer:
            writer.write(frames.xyz, frames.time.astype(float))
        read = lam.read(tmp_path / name, frames.topology, frame_interval_ps=1.0, check_bonds=False)
        np.testing.assert_allclose(read.xyz, frames.xyz, atol=1e-5)


def test_a_model_in_upper_case_is_a_model(tmp_path, capsys):
    check_model_name(tmp_path / "M.LAMSLIDE")
    (tmp_path / "M.LAMSLIDE").write_bytes(STORED.read_bytes())
    assert run(["info", str(tmp_path / "M.LAMSLIDE"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == STORED.stat().st_size


@pytest.mark.parametrize("length", [216, 250, 300, 5000])
def test_a_name_that_leaves_no_room_is_refused_before_anything_is_computed(length, tmp_path, capsys):
    path = tmp_path / ("n" * (length - 4) + ".xtc")
    assert run(["rollout", str(STORED), "--frames", "3", "--out", str(path)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    with pytest.raises(InputError, match=f"its name has {length} bytes, 215 at most"):
        check_outputs("train", {"--out": path})
    assert not list(tmp_path.iterdir())


def test_many_outputs_are_checked_in_a_moment(tmp_path):
    names = {f"{n}": tmp_path / f"{n}.xtc" for n in range(3000)}
    check_outputs("simulate", names)
    (tmp_path / "a").write_text("")
    os.link(tmp_path / "a", tmp_path / "b")
    with pytest.raises(InputError, match="one and two are the same file"):
        check_outputs("simulate", {"one": tmp_path / "a", "two": tmp_path / "b"}, overwrite=True)


def test_a_terminal_of_another_encoding_ends_no_command(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(comparison(0.2)))
    (tmp_path / "漢.json").write_text(json.dumps(comparison(0.3)))
    told = subprocess.run(
        [sys.executable, "-m", "lamslide_md", "table", "a.json", "漢.json"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "latin-1", "PYTHONPATH": str(Path(lam.__file__).parents[1])},
        capture_output=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert b"\\u6f22" in told.stdout
