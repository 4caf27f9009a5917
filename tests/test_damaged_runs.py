"""One flipped bit in what a rollout or a simulation goes on from, or in the frames it has written, is found."""

import contextlib
import json
import re
import warnings
from dataclasses import replace

import ase.io
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.errors import InputNote
from lamslide_md.io.arrays import read_arrays, write_arrays
from lamslide_md.io.manifests import manifest_path
from lamslide_md.sampling.chain_state import RestartFile
from tests.damage import flipped_at, places_in
from tests.small import tiny_settings

N_FRAMES, WINDOW = 13, 5


@pytest.fixture(scope="module")
def surrogate(butane):
    return lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=2))


@pytest.fixture
def roll(surrogate, butane):
    """Makes the same rollout of two chains again and again."""
    return lambda n_chains=2: surrogate.rollout(butane[0], N_FRAMES, n_chains=n_chains)


def interrupted(rollout, path, n_windows=2):
    """Begin a rollout and press Ctrl-C in a later window."""

    def windows(place):
        for done, window in enumerate(rollout.windows(place)):
            if done == n_windows:
                raise KeyboardInterrupt
            yield window

    with contextlib.suppress(KeyboardInterrupt):
        replace(rollout, windows=windows).save(path)


def same_restart(one, other):
    return (
        (one.n_frames, one.lengths, one.wall_time_s, one.digests, one.state.window)
        == (other.n_frames, other.lengths, other.wall_time_s, other.digests, other.state.window)
    ) and np.array_equal(one.state.context, other.state.context)


def test_every_flipped_bit_of_a_restart_is_refused_or_changes_nothing(roll, tmp_path):
    interrupted(roll(), tmp_path / "r.xtc")
    path = tmp_path / "r.restart.npz"
    content, sound, told = path.read_bytes(), RestartFile.load(path), []
    for place in places_in(0, len(content), 200, seed=0):
        path.write_bytes(flipped_at(content, place))
        try:
            assert same_restart(RestartFile.load(path), sound)
        except lam.InputError as error:
            told.append(str(error))
    expected = re.compile(r".*r\.restart\.npz is damaged .*roll out anew, without continuing")
    assert all(expected.fullmatch(line) for line in told)
    assert len(told) > 80, "padding of zip and numpy, and dates, may be anything"


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("n_frames", np.array(10**9), "tells of 1,000,000,000 frames of each chain, of which there are to be 13"),
        ("n_frames", np.array(-1), "n_frames in it is no count"),
        ("n_frames", np.array([1, 2]), "n_frames in it is no count"),
        ("n_frames", np.array(7.0), "n_frames in it is no count"),
        ("window", np.array(-3), "window in it is no count"),
        ("window", np.array(10**12), "window in it is 1000000000000 windows in 10 frames"),
        ("window", np.array(0), "tells of 10 frames of each chain after 0 windows of 5: it is damaged"),
        ("window", np.array(3), "tells of 10 frames of each chain after 3 windows of 5: it is damaged"),
        ("lengths", np.array([-1, 40]), "lengths in it is no length for each of 2 chains"),
        ("lengths", np.array([40]), "lengths in it is no length for each of 2 chains"),
        ("lengths", np.array([10**15, 10**15]), r"r\.chain1\.xtc was replaced or cut since .*1000000000000000 were"),
        ("known", np.full((2, 1, 4, 3), np.nan, np.float32), "known in it is no frames of chains, or not finite"),
        ("known", np.zeros((2, 4, 3), np.float32), "known in it is no frames of chains"),
        ("known", np.zeros((2, 1, 9, 3), np.float32), "holds frames of 9 points, not of 4"),
        ("known", np.zeros((2, 7, 4, 3), np.float32), r"holds \(2, 7, 4, 3\) chains, frames, points and dimensions"),
        ("known", np.zeros((2, 1, 4, 3), np.float64), "known in it is no frames of chains"),
        ("wall_time_s", np.array(np.nan), "wall_time_s in it is no time"),
        ("wall_time_s", np.array(-1.0), "wall_time_s in it is no time"),
        ("wall_time_s", np.array(1e300), "wall_time_s in it is no time"),
        ("digests", np.array(["a", "b", "c"]), "digests in it is none for each of 2 chains"),
        ("window", None, "it has no 'window'"),
        ("known", None, "it has no 'known'"),
        ("lengths", None, "it has no 'lengths'"),
    ],
)
def test_restarts_with_absurd_contents_are_refused_by_what_is_absurd(roll, tmp_path, name, value, complaint):
    """Their checksums are right: somebody else wrote them, or an earlier version."""
    interrupted(roll(), tmp_path / "r.xtc")
    path = tmp_path / "r.restart.npz"
    content = read_arrays(path, "", "")
    write_arrays(path, **{k: v for k, v in {**content, name: value}.items() if v is not None})
    with pytest.raises(lam.InputError, match=complaint) as told:
        roll().save(tmp_path / "r.xtc", resume=True)
    assert "roll out anew, without continuing" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_restart_of_an_earlier_version_goes_on_and_one_whose_checksums_lost_their_name_does_not(roll, tmp_path):
    whole = roll().save(tmp_path / "whole.xtc")
    interrupted(roll(), tmp_path / "r.xtc")
    path = tmp_path / "r.restart.npz"
    content = {name: array for name, array in read_arrays(path, "", "").items() if name != "digests"}
    np.savez(path, **content, checkzums=np.array(["a"]))
    with pytest.raises(lam.InputError, match="it holds 'checkzums' and no checksums"):
        roll().save(tmp_path / "r.xtc", resume=True)
    np.savez(path, **content)
    assert roll().save(tmp_path / "r.xtc", resume=True).read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("suffix", ["xtc", "trr", "extxyz", "dcd"])
def test_a_flipped_bit_in_frames_already_written_is_found_when_the_rollout_goes_on(roll, tmp_path, suffix):
    whole, path = roll().save(tmp_path / f"whole.{suffix}"), tmp_path / f"r.{suffix}"
    interrupted(roll(), path)
    (part,) = tmp_path.glob("r.chain2.*")
    content = part.read_bytes()
    for place in places_in(0, len(content), 8, seed=1):
        part.write_bytes(flipped_at(content, place))
        with pytest.raises(lam.InputError, match=r"r\.chain2\.\w+ is not as it was written, .*roll out anew"):
            roll().save(path, resume=True)
    part.write_bytes(content)
    if suffix != "dcd":  # which holds a date
        assert roll().save(path, resume=True).read_bytes() == whole.read_bytes()


def test_a_flipped_bit_in_frames_of_a_growing_ase_file_is_found_or_changes_nothing(roll, tmp_path):
    whole, path = roll(1).save(tmp_path / "whole.traj"), tmp_path / "r.traj"
    interrupted(roll(1), path)
    content, told = path.read_bytes(), []
    others = {file.name: file.read_bytes() for file in tmp_path.glob("r.*") if file != path}
    for place in places_in(0, len(content), 40, seed=2):
        path.write_bytes(flipped_at(content, place))
        for name, other in others.items():
            (tmp_path / name).write_bytes(other)
        try:
            roll(1).save(path, resume=True)
        except lam.InputError as error:
            told.append(str(error))
            continue
        check_same_traj(path, whole)
        path.unlink()
    assert all("r.traj" in line for line in told)
    assert len(told) > 20


def check_same_traj(one, other):
    mine, theirs = ase.io.read(one, ":"), ase.io.read(other, ":")
    assert [atoms.info for atoms in mine] == [atoms.info for atoms in theirs]
    np.testing.assert_array_equal([atoms.positions for atoms in mine], [atoms.positions for atoms in theirs])


def test_frames_of_an_ase_file_that_its_restart_does_not_know_are_written_anew(roll, tmp_path):
    whole, path, restart = roll(1).save(tmp_path / "whole.traj"), tmp_path / "r.traj", tmp_path / "r.restart.npz"
    interrupted(roll(1), path, 1)
    earlier = restart.read_bytes()
    path.unlink()
    interrupted(roll(1), path, 2)
    restart.write_bytes(earlier)
    roll(1).save(path, resume=True)
    check_same_traj(path, whole)


@pytest.mark.parametrize("suffix", ["xtc", "dcd", "traj"])
def test_a_flipped_bit_of_a_finished_rollout_is_not_read_and_is_made_again(roll, tmp_path, suffix):
    path = roll().save(tmp_path / f"r.{suffix}")
    sound, topology = path.read_bytes(), None if suffix == "traj" else tmp_path / "r.pdb"
    xyz = [chain.xyz for chain in lam.read(path, top=topology)]
    place = (len(sound) * 2 // 3, 0)
    path.write_bytes(flipped_at(sound, place))
    with pytest.raises(lam.InputError, match=rf"r\.{suffix} is not as it was written, .*remove trajectory_sha256 from"):
        lam.read(path, top=topology)
    with pytest.warns(InputNote, match=rf"r\.{suffix} is not as it was written, .*it is made again"):
        roll().save(path, resume=True)
    np.testing.assert_array_equal([chain.xyz for chain in lam.read(path, top=topology)], xyz)


def test_a_trajectory_that_was_renamed_converted_or_changed_on_purpose_is_read(roll, tmp_path):
    path = roll().save(tmp_path / "r.xtc")
    xyz = [chain.xyz for chain in lam.read(path, top=tmp_path / "r.pdb")]
    for ending in ("xtc", "pdb", "json"):
        (tmp_path / f"r.{ending}").rename(tmp_path / f"own.{ending}")
    own = tmp_path / "own.xtc"
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputNote)
        np.testing.assert_array_equal([chain.xyz for chain in lam.read(own, top=tmp_path / "own.pdb")], xyz)
    own.write_bytes(flipped_at(own.read_bytes(), (own.stat().st_size - 5, 0)))
    with pytest.raises(lam.InputError, match=r"own\.xtc is not as it was written"):
        lam.read(own, top=tmp_path / "own.pdb")
    assert lam.read(own, top=tmp_path / "own.pdb", recover=True)
    manifest = manifest_path(own)
    content = json.loads(manifest.read_text())
    del content["written_by"]["trajectory_sha256"]
    manifest.write_text(json.dumps(content))
    assert len(lam.read(own, top=tmp_path / "own.pdb")) == 2


def test_a_trajectory_of_another_length_with_as_many_frames_is_read_with_a_note(roll, tmp_path):
    path = roll().save(tmp_path / "r.extxyz")
    text = path.read_text()
    path.write_text(text.replace("pbc=", "comment=mine pbc="))
    with pytest.warns(InputNote, match=r"r\.extxyz was changed since it was written: it has [\d,]+ bytes"):
        lam.read(path, top=tmp_path / "r.pdb")
