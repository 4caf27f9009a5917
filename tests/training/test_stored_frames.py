import os
import pickle
import resource
import subprocess
import sys
from pathlib import Path

import mdtraj as md
import numpy as np
import pytest

from lamslide_md import Surrogate
from lamslide_md.data.frame_file import FrameFile
from lamslide_md.data.stored_frames import StoredFrames
from lamslide_md.errors import InputError
from lamslide_md.io.stored_trajectories import need_disk, read_to_disk
from tests.damage import files_up_to
from tests.small import shivering_peptide, tiny_settings

ROOT = Path(__file__).parents[2]
TRAIN = """
import sys
from lamslide_md.cli.app import run
code = run(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print("peak", int(peak.split()[1]) * 1024)
sys.exit(code)
"""
OTHER_PROCESS = """
import pickle, sys
stored, some = pickle.load(sys.stdin.buffer)
stored.sibling([9 * stored[:]])
sys.stdout.buffer.write(pickle.dumps(some.sibling([2 * some[:]])[:]))
"""
# So many that whatever is made in blocks has reached its size.
BASE_FRAMES, MANY_FRAMES = 50_000, 150_000


def test_frames_in_a_file_are_those_of_the_array(tmp_path):
    points = np.random.default_rng(0).normal(size=(50, 4, 3)).astype(np.float32)
    stored = StoredFrames.written(FrameFile(tmp_path), [points[:20], points[20:]])
    index = np.array([[3, 4, 5], [40, 2, 2]])
    np.testing.assert_array_equal(stored[index], points[index])
    np.testing.assert_array_equal(stored[7::9], points[7::9])
    np.testing.assert_array_equal(stored[:0], points[:0])
    mask, order = np.arange(50) % 3 == 0, np.array([2, 0, 3])
    changed = stored.kept(mask).ordered(order).scaled(0.3)
    assert changed.shape == (17, 3, 3)
    np.testing.assert_array_equal(changed[:], points[mask][:, order] / np.float32(0.3))


def test_frames_behind_others_are_those_of_their_own_array(tmp_path):
    arrays = [np.random.default_rng(n).normal(size=(n, 4, n, 3)).astype(np.float32) for n in (3, 1, 5)]
    first = StoredFrames.written(FrameFile(tmp_path), [arrays[0]])
    second = first.sibling(iter([arrays[1]]))
    third = second.sibling([arrays[2][:2], arrays[2][2:]])
    for array, stored in zip(arrays, (first, second, third), strict=True):
        np.testing.assert_array_equal(stored[::-1], array[::-1])
    assert not list(tmp_path.iterdir())


def test_another_process_reads_the_frames_and_writes_into_a_file_of_its_own(tmp_path):
    points = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
    stored = StoredFrames.written(FrameFile(tmp_path), [points])
    handed = pickle.dumps((stored, stored.kept(np.array([1, 4]))))
    ended = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS], input=handed, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    np.testing.assert_array_equal(pickle.loads(ended.stdout), 2 * points[[1, 4]])
    np.testing.assert_array_equal(stored.sibling([3 * points])[:], 3 * points)
    np.testing.assert_array_equal(stored[:], points)


def test_a_full_disk_is_told(tmp_path):
    file = FrameFile(tmp_path)
    with files_up_to(100_000), pytest.raises(InputError, match=r"cannot keep the frames in .* GB are free"):
        StoredFrames.written(file, [np.zeros((100_000, 4, 3))])


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match=r"cannot keep frames in .*absent: "):
        FrameFile(tmp_path / "absent")


def test_only_what_exceeds_the_memory_goes_to_disk(tmp_path, monkeypatch):
    path = tmp_path / "run.xtc"
    path.write_bytes(bytes(1_000_000))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = {"wide": resource.RLIM_INFINITY, "tight": used + 10_000_000}
    found = {}
    for name, limit in limits.items():
        monkeypatch.setattr(resource, "getrlimit", lambda _, limit=limit: (limit, limit))
        found[name] = need_disk([path])
    assert found == {"wide": False, "tight": True}


def test_training_from_files_is_that_from_memory_to_rounding(butane, tmp_path):
    butane.save_dcd(str(tmp_path / "run.dcd"))
    butane[0].save_pdb(str(tmp_path / "run.pdb"))
    settings = tiny_settings(n_steps=5)
    how = {"atoms": settings.atoms, "frame_interval_ps": 1.0}
    stored = read_to_disk(tmp_path / "run.dcd", FrameFile(tmp_path), tmp_path / "run.pdb", **how)
    (item,) = stored
    in_memory = md.Trajectory(item.xyz[:], item.topology, time=item.time)
    one, two = (Surrogate.fit(data, settings=settings, accelerator="cpu") for data in (in_memory, stored))
    for key, value in one.flow.state_dict().items():
        np.testing.assert_allclose(value, two.flow.state_dict()[key], rtol=1e-5, atol=1e-6)
    assert one.provenance["data_sha256"] == two.provenance["data_sha256"]
    assert one.provenance["trajectory_hashes"] == two.provenance["trajectory_hashes"]


@pytest.mark.slow
def test_frames_on_disk_take_no_memory(tmp_path):
    peptide = shivering_peptide("AGVDFKLIWY", n_frames=100)
    some = np.concatenate([peptide.xyz] * 10)
    n_bytes = (MANY_FRAMES - BASE_FRAMES) * some[0].nbytes
    for name, n_frames in (("few", BASE_FRAMES), ("many", MANY_FRAMES)):
        with md.formats.DCDTrajectoryFile(str(tmp_path / f"{name}.dcd"), "w") as file:
            for _ in range(n_frames // 1000):
                file.write(10 * some)
    peptide[0].save_pdb(str(tmp_path / "top.pdb"))
    options = ["--preset", "quick"]
    sizes = ["autoencoder.optimisation.n_steps=2", "flow.optimisation.n_steps=2", "flow.n_frames=4", "flow.width=32"]
    sizes += ["autoencoder.entities=residues", "autoencoder.width=32", "autoencoder.n_channels=16", "flow.depth=1"]
    options += [word for size in sizes for word in ("--set", size)]
    times = ["--top", "top.pdb", "--data-interval-ps", "1", "--interval-ps", "1", "--accelerator", "cpu"]

    def peak_bytes(name, *more):
        command = ["train", f"{name}.dcd", "--out", f"{name}.lamslide", *times, *options, *more]
        done = subprocess.run(
            [sys.executable, "-c", TRAIN, *command, "--overwrite"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout.split()[-1])

    few = peak_bytes("few", "--on-disk")
    assert peak_bytes("many", "--on-disk") < few + n_bytes // 2  # times and indices, and what the allocator keeps
    assert peak_bytes("many", "--no-on-disk") > few + n_bytes
    assert not (tmp_path / "many.lamslide.checkpoints").exists()
