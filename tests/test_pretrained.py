"""The models that ship: small, described, and as good as bonds can tell."""

import json

import mdtraj as md
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.cli.app import run
from lamslide_md.models.weights import n_parameters
from lamslide_md.pretrained import pretrained_names, pretrained_path
from tests.small import shivering_peptide

NAMES = pretrained_names()
ONE_MOLECULE = {"ala2", "AGVD", "SVFA"}


def test_alanine_dipeptide_two_tetrapeptides_and_a_model_of_many_ship():
    assert set(NAMES) == {*ONE_MOLECULE, "peptides"}


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_small_and_its_card_tells_data_floor_and_limits(name):
    path = pretrained_path(name)
    flow_map = lam.load_pretrained(name).flow.map
    # Both stages as before there were maps, whose weights of two bytes each come on top.
    of_map = 0 if flow_map is None else 2 * n_parameters(flow_map)
    assert path.stat().st_size - of_map < 6e6
    assert path.stat().st_size < 7e6
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    for word in ("floor (MD)", "## Limits", "lamslide train", f"benchmarks/pretrained.py {name}"):
        assert word in card


@pytest.mark.parametrize("name", NAMES)
def test_a_model_rolls_out_sound_structures_at_once(name):
    model = lam.load_pretrained(name)
    start = "reference" if name in ONE_MOLECULE else shivering_peptide("DGVA", 1, spread=0)
    rollout = model.rollout(start, n_frames=30, n_chains=4, seed=1).to_mdtraj()
    assert rollout.n_frames == 120
    bonds = np.array([[a.index, b.index] for a, b in rollout.topology.bonds])
    lengths_nm = md.compute_distances(rollout, bonds, periodic=False)
    assert lengths_nm.min() > 0.11
    assert lengths_nm.max() < 0.18
    psi = md.compute_psi(rollout, periodic=False)[1]
    assert psi.std() > 0.2


def test_a_name_that_does_not_ship_is_refused_with_those_that_do():
    with pytest.raises(lam.InputError, match=r"no pretrained model 'ala3'; there are .*ala2"):
        lam.load_pretrained("ala3")


def test_the_command_lists_the_models_and_shows_a_card(capsys):
    assert run(["models"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in NAMES)
    assert run(["models", "ala2"]) == 0
    assert "# ala2: Alanine dipeptide" in capsys.readouterr().out
    assert run(["models", "--json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)["models"]] == NAMES
    assert run(["models", "ala3"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_commands_take_the_name_of_a_model(tmp_path, capsys):
    start = lam.load_pretrained("ala2").rollout(n_frames=2, n_chains=1, seed=1).to_mdtraj()
    for frame, name in ((start[0], "start.pdb"), (start[1], "end.pdb")):
        frame.save_pdb(str(tmp_path / name))
    ends = ["--start", str(tmp_path / "start.pdb"), "--end", str(tmp_path / "end.pdb")]
    out = tmp_path / "paths.xtc"
    assert run(["interpolate", "ala2", *ends, "--frames", "5", "--paths", "3", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_frames_per_path"] == 7
    paths = lam.read(out, out.with_suffix(".pdb"))
    assert [path.n_frames for path in paths] == [7, 7, 7]
    assert run(["rollout", "ala2", "--frames", "5", "--out", str(tmp_path / "rollout.xtc")]) == 0
    assert run(["rollout", "ala3", "--frames", "5", "--out", str(tmp_path / "rollout.xtc")]) == 2
    assert "pretrained" in capsys.readouterr().err
