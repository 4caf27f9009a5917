"""What the surrogate leaves is opened by ASE's own commands, run as a user runs them."""

import subprocess
import sys

import ase.io
import numpy as np
import pytest

from lamslide_md.ase import LatentDynamics

N_FRAMES = 5


@pytest.fixture(scope="module", params=["dynamics.traj", "rollout.traj", "rollout.extxyz"])
def path(request, surrogate, dipeptide, tmp_path_factory):
    """Frames of `LatentDynamics`, with its start, or of `Rollout.save`, without."""
    path = tmp_path_factory.mktemp("ase") / request.param
    if request.param.startswith("rollout"):
        return surrogate.rollout(n_frames=N_FRAMES, n_chains=1, seed=1).save(path)
    atoms = ase.io.read(dipeptide / "system.pdb")
    with LatentDynamics(atoms, surrogate, trajectory=path, seed=1) as dyn:
        for _ in dyn.irun(N_FRAMES - 1):
            pass
    return path


def ase_command(*arguments):
    run = subprocess.run(
        [sys.executable, "-m", "ase", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("ending", ["xyz", "pdb", "traj"])
def test_ase_convert_takes_all_frames(path, tmp_path, ending):
    out = tmp_path / f"out.{ending}"
    ase_command("convert", path, out)
    frames, converted = ase.io.read(path, ":"), ase.io.read(out, ":")
    assert len(frames) == len(converted) == N_FRAMES
    for one, other in zip(frames, converted, strict=True):
        np.testing.assert_allclose(other.positions, one.positions, atol=6e-4)


def test_ase_gui_plots_a_distance_without_a_screen(path):
    numbers = [line.split() for line in ase_command("gui", "-t", "-g", "i,d(0,1)", path).splitlines() if line.strip()]
    frames = ase.io.read(path, ":")
    np.testing.assert_allclose([float(row[0]) for row in numbers], np.arange(N_FRAMES))
    np.testing.assert_allclose([float(row[1]) for row in numbers], [a.get_distance(0, 1) for a in frames], atol=1e-4)


def test_ase_gui_writes_the_last_frame(path, tmp_path):
    ase_command("gui", "-t", "-n", "-1", "-o", tmp_path / "last.xyz", path)
    np.testing.assert_allclose(ase.io.read(tmp_path / "last.xyz").positions, ase.io.read(path, -1).positions, atol=1e-6)


def test_a_frame_of_any_of_these_files_starts_a_dynamics(path, surrogate):
    atoms = ase.io.read(path, 2)
    before = atoms.positions.copy()
    with LatentDynamics(atoms, surrogate, seed=2) as dyn:
        dyn.run(2)
    assert 0.01 < np.abs(dyn.atoms.positions - before).max() < 10


AS_A_USER_WRITES_IT = """
import sys
from ase.io import read
from lamslide_md.ase import LatentDynamics

pdb, model, folder = sys.argv[1:]
with LatentDynamics(read(pdb), model, trajectory=f"{folder}/a.traj", logfile="-", loginterval=20, seed=1) as dyn:
    dyn.attach(lambda: print("distance", dyn.atoms.get_distance(0, 4)), interval=50)
    dyn.insert_observer(lambda: print("frame", dyn.nsteps), interval=50)
    for _ in dyn.irun(100):
        pass
    assert dyn.nsteps == 100
with LatentDynamics(
    read(f"{folder}/a.traj"), model, trajectory=f"{folder}/a.traj", append_trajectory=True, loginterval=20, seed=1
) as dyn:
    dyn.run(40)
"""


def test_the_pattern_of_ase_works_in_a_script(dipeptide, model, tmp_path):
    script = [sys.executable, "-c", AS_A_USER_WRITES_IT, dipeptide / "system.pdb", model, tmp_path]
    run = subprocess.run(list(map(str, script)), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    lines = [line.split() for line in run.stdout.splitlines()]
    assert [line for line in lines if line[0] == "frame"] == [["frame", "0"], ["frame", "50"], ["frame", "100"]]
    assert sum(line[0] == "distance" for line in lines) == 3
    logged = [int(line[1]) for line in lines if line[0] not in ("frame", "distance", "Time[ps]")]
    assert logged == [0, 20, 40, 60, 80, 100]
    frames = ase.io.read(tmp_path / "a.traj", ":")
    # Hydrogens are dropped: they have no place in the model.
    assert {len(atoms) for atoms in frames} == {10}
    assert len(frames) == 6 + 2
