"""Model files of older formats, of which one each is stored, made by the last program that wrote it."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import lamslide_md as lam
from lamslide_md.config import preset_settings
from lamslide_md.io.header_file import read_content, read_header
from lamslide_md.io.model_header import FORMAT_VERSION
from lamslide_md.io.model_upgrades import STEPS
from lamslide_md.pretrained import pretrained_names, pretrained_path
from lamslide_md.training.autoencoder_stage import Frames
from lamslide_md.training.gathering import gather
from lamslide_md.training.preparing import prepare_data
from tests.model_files import FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4, header_of, write_with
from tests.small import shivering_peptide

ROUNDING_NM = 1e-6
"""What the order of floating-point operations leaves of a frame."""

TIPPED_NM = 3e-3
"""The same where a pair is on the edge of its range, and rounding decides whether it is moved (1.6e-3 seen)."""


def test_there_is_a_step_from_every_format_to_the_next():
    assert sorted(STEPS) == list(range(1, FORMAT_VERSION))


def check_same(frames, then):
    """Frames are as they were; of eight, rounding may have tipped the last of each chain."""
    np.testing.assert_allclose(frames[:, :3], then[:, :3], rtol=0, atol=ROUNDING_NM)
    np.testing.assert_allclose(frames, then, rtol=0, atol=TIPPED_NM)


def test_a_model_of_format_1_rolls_out_the_frames_that_it_did():
    assert header_of(FORMAT_1)["format_version"] == 1
    frames = lam.Surrogate.load(FORMAT_1).rollout("reference", 4, n_chains=2, seed=3).points_nm()
    then = np.load(FORMAT_1.with_suffix(".npy"))
    assert then.std(axis=1).max() > 1e-3
    check_same(frames, then)


@pytest.mark.parametrize(("path", "version"), [(FORMAT_2, 2), (FORMAT_3, 3), (FORMAT_4, 4)])
def test_a_model_of_a_later_format_rolls_out_the_frames_that_it_did(path, version):
    assert header_of(path)["format_version"] == version
    start = shivering_peptide("ASD", 1, spread=0)
    frames = lam.Surrogate.load(path).rollout(start, 4, n_chains=2, seed=3).points_nm()
    then = np.load(FORMAT_2.with_suffix(".npy"))
    assert then.std(axis=1).max() > 5e-4
    check_same(frames, then)


@pytest.mark.parametrize("path", [FORMAT_1, FORMAT_2], ids=["1", "2"])
def test_lists_of_older_headers_are_arrays_of_the_same_numbers(path):
    lists, content = header_of(path), read_content(path)
    for told, arrays in zip(lists["systems"], content.systems, strict=True):
        held, entities = told["constraints"], told["entities"]
        assert arrays["points/entity"].tolist() == entities["entity_of_point"]
        assert arrays["entities/kinds"].tolist() == entities["kinds"]
        np.testing.assert_array_equal(arrays["points/reference_nm"], np.array(told["reference_nm"], dtype=np.float32))
        assert arrays["pairs/lower_nm"].tolist() == held["lower_nm"]
        assert [None if end == np.inf else end for end in arrays["pairs/upper_nm"].tolist()] == held["upper_nm"]
        assert arrays["exchanges/flips"].tolist() == [exchange["flips"] for exchange in told["exchanges"]]
        names = [[name, symbol] for chain in told["topology"]["chains"] for r in chain for name, symbol in r["atoms"]]
        assert np.stack([arrays["atoms/name"], arrays["atoms/element"]], axis=1).tolist() == names
    starts = [arrays["starts/points_nm"] for arrays in content.systems if len(arrays["starts/points_nm"])]
    assert len(starts) == len(lists["starts_nm"])
    for own, told in zip(starts, lists["starts_nm"], strict=True):
        np.testing.assert_array_equal(own.ravel(), np.array(told, dtype=np.float32).ravel())
    assert content.header.provenance["data_sha256"] == lists["provenance"]["data_sha256"]
    assert content.header.provenance.get("trajectory_hashes") == lists["provenance"].get("trajectory_hashes")


def share_of_pairs(sequence):
    settings = preset_settings("peptide")
    trajectory = shivering_peptide(sequence, 20)
    trajectory.time *= settings.frame_interval_ps
    frames = Frames(prepare_data(gather(trajectory, settings), settings, None).datasets, settings)
    generator = torch.Generator()
    pairs, mask = frames.pairs.draw(np.arange(1), generator), frames.batch(np.arange(1), generator).slot_mask[0]
    n_slots = int(mask.sum())
    return 2 * float(pairs.weights.sum()) / (n_slots * (n_slots - 1))


@pytest.mark.parametrize("path", [FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4], ids=["1", "2", "3", "4"])
def test_systems_of_older_formats_keep_only_listed_pairs_apart(path):
    held = [system.constraints for system in lam.Surrogate.load(path).systems]
    assert [h.contact_nm for h in held] == [0.0] * len(held)
    assert all(np.isinf(h.upper_nm).any() for h in held)


def test_settings_of_format_1_mean_what_they_meant():
    assert header_of(FORMAT_1)["settings"]["autoencoder"]["distance_weight"] == 1.0
    settings = read_header(FORMAT_1).settings
    assert settings.autoencoder.distance_weight == pytest.approx(share_of_pairs("GAS"), rel=1e-5)
    assert settings.flow.optimisation.iteration_dtype == "bfloat16"
    assert settings.autoencoder.optimisation.iteration_dtype == "bfloat16"


def test_a_weight_of_distances_that_were_divided_by_what_counted_stays(tmp_path):
    header = header_of(FORMAT_2)
    header["format_version"] = 1
    header["settings"]["placement"] = "superposed"
    header["settings"]["autoencoder"]["distance_weight"] = 0.7
    path = write_with(tmp_path / "m.lamslide", header, load_file(FORMAT_2))
    assert read_header(path).settings.autoencoder.distance_weight == 0.7


def test_a_loss_that_had_no_meaning_is_taken_from_the_settings_and_kept_in_the_provenance(tmp_path):
    header = header_of(FORMAT_1)
    header["settings"]["flow"]["decoded_weight"] = 0.25
    upgraded = read_header(write_with(tmp_path / "m.lamslide", header, load_file(FORMAT_1)))
    assert upgraded.settings.flow.decoded_weight == 0
    assert upgraded.provenance["format_1"] == {"flow.decoded_weight": 0.25}


@pytest.mark.parametrize("old", [FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4], ids=["1", "2", "3", "4"])
def test_an_upgraded_model_is_saved_in_the_format_of_today(old, tmp_path):
    path = lam.Surrogate.load(old).save(tmp_path / "new.lamslide")
    assert header_of(path)["format_version"] == FORMAT_VERSION
    again, before = read_content(path), read_content(old)
    assert again.header == before.header
    assert again.vocabularies == before.vocabularies
    for one, other in zip(again.systems, before.systems, strict=True):
        for name, values in other.items():
            assert one[name].dtype == values.dtype
            np.testing.assert_array_equal(one[name], values)


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 0, -1, "1", 1.5, True, None, [1]])
def test_a_format_that_is_not_known_is_refused_by_its_number(tmp_path, version):
    header = {**header_of(FORMAT_1), "format_version": version}
    path = write_with(tmp_path / "m.lamslide", header, load_file(FORMAT_1))
    with pytest.raises(
        lam.InputError, match=r"has format version .*, this program reads 1 to 5; update lamslide_md"
    ) as e:
        lam.Surrogate.load(path)
    assert f"version {version}," in str(e.value)


def test_a_header_that_only_says_that_it_is_old_is_damaged(tmp_path):
    path = write_with(tmp_path / "m.lamslide", {"format_version": 1}, load_file(FORMAT_1))
    with pytest.raises(lam.InputError, match=r"is damaged: its header is not of the format that it tells \(KeyError"):
        lam.Surrogate.load(path)


def test_the_models_that_ship_say_what_their_distances_weigh():
    told = {
        name: read_header(pretrained_path(name)).settings.autoencoder.distance_weight for name in pretrained_names()
    }
    assert told["AGVD"] == pytest.approx(share_of_pairs("AGVD"), rel=1e-5)
    assert 0.23 < told["peptides"] < 0.27
