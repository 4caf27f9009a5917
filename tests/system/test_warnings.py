"""Commands under `python -W error`, where every warning is an error: neither ours nor a library's is let pass."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small import shivering_peptide

ROOT = Path(__file__).parents[2]
TINY = [word for stage in ("autoencoder", "flow") for word in ("--set", f"{stage}.optimisation.n_steps=3")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    for seed, name in enumerate("ab"):
        peptide = shivering_peptide("AG", n_frames=300, seed=seed)
        peptide.save_xtc(str(folder / f"{name}.xtc"))
        peptide[0].save_pdb(str(folder / f"{name}.pdb"))
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("info", "model"),
        ("info",),
        ("train", "a.xtc", "--interval-ps", "1", *TINY, "--out", "m.lamslide"),
        ("rollout", "model", "--frames", "12", "--chains", "2", "--seed", "1", "--out", "r.xtc"),
        ("rollout", "model", "--frames", "12", "--seed", "1", "--out", "r.traj"),
        ("compare", "a.xtc", "--reference", "b.xtc", "--lag-ps", "2", "--clusters", "5", "--out", "c.json"),
        ("compare", "a.xtc", "--reference", "b.xtc", "--lag-ps", "2", "--clusters", "5", "--report", "c.html"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_no_command_has_a_warning(folder, model, words):
    words = [str(model) if word == "model" else word for word in words]
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "lamslide_md", *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert "warning" not in ended.stderr.lower(), ended.stderr
