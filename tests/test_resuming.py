import contextlib
from dataclasses import replace

import ase.io
import mdtraj as md
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.io.interrupts import RolloutInterrupted
from lamslide_md.io.manifests import find_manifest
from lamslide_md.sampling import files as saving
from lamslide_md.sampling.chain_state import RestartFile
from tests.damage import files_up_to
from tests.small import tiny_settings

FORMATS = ["xtc", "trr", "dcd", "nc", "h5", "pdb", "traj", "extxyz"]
N_FRAMES, WINDOW = 23, 5
"""Four windows of new frames, and part of a fifth."""


@pytest.fixture(scope="module")
def surrogate(butane):
    return lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=20))


@pytest.fixture(params=[1, 3], ids=["one chain", "three chains"])
def roll(request, surrogate, butane):
    """Makes the same rollout again and again."""
    return lambda **options: surrogate.rollout(butane[0], N_FRAMES, n_chains=request.param, **options)


def interrupted_after(rollout, n_windows, error=KeyboardInterrupt):
    """The rollout with Ctrl-C pressed while it makes a window."""

    def windows(place):
        for done, window in enumerate(rollout.windows(place)):
            if done == n_windows:
                raise error
            yield window

    return replace(rollout, windows=windows)


def check_same(one, other):
    """Same bytes; for formats that write the date, or more than they need to, same frames."""
    if one.suffix in (".xtc", ".trr", ".extxyz", ".pdb"):
        assert one.read_bytes() == other.read_bytes()
    elif one.suffix == ".traj":
        mine, theirs = ase.io.read(one, ":"), ase.io.read(other, ":")
        np.testing.assert_array_equal([atoms.positions for atoms in mine], [atoms.positions for atoms in theirs])
        assert [atoms.info for atoms in mine] == [atoms.info for atoms in theirs]
    else:
        mine, theirs = (
            (md.load_hdf5(p) if p.suffix == ".h5" else md.load(p, top=p.with_suffix(".pdb"))) for p in (one, other)
        )
        np.testing.assert_array_equal(mine.xyz, theirs.xyz)
        np.testing.assert_array_equal(mine.time, theirs.time)


def files_of(folder, stem):
    return sorted(path for path in folder.iterdir() if path.name.startswith(stem))


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_rollout_goes_on_to_the_same_file_as_if_it_had_not_stopped(roll, tmp_path, suffix):
    whole, parts = tmp_path / f"whole.{suffix}", tmp_path / f"parts.{suffix}"
    roll().save(whole)
    for n_windows in (0, 1, 2):
        with pytest.raises(RolloutInterrupted):
            interrupted_after(roll(), n_windows).save(parts, resume=True)
    roll().save(parts, resume=True)
    assert [path.suffix for path in files_of(tmp_path, "parts")] == [
        path.suffix for path in files_of(tmp_path, "whole")
    ]
    check_same(whole, parts)


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_interrupted_rollout_leaves_readable_frames_and_says_where(roll, tmp_path, suffix):
    path, rollout = tmp_path / f"r.{suffix}", roll()
    with pytest.raises(RolloutInterrupted) as told:
        interrupted_after(rollout, 2).save(path)
    assert f"{2 * WINDOW * rollout.n_chains} of {N_FRAMES * rollout.n_chains} frames" in str(told.value)
    parts = [
        file
        for file in files_of(tmp_path, "r")
        if file.suffix not in (".npz", ".json") and str(file) in str(told.value)
    ]
    assert len(parts) == rollout.n_chains
    for part, expected in zip(parts, rollout.points_nm(), strict=True):
        if part.suffix in (".traj", ".extxyz"):
            found_nm = np.array([atoms.positions for atoms in ase.io.read(part, ":")]) / 10
        else:
            found_nm = md.load(part, top=tmp_path / "r.pdb").xyz
        np.testing.assert_allclose(found_nm, expected[: 2 * WINDOW], atol=6e-4)
    assert find_manifest(path).n_frames is None


def test_what_was_written_after_the_restart_is_written_once(roll, tmp_path):
    """A kill between the last chunk and its restart leaves frames that the restart does not know."""
    for suffix in ("xtc", "extxyz", "traj"):
        whole, parts = tmp_path / f"whole.{suffix}", tmp_path / f"parts.{suffix}"
        roll().save(whole)
        restart = tmp_path / "parts.restart.npz"
        with contextlib.suppress(KeyboardInterrupt):
            interrupted_after(roll(), 1).save(parts)
        before = restart.read_bytes()
        with contextlib.suppress(KeyboardInterrupt):
            interrupted_after(roll(), 2).save(parts, resume=True)
        restart.write_bytes(before)
        roll().save(parts, resume=True)
        check_same(whole, parts)


def test_an_exact_state_is_kept_whatever_the_format_rounds(roll, tmp_path):
    with contextlib.suppress(KeyboardInterrupt):
        interrupted_after(roll(), 2).save(tmp_path / "r.xtc")
    restart = RestartFile.load(tmp_path / "r.restart.npz")
    assert (restart.n_frames, restart.state.window) == (2 * WINDOW, 2)
    windows = roll().windows(None)
    states = [next(windows)[1] for _ in range(2)]
    np.testing.assert_array_equal(restart.state.context, states[-1].context)


def test_a_finished_rollout_is_left_as_it_is_and_a_changed_one_is_made_again(roll, tmp_path):
    path = roll().save(tmp_path / "r.xtc", resume=True)
    content, when = path.read_bytes(), path.stat().st_mtime_ns
    roll().save(path, resume=True)
    assert path.stat().st_mtime_ns == when
    path.write_bytes(content[:-8])
    roll().save(path, resume=True)
    assert path.read_bytes() == content


def test_another_rollout_is_not_continued(roll, surrogate, butane, tmp_path):
    path = tmp_path / "r.xtc"
    with contextlib.suppress(KeyboardInterrupt):
        interrupted_after(roll(), 1).save(path)
    with pytest.raises(lam.InputError, match="seed 0 there, 5 now"):
        roll(seed=5).save(path, resume=True)
    n_chains = roll().n_chains
    with pytest.raises(lam.InputError, match="another start"):
        surrogate.rollout(butane[7], N_FRAMES, n_chains=n_chains).save(path, resume=True)
    with pytest.raises(lam.InputError, match=f"n_frames_per_chain {N_FRAMES} there, 30 now"):
        surrogate.rollout(butane[0], 30, n_chains=n_chains).save(path, resume=True)
    other = lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=21))
    with pytest.raises(lam.InputError, match="another weights"):
        other.rollout(butane[0], N_FRAMES, n_chains=n_chains).save(path, resume=True)


def test_without_resume_a_rollout_begins_anew(surrogate, butane, tmp_path):
    path = tmp_path / "r.xtc"
    with contextlib.suppress(KeyboardInterrupt):
        interrupted_after(surrogate.rollout(butane[0], N_FRAMES, n_chains=4), 1).save(path)
    surrogate.rollout(butane[0], N_FRAMES, n_chains=2, seed=3).save(path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["r.json", "r.pdb", "r.xtc"]
    assert find_manifest(path).n_chains == 2


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04" + bytes(50)])
def test_a_damaged_restart_is_named(roll, tmp_path, content):
    with contextlib.suppress(KeyboardInterrupt):
        interrupted_after(roll(), 1).save(tmp_path / "r.xtc")
    (tmp_path / "r.restart.npz").write_bytes(content)
    with pytest.raises(lam.InputError, match=r"r\.restart\.npz is damaged"):
        roll().save(tmp_path / "r.xtc", resume=True)


def test_a_chain_that_was_cut_or_removed_is_named(roll, tmp_path):
    for spoil, complaint in (
        (lambda part: part.write_bytes(b""), "was replaced or cut"),
        (lambda p: p.unlink(), "missing"),
    ):
        with pytest.raises(KeyboardInterrupt) as told:
            interrupted_after(roll(), 1).save(tmp_path / "r.xtc")
        part = next(file for file in tmp_path.glob("r*.xtc") if str(file) in str(told.value))
        spoil(part)
        with pytest.raises(lam.InputError, match=complaint):
            roll().save(tmp_path / "r.xtc", resume=True)


@pytest.mark.parametrize("share", [np.inf, 1e-9], ids=["every window", "all but the first at once"])
@pytest.mark.parametrize("suffix", ["xtc", "traj", "extxyz", "dcd", "h5"])
def test_on_a_full_disk_frames_stay_and_the_rollout_goes_on_when_there_is_room(
    surrogate, butane, tmp_path, suffix, share, monkeypatch
):
    monkeypatch.setattr(saving, "COMMIT_S", 0.0)
    monkeypatch.setattr(saving, "WRITING_SHARE", share)
    whole, parts = tmp_path / f"whole.{suffix}", tmp_path / f"parts.{suffix}"

    def roll():
        return surrogate.rollout(butane[0], 120, n_chains=2)

    roll().save(whole)
    # Half of a chain: of that format, or of the trr in which chains grow.
    half = 6_000 if suffix in ("dcd", "h5") else whole.stat().st_size // 4
    with files_up_to(half), pytest.raises(lam.InputError, match="go on with resume=True") as told:
        roll().save(parts)
    n_done = int(str(told.value).split("; ")[1].split()[0])
    assert 0 < n_done < 240
    assert RestartFile.load(tmp_path / "parts.restart.npz").n_frames == n_done / 2
    roll().save(parts, resume=True)
    check_same(whole, parts)


@pytest.mark.parametrize("suffix", ["xtc", "trr", "traj"])
def test_a_disk_that_fills_while_chains_are_joined_loses_nothing(surrogate, butane, tmp_path, suffix):
    whole, parts = tmp_path / f"whole.{suffix}", tmp_path / f"parts.{suffix}"

    def roll():
        return surrogate.rollout(butane[0], 120, n_chains=2)

    roll().save(whole)
    with files_up_to(whole.stat().st_size - 1), pytest.raises(lam.InputError, match="240 of 240 frames are in"):
        roll().save(parts)
    assert not parts.exists()
    roll().save(parts, resume=True)
    check_same(whole, parts)
