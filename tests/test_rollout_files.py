import json
import tracemalloc

import ase.io
import mdtraj as md
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.io.manifests import find_manifest
from lamslide_md.sampling.rollout import Rollout
from tests.small import tiny_settings


@pytest.fixture(scope="module")
def rollout(butane):
    return lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=20)).rollout(butane[0], 11, n_chains=3)


@pytest.mark.parametrize(("suffix", "precision_nm"), [("xtc", 6e-4), ("trr", 1e-6), ("dcd", 1e-5), ("h5", 1e-6)])
def test_chains_stand_one_after_another_with_uniform_times(rollout, tmp_path, suffix, precision_nm):
    path = rollout.save(tmp_path / f"r.{suffix}")
    joined = md.load(str(path)) if suffix == "h5" else md.load(str(path), top=str(tmp_path / "r.pdb"))
    np.testing.assert_allclose(joined.xyz, rollout.points_nm().reshape(33, 4, 3), atol=precision_nm)
    if suffix != "dcd":
        np.testing.assert_allclose(joined.time, np.arange(1, 34))
    assert not list(tmp_path.glob("*.chain*"))


def test_reading_a_saved_rollout_keeps_its_chains_apart(rollout, tmp_path):
    path = rollout.save(tmp_path / "r.xtc")
    chains = lam.read(path, top=tmp_path / "r.pdb")
    assert [chain.n_frames for chain in chains] == [11, 11, 11]
    np.testing.assert_allclose(chains[1].xyz, rollout.points_nm()[1], atol=6e-4)


def test_the_manifest_says_what_the_numbers_mean(rollout, tmp_path):
    manifest = json.loads((rollout.save(tmp_path / "r.xtc").with_suffix(".json")).read_text())
    assert (manifest["frame_interval_ps"], manifest["n_frames"], manifest["n_chains"]) == (1.0, 33, 3)
    assert manifest["rollout"]["solver"] == "heun"


def test_ase_reads_the_same_positions_in_angstrom(rollout, tmp_path):
    frames = ase.io.read(rollout.save(tmp_path / "r.traj"), index=":")
    assert len(frames) == 33
    np.testing.assert_allclose(frames[5].positions, 10 * rollout.points_nm()[0, 5], atol=1e-4)
    assert (frames[12].info["time_ps"], frames[12].info["chain"]) == (13.0, 1)


@pytest.mark.parametrize("name", ["r.docx", "r", "r.xtcc"])
def test_an_unknown_format_is_refused_before_anything_is_computed(rollout, tmp_path, name):
    def never(place):
        raise AssertionError

    with pytest.raises(lam.InputError, match=rf"{name}"):
        Rollout(rollout.system, 11, 3, 1.0, never).save(tmp_path / name)


def test_topology_and_an_unfinished_manifest_are_there_before_the_first_frame(rollout, tmp_path):
    seen = []

    def windows(place):
        seen.extend(path.name for path in tmp_path.iterdir() if not path.name.endswith(".lamslide-lock"))
        seen.append(find_manifest(tmp_path / "r.xtc").n_frames)
        yield rollout.points_nm(), None

    Rollout(rollout.system, 11, 3, 1.0, windows).save(tmp_path / "r.xtc")
    assert sorted(seen[:-1]) == ["r.json", "r.pdb"]
    assert seen[-1] is None
    assert find_manifest(tmp_path / "r.xtc").n_frames == 33


def test_the_manifest_knows_the_time_it_took_and_nothing_else_is_left(rollout, tmp_path):
    manifest = find_manifest(rollout.save(tmp_path / "r.dcd"))
    assert 0 < manifest.wall_time_s < 60
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.dcd", "r.json", "r.pdb"]


def test_frames_carry_the_names_that_ase_reads_from_pdb_files(rollout, tmp_path):
    atoms = ase.io.read(rollout.save(tmp_path / "r.extxyz"), index=4)
    assert list(atoms.arrays["atomtypes"]) == ["C1", "C2", "C3", "C4"]
    assert set(atoms.arrays["residuenames"]) == {"BUT"}


def test_coordinates_that_are_not_finite_are_never_written(rollout, tmp_path):
    good = rollout.points_nm()
    bad = good[:, 5:].copy()
    bad[0, 3] = np.nan

    def windows(place):
        yield from ((good[:, :5], None), (bad, None))

    with pytest.raises(lam.InputError, match="frame 8"):
        Rollout(rollout.system, 11, 3, 1.0, windows).save(tmp_path / "r.xtc")
    part = md.load(str(tmp_path / "r.chain1.xtc"), top=rollout.system.topology)
    np.testing.assert_allclose(part.xyz, good[0, :5], atol=6e-4)


def test_what_is_saved_does_not_stay_in_memory(rollout, tmp_path):
    n_windows, window = 200, rollout.points_nm()[:, :1].repeat(100, axis=1)

    def windows(place):
        yield from ((window + 0.001 * i, None) for i in range(n_windows))

    long = Rollout(rollout.system, n_windows * 100, 3, 1.0, windows)
    tracemalloc.start()
    long.save(tmp_path / "r.trr")
    left, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert left < n_windows * window.nbytes / 4
    last = md.load_frame(str(tmp_path / "r.trr"), 3 * n_windows * 100 - 1, top=str(tmp_path / "r.pdb"))
    np.testing.assert_allclose(last.xyz[0], window[2, -1] + 0.199, atol=1e-6)


def test_chains_asked_for_after_saving_are_those_that_were_saved_and_are_then_kept(butane, tmp_path):
    made = lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=20)).rollout(butane[0], 11, n_chains=3)
    saved = lam.read(made.save(tmp_path / "r.trr"), top=tmp_path / "r.pdb")
    chains = made.chains()
    for one, other in zip(saved, chains, strict=True):
        np.testing.assert_array_equal(one.xyz, other.xyz)
    again = made.save(tmp_path / "again.trr")
    assert again.read_bytes() == (tmp_path / "r.trr").read_bytes()
