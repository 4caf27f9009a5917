"""What files are called does not matter to reading and writing them."""

import shutil

import mdtraj as md
import numpy as np
import pytest

from lamslide_md.errors import InputError
from lamslide_md.io.readers import read
from lamslide_md.io.writers import TrajectoryWriter
from tests.data.conftest import N_FRAMES

NAMED = [".xtc", ".trr", ".dcd", ".nc", ".h5", ".gro", ".pdb"]


@pytest.mark.parametrize("stem", ["größe am 3. Tag", "名前", "plain"])
@pytest.mark.parametrize("ending", [*NAMED, *(ending.upper() for ending in NAMED)])
@pytest.mark.filterwarnings("ignore:.*netCDF4:UserWarning")
def test_names_beyond_ascii_and_endings_in_upper_case_are_read(ethanol, top_path, tmp_path, stem, ending):
    made, renamed = tmp_path / f"made{ending.lower()}", tmp_path / f"{stem}{ending}"
    ethanol.save(str(made))
    shutil.move(made, renamed)
    top = tmp_path / f"{stem} top.PDB"
    shutil.copy(top_path, top)
    trajectory = read(renamed, top, frame_interval_ps=2.0)
    np.testing.assert_allclose(trajectory.xyz, ethanol.xyz, atol=2e-3)


def test_the_ending_ent_is_that_of_a_pdb_file(ethanol, tmp_path):
    ethanol.save_pdb(str(tmp_path / "pdb1abc.pdb"))
    (tmp_path / "pdb1abc.pdb").rename(tmp_path / "pdb1abc.ent")
    assert read(tmp_path / "pdb1abc.ent", frame_interval_ps=1.0).n_frames == N_FRAMES


def test_a_damaged_file_of_such_a_name_still_gives_its_sound_frames(ethanol, top_path, tmp_path):
    ethanol.save_xtc(str(tmp_path / "whole.xtc"))
    content = (tmp_path / "whole.xtc").read_bytes()
    (tmp_path / "ä.XTC").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"ä\.XTC is truncated or damaged: its first \d+ frames can be read"):
        read(tmp_path / "ä.XTC", top_path)
    assert 0 < read(tmp_path / "ä.XTC", top_path, recover=True).n_frames < N_FRAMES


@pytest.mark.parametrize("ending", [".xtc", ".dcd", ".nc", ".h5"])
@pytest.mark.filterwarnings("ignore:.*netCDF4:UserWarning")
def test_names_beyond_ascii_are_written(ethanol, tmp_path, ending):
    path = tmp_path / f"gemäß{ending}"
    with TrajectoryWriter(path, ethanol.topology) as writer:
        writer.write(ethanol.xyz, ethanol.time)
    assert path.is_file()
    assert not path.is_symlink()
    assert read(path, ethanol.topology, frame_interval_ps=2.0).n_frames == N_FRAMES


def test_a_packed_trajectory_is_to_be_unpacked(ethanol, top_path, tmp_path):
    ethanol.save_xtc(str(tmp_path / "a.xtc"))
    shutil.move(tmp_path / "a.xtc", tmp_path / "a.xtc.gz")
    with pytest.raises(InputError, match=r"a\.xtc\.gz can be read neither by mdtraj nor by ASE: .*; unpack it first"):
        read(tmp_path / "a.xtc.gz", top_path)


def test_a_topology_of_such_a_name_is_read(ethanol, tmp_path):
    ethanol[0].save_pdb(str(tmp_path / "a.pdb"))
    (tmp_path / "a.pdb").rename(tmp_path / "Ü.PDB")
    assert read(md.Trajectory(ethanol.xyz, ethanol.topology, time=ethanol.time), tmp_path / "Ü.PDB").n_atoms == 9
