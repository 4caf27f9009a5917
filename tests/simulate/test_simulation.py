import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from lamslide_md.errors import InputError
from lamslide_md.io.readers import read
from lamslide_md.io.times import frame_interval_of
from lamslide_md.simulate import replicate as replicate_module
from lamslide_md.simulate import simulation as simulation_module
from lamslide_md.simulate.checkpoints import restore
from lamslide_md.simulate.frames import scan_frames
from lamslide_md.simulate.platforms import PlatformChoice, make_context
from lamslide_md.simulate.simulation import discard, simulate
from lamslide_md.simulate.solute import write_system_pdb

REFERENCE = PlatformChoice("Reference")


@pytest.fixture(scope="module")
def uninterrupted(prepared, short_settings, tmp_path_factory):
    """Bytes of a trajectory that was never disturbed."""
    path = tmp_path_factory.mktemp("whole") / "rep1.xtc"
    return simulate(prepared, short_settings, path, platform=REFERENCE).read_bytes()


def test_trajectory_has_its_frames_and_a_manifest_that_read_uses(prepared, short_settings, tmp_path):
    path = simulate(prepared, short_settings, tmp_path / "rep1.xtc", seed=3, platform=REFERENCE)
    write_system_pdb(tmp_path / "system.pdb", prepared)
    trajectory = read(path, top=tmp_path / "system.pdb")
    assert (trajectory.n_frames, trajectory.n_atoms) == (24, 22)
    assert frame_interval_of(trajectory) == 0.1
    np.testing.assert_allclose(trajectory.time, 0.1 * np.arange(1, 25), rtol=1e-6)
    manifest = json.loads((tmp_path / "rep1.json").read_text())
    assert manifest["n_frames"] == 24
    assert manifest["temperature_K"] == short_settings.temperature_K
    assert manifest["seed"] == 3
    assert manifest["settings"]["friction_per_ps"] == 1.0
    assert manifest["platform"] == "Reference"
    assert manifest["wall_time_s"] == pytest.approx(2.4 * 86.4 / manifest["ns_per_day"], abs=0.001)
    assert {"python", "openmm", "lamslide_md"} <= manifest["versions"].keys()


def test_same_seed_same_bytes_other_seed_other_trajectory(prepared, short_settings, tmp_path, uninterrupted):
    again = simulate(prepared, short_settings, tmp_path / "again.xtc", platform=REFERENCE)
    other = simulate(prepared, short_settings, tmp_path / "other.xtc", seed=2, platform=REFERENCE)
    assert again.read_bytes() == uninterrupted
    assert other.read_bytes() != uninterrupted


@pytest.mark.parametrize("step", ["append_frames", "save_checkpoint", "write_manifest"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", [1, 2, 3, 5])
def test_interrupted_around_any_write_it_continues_to_the_same_bytes(
    prepared, short_settings, tmp_path, uninterrupted, monkeypatch, step, when, call
):
    original, calls = getattr(replicate_module, step), []

    def interrupted(*args, **kwargs):
        calls.append(step)
        if len(calls) == call and when == "before":
            raise KeyboardInterrupt
        result = original(*args, **kwargs)
        if len(calls) == call:
            raise KeyboardInterrupt
        return result

    path = tmp_path / "rep1.xtc"
    with monkeypatch.context() as patch:
        patch.setattr(replicate_module, step, interrupted)
        with suppress(KeyboardInterrupt):
            simulate(prepared, short_settings, path, platform=REFERENCE)
    simulate(prepared, short_settings, path, platform=REFERENCE)
    assert path.read_bytes() == uninterrupted


def test_frames_half_written_behind_the_checkpoint_are_cut_off(prepared, short_settings, tmp_path, uninterrupted):
    path = tmp_path / "rep1.xtc"
    simulate(prepared, replace(short_settings, length_ps=1.0), path, platform=REFERENCE)
    with path.open("ab") as file:
        file.write(uninterrupted[:333])
    simulate(prepared, short_settings, path, platform=REFERENCE)
    assert path.read_bytes() == uninterrupted


def test_longer_request_extends_and_shorter_is_refused(prepared, short_settings, tmp_path, uninterrupted):
    path = tmp_path / "rep1.xtc"
    simulate(prepared, replace(short_settings, length_ps=1.2), path, platform=REFERENCE)
    assert scan_frames(path)[0] == 12
    simulate(prepared, short_settings, path, platform=REFERENCE)
    assert path.read_bytes() == uninterrupted
    with pytest.raises(InputError, match=r"has 2\.4 ps already, 1\.2 ps are asked for"):
        simulate(prepared, replace(short_settings, length_ps=1.2), path, platform=REFERENCE)


def test_finished_work_is_found_and_not_redone(prepared, short_settings, tmp_path, monkeypatch):
    path = simulate(prepared, short_settings, tmp_path / "rep1.xtc", platform=REFERENCE)
    before = path.stat().st_mtime_ns, (tmp_path / "rep1.json").read_bytes()
    monkeypatch.setattr(simulation_module, "Replicate", None)
    assert simulate(prepared, short_settings, path) == path
    assert (path.stat().st_mtime_ns, (tmp_path / "rep1.json").read_bytes()) == before


def test_changed_settings_are_refused_by_name_until_discarded(prepared, short_settings, tmp_path):
    path = simulate(prepared, short_settings, tmp_path / "rep1.xtc", platform=REFERENCE)
    warmer = replace(short_settings, temperature_K=400.0)
    with pytest.raises(InputError, match=r"made with other settings \(temperature_K 350\.0 there, 400\.0 now\)"):
        simulate(prepared, warmer, path)
    with pytest.raises(InputError, match="another molecule, force field or seed"):
        simulate(prepared, short_settings, path, seed=9)
    discard(path)
    simulate(prepared, warmer, path, platform=REFERENCE)
    assert json.loads((tmp_path / "rep1.json").read_text())["temperature_K"] == 400.0


def test_files_of_others_and_damaged_ones_are_not_touched(prepared, short_settings, tmp_path):
    foreign = tmp_path / "mine.xtc"
    foreign.write_bytes(b"precious")
    with pytest.raises(InputError, match=r"mine\.xtc is there and has no manifest"):
        simulate(prepared, short_settings, foreign)
    assert foreign.read_bytes() == b"precious"
    path = simulate(prepared, replace(short_settings, length_ps=1.0), tmp_path / "rep1.xtc", platform=REFERENCE)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        InputError, match=r"bytes, its checkpoint was written at \d+; the trajectory was replaced or cut"
    ):
        simulate(prepared, short_settings, path, platform=REFERENCE)
    checkpoint = tmp_path / "rep1.checkpoint"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"rep1\.checkpoint is damaged"):
        simulate(prepared, short_settings, path, platform=REFERENCE)
    checkpoint.unlink()
    with pytest.raises(InputError, match="lacks its checkpoint"):
        simulate(prepared, short_settings, path, platform=REFERENCE)


def test_checkpoint_continues_on_another_platform(prepared, short_settings, tmp_path):
    path = tmp_path / "rep1.xtc"
    simulate(prepared, replace(short_settings, length_ps=1.2), path, platform=REFERENCE)
    last = make_context(prepared, short_settings, REFERENCE, seed=1)
    assert restore(tmp_path / "rep1.checkpoint", last)
    other = make_context(prepared, short_settings, PlatformChoice("CPU", 1), seed=1)
    assert not restore(tmp_path / "rep1.checkpoint", other)
    for values in ("getPositions", "getVelocities"):
        expected, got = (
            getattr(context.getState(positions=True, velocities=True), values)(asNumpy=True)._value
            for context in (last, other)
        )
        # The CPU platform computes in single precision.
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)
    simulate(prepared, short_settings, path, platform=PlatformChoice("CPU", 1))
    assert scan_frames(path) == (24, path.stat().st_size)
    assert json.loads((tmp_path / "rep1.json").read_text())["platform"] == "CPU"


def test_progress_rises_from_nothing_to_all(prepared, short_settings, tmp_path, monkeypatch):
    monkeypatch.setattr(replicate_module, "PROGRESS_SECONDS", 0.0)
    heard = []
    simulate(prepared, short_settings, tmp_path / "rep1.xtc", platform=REFERENCE, progress=heard.append)
    fractions = [progress.fraction for progress in heard]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert [progress.phase for progress in heard if progress.phase != "equilibrating"][:2] == [
        "minimising",
        "simulating",
    ]
    last = heard[-2]
    assert last.remaining_s == pytest.approx((1 - last.fraction) * 3.4 / 1000 / last.ns_per_day * 86_400)


def test_second_writer_is_refused(prepared, short_settings, tmp_path):
    path = tmp_path / "rep1.xtc"

    def try_again(progress):
        if progress.phase == "done":
            return
        with pytest.raises(InputError, match="is being written by this process already; wait"):
            simulate(prepared, short_settings, path, platform=REFERENCE)

    simulate(prepared, short_settings, path, platform=REFERENCE, progress=try_again)


def test_folder_that_cannot_be_written_gives_one_clear_line(prepared, short_settings, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"rep1\.xtc cannot be written: Not a directory; choose a folder"):
        simulate(prepared, short_settings, tmp_path / "file" / "rep1.xtc", platform=REFERENCE)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder_gives_one_clear_line(prepared, short_settings, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match=r"rep1\.xtc cannot be written: Permission denied"):
        simulate(prepared, short_settings, tmp_path / "rep1.xtc", platform=REFERENCE)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from lamslide_md.errors import InputError
from lamslide_md.simulate import *
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
settings = SimulationSettings(length_ps=40.0, frame_interval_ps=0.1, equilibration_ps=0.0, checkpoint_interval_ps=5.0)
prepared = prepare(peptide("A", capped=True), settings)
limit = int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    simulate(prepared, settings, Path(sys.argv[1]), platform=PlatformChoice("Reference"))
except InputError as error:
    print(error)
"""


def test_full_disk_is_noticed_and_the_run_continues_when_there_is_space(tmp_path):
    """A limit on the size of a file stands for the full disk: writes beyond it fail in the same place."""
    path = tmp_path / "rep1.xtc"

    def run(limit):
        command = [sys.executable, "-c", FULL_DISK, str(path), str(limit)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    # 400 frames need more than 40 kB, a checkpoint 8 kB.
    message = run(30_000)
    assert "rep1.xtc" in message
    assert "full" in message
    assert message.count("\n") == 1
    assert run(0) == ""
    assert scan_frames(path) == (400, path.stat().st_size)
    whole = tmp_path / "whole.xtc"
    subprocess.run([sys.executable, "-c", FULL_DISK, str(whole), "0"], check=True, timeout=60)
    assert whole.read_bytes() == path.read_bytes()


def test_too_long_a_time_step_is_named_as_the_likely_cause(prepared, short_settings, tmp_path):
    wild = replace(short_settings, timestep_fs=20.0, hydrogen_mass_amu=1.0, temperature_K=3000.0, length_ps=50.0)
    with pytest.raises(InputError, match=r"use a shorter timestep_fs, or check the start structure|chirality"):
        simulate(prepared, wild, tmp_path / "rep1.xtc", platform=REFERENCE)
