"""What is told of models without loading them."""

import json
import subprocess
import sys
import time

import pytest

from lamslide_md.cli.app import run
from lamslide_md.errors import InputError
from lamslide_md.io.header_file import read_header
from lamslide_md.pretrained import pretrained_names, pretrained_path
from tests.model_files import FORMAT_1

WITHOUT_TORCH = """
import sys
from lamslide_md.cli.app import run
code = run(sys.argv[1:])
assert not {"torch", "mdtraj", "openmm"} & set(sys.modules), "no weights, no chemistry"
raise SystemExit(code)
"""


@pytest.mark.parametrize("command", [["models"], ["info", str(FORMAT_1)]])
def test_neither_models_nor_info_loads_what_trains_and_rolls_out(command):
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_all_models_that_ship_are_listed_within_a_second(capsys):
    run(["models"])
    started_s = time.process_time()
    assert run(["models"]) == 0
    assert time.process_time() - started_s < 1
    assert "ala2      ACE-ALA-NME, 5 ps per frame, 300 K" in capsys.readouterr().out


def test_headers_tell_what_the_loaded_models_tell(capsys):
    import lamslide_md as lam

    for name in pretrained_names():
        assert run(["info", str(pretrained_path(name)), "--json"]) == 0
        told, model = json.loads(capsys.readouterr().out), lam.load_pretrained(name)
        first = model.systems[0]
        assert told["systems"][0] == f"{first.entities.n_points} points {'-'.join(map(str, first.topology.residues))}"
        assert len(told["systems"]) == len(model.systems)
        assert told["settings"] == model.settings.model_dump(mode="json")
        assert (told["frame_interval_ps"], told["temperature_K"]) == (model.frame_interval_ps, model.temperature_K)
        assert told["provenance"] == model.provenance


@pytest.mark.parametrize("n_bytes", [0, 100, 20_000, 73_000])
def test_a_model_file_that_was_cut_is_refused_by_its_header_alone(tmp_path, n_bytes):
    path = tmp_path / "cut.lamslide"
    path.write_bytes(FORMAT_1.read_bytes()[:n_bytes])
    with pytest.raises(InputError, match=r"cut\.lamslide is no \.lamslide model file or is damaged"):
        read_header(path)
