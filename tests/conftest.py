"""A small real run, made once for all tests that need one: a dipeptide, and a model that has learned little."""

import os

import pytest

from lamslide_md.cli.app import run
from lamslide_md.cli.options import flattened
from tests.small import butane as butane

# Results to the bit are those of one number of threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SETTINGS = {
    "autoencoder": {"width": 32, "optimisation": {"n_steps": 60, "batch_size": 16}},
    # Windows of several frames, so that tests meet their inside as well as their ends; and, where little is learned, a
    # prediction that leaves the noise in the frames.
    "flow": {
        "width": 32,
        "depth": 1,
        "n_frames": 8,
        "forward_frames": 8,
        "prediction": "velocity",
        "optimisation": {"n_steps": 40, "batch_size": 16},
    },
}
SMALL = [word for name, value in flattened(SETTINGS).items() for word in ("--set", f"{name}={value}")]


def pytest_configure(config):
    """Let notes on the input pass: named here, as the import in pyproject.toml would come before jaxtyping's hook."""
    config.addinivalue_line("filterwarnings", "ignore::lamslide_md.errors.InputNote")


@pytest.fixture(scope="session")
def dipeptide(tmp_path_factory):
    """Folder with system.pdb and two replicates of 200 frames, 1 ps apart, of AG (10 heavy atoms, 20 atoms)."""
    folder = tmp_path_factory.mktemp("dipeptide")
    arguments = ["simulate", "AG", "--ns", "0.2", "--equilibration-ps", "10", "--platform", "Reference"]
    assert run([*arguments, "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="session")
def model(dipeptide, tmp_path_factory):
    """A .lamslide file trained for seconds: its frames are real atoms at poor places."""
    path = tmp_path_factory.mktemp("model") / "AG.lamslide"
    assert run(["train", str(dipeptide / "rep1.xtc"), "--interval-ps", "5", *SMALL, "--out", str(path)]) == 0
    return path
