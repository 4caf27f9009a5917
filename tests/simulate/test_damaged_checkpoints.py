"""One flipped bit in OpenMM's checkpoint, or in the trajectory that it goes on from, is found."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from lamslide_md.errors import InputError
from lamslide_md.io.readers import read
from lamslide_md.simulate.checkpoints import load_bookkeeping, sealed
from lamslide_md.simulate.frames import hash_of, scan_frames
from lamslide_md.simulate.replicates import make_jobs
from lamslide_md.simulate.simulation import simulate
from lamslide_md.simulate.solute import write_system_pdb
from tests.damage import files_up_to, flipped_at, places_in
from tests.simulate.conftest import REFERENCE


@pytest.fixture
def half(prepared, short_settings, tmp_path):
    """Twelve frames of 24."""
    return simulate(prepared, replace(short_settings, length_ps=1.2), tmp_path / "rep1.xtc", platform=REFERENCE)


@pytest.fixture(scope="module")
def whole(prepared, short_settings, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "rep1.xtc"
    return simulate(prepared, short_settings, path, platform=REFERENCE).read_bytes()


def head_and_states(checkpoint):
    head, _, states = checkpoint.read_bytes().partition(b"\n")
    return json.loads(head), states


def test_every_flipped_bit_of_a_checkpoint_is_refused_in_one_line(half, prepared, short_settings, whole):
    checkpoint = half.with_suffix(".checkpoint")
    sound = checkpoint.read_bytes()
    n_head = sound.index(b"\n") + 1
    xml = sound.index(b"<?xml")
    places = [*places_in(0, n_head, 60, seed=0), *places_in(n_head, xml, 60, seed=1)]
    for place in [*places, *places_in(xml, len(sound), 60, seed=2)]:
        checkpoint.write_bytes(flipped_at(sound, place))
        with pytest.raises(InputError, match=r"rep1\.checkpoint .*overwrite") as told:
            load_bookkeeping(checkpoint)
        assert "\n" not in str(told.value)
    checkpoint.write_bytes(flipped_at(sound, ((n_head + xml) // 2, 3)))
    with pytest.raises(InputError, match="is damaged: it is not as it was written, by its checksum; restore it"):
        simulate(prepared, short_settings, half, platform=REFERENCE)
    checkpoint.write_bytes(sound)
    assert simulate(prepared, short_settings, half, platform=REFERENCE).read_bytes() == whole


def test_a_flipped_bit_in_frames_before_the_checkpoint_is_found_when_the_simulation_goes_on(
    half, prepared, short_settings, whole
):
    sound = half.read_bytes()
    for place in places_in(0, len(sound), 6, seed=3):
        half.write_bytes(flipped_at(sound, place))
        with pytest.raises(InputError, match=r"rep1\.xtc is not as it was written, by the checksum in its checkpoint"):
            simulate(prepared, short_settings, half, platform=REFERENCE)
    half.write_bytes(sound)
    assert simulate(prepared, short_settings, half, platform=REFERENCE).read_bytes() == whole


def test_a_flipped_bit_of_a_finished_simulation_is_neither_read_nor_taken_for_done(
    half, prepared, short_settings, tmp_path
):
    write_system_pdb(tmp_path / "system.pdb", prepared)
    settings, sound = replace(short_settings, length_ps=1.2), half.read_bytes()
    assert simulate(prepared, settings, half, platform=REFERENCE) == half
    half.write_bytes(flipped_at(sound, (len(sound) // 2, 1)))
    with pytest.raises(InputError, match=r"rep1\.xtc is finished but not as it was written, .*overwrite to redo it"):
        simulate(prepared, settings, half, platform=REFERENCE)
    with pytest.raises(InputError, match=r"rep1\.xtc is not as it was written, by the checksum in its manifest"):
        read(half, top=tmp_path / "system.pdb")
    make_jobs([prepared], settings, [tmp_path], n_replicates=1, overwrite=True)
    assert not half.exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"n_frames": -1}, "is no checkpoint of this program, or is damaged"),
        ({"n_frames": "3"}, "is no checkpoint of this program, or is damaged"),
        ({"n_frames": 10**9}, r"has 1e\+08 ps already, 2\.4 ps are asked for"),
        ({"n_frames": 0}, r"0 frames in [\d,]+ bytes: it is damaged"),
        ({"n_bytes": -8}, "is no checkpoint of this program, or is damaged"),
        ({"n_bytes": 10**12}, "its checkpoint was written at 1000000000000; the trajectory was replaced or cut"),
        ({"equilibration_steps": 10**12}, r"tells of 1,000,000,000,000 steps of equilibration, of 250"),
        ({"wall_time_s": float("nan")}, "is no checkpoint of this program, or is damaged"),
        ({"wall_time_s": -1.0}, "is no checkpoint of this program, or is damaged"),
        ({"wall_time_s": 1e300}, "is no checkpoint of this program, or is damaged"),
        ({"binary_bytes": -5}, "is no checkpoint of this program, or is damaged"),
        ({"xml_bytes": 10**9}, r"is damaged \(\d+ bytes of \d+\)"),
        ({"platform": None}, "is no checkpoint of this program, or is damaged"),
        ({"more": 1}, "is no checkpoint of this program, or is damaged"),
    ],
)
def test_checkpoints_with_absurd_counters_are_refused_though_their_checksum_is_right(
    half, prepared, short_settings, change, complaint
):
    checkpoint = half.with_suffix(".checkpoint")
    head, states = head_and_states(checkpoint)
    del head["sha256"]
    checkpoint.write_bytes(sealed(head | change, states))
    with pytest.raises(InputError, match=complaint) as told:
        simulate(prepared, short_settings, half, platform=REFERENCE)
    assert "\n" not in str(told.value)
    assert "rep1." in str(told.value)


def test_a_checkpoint_of_an_earlier_version_goes_on_if_frames_are_as_many_as_it_tells(
    half, prepared, short_settings, whole
):
    checkpoint = half.with_suffix(".checkpoint")
    head, states = head_and_states(checkpoint)
    earlier = {key: value for key, value in head.items() if key not in ("sha256", "trajectory_sha256")}
    for n_frames in (11, 12):
        content = earlier | {"format_version": 1, "n_frames": n_frames}
        checkpoint.write_bytes(json.dumps(content).encode() + b"\n" + states)
        if n_frames == 11:
            with pytest.raises(InputError, match="holds 12 sound frames, its checkpoint tells of 11"):
                simulate(prepared, short_settings, half, platform=REFERENCE)
    assert simulate(prepared, short_settings, half, platform=REFERENCE).read_bytes() == whole


def test_the_hash_that_grows_is_that_of_the_whole_file(half):
    done = load_bookkeeping(half.with_suffix(".checkpoint"))
    assert asdict(done)["n_bytes"] == half.stat().st_size
    assert hash_of(half, 12, done.trajectory_sha256).hexdigest() == done.trajectory_sha256
    manifest = json.loads(half.with_suffix(".json").read_text())
    assert manifest["written_by"]["trajectory_sha256"] == done.trajectory_sha256


def test_a_full_disk_under_a_checkpoint_leaves_the_old_one(half, prepared, short_settings, whole):
    checkpoint = half.with_suffix(".checkpoint")
    sound = checkpoint.read_bytes()
    # Frames fit, the checkpoint does not.
    with files_up_to(len(sound) - 1), pytest.raises(InputError, match=r"rep1\.checkpoint cannot be written: File too"):
        simulate(prepared, short_settings, half, platform=REFERENCE)
    assert checkpoint.read_bytes() == sound
    assert not list(half.parent.glob(".lamslide*"))
    assert simulate(prepared, short_settings, half, platform=REFERENCE).read_bytes() == whole


@pytest.mark.parametrize(
    "header",
    [
        np.array([1995, -5] + 12 * [0] + 9 * [0]),
        np.array([1995, 20] + 20 * [0] + [-92]),
        np.array([1995, 20] + 20 * [0] + [-(2**31)]),
    ],
)
def test_a_frame_that_claims_to_end_before_it_begins_ends_the_count(tmp_path, header):
    path = tmp_path / "a.xtc"
    path.write_bytes(header.astype(">i4").tobytes())
    assert scan_frames(path) == (0, 0)
