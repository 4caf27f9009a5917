import json
import re

import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.analysis.measures.measure import KINDS
from lamslide_md.errors import InputError

QUICK = {"lag_ps": 5.0, "n_clusters": 20, "n_states": 4, "n_bootstrap": 20}


def compare(rollout, reference, **changes):
    settings = {"rollout_interval_ps": 1.0, "reference_interval_ps": 1.0} | QUICK | changes
    return lam.compare(rollout, reference, **settings)


@pytest.fixture(scope="module")
def of_replicate(reference_md, replicate_md):
    return compare(replicate_md, reference_md, provenance={"rollout_ns_per_s": 6.0, "md_ns_per_s": 0.1, "seed": 5})


def test_the_reference_against_itself_is_perfect(reference_md):
    comparison = compare(reference_md, reference_md)
    for measure in comparison.measures:
        if measure.kind.key in ("js_distance_torsions_side_chain", "flux_error"):
            # No side chain with torsions; two states have a single flux.
            assert measure.rollout is None
        elif measure.reference is not None:
            assert measure.rollout == pytest.approx(measure.reference, abs=1e-12)
        else:
            assert measure.rollout == pytest.approx(0.0, abs=1e-7), measure.kind.key
            assert measure.floor is not None


def test_another_chain_of_the_same_process_is_as_good_as_the_floor(of_replicate):
    for key in ("js_distance_torsions_backbone", "js_distance_tic0", "autocorrelation_error"):
        measure = of_replicate.measure(key)
        # Both are noise of the same size; the halves behind the floor are half as long: sqrt(2), and 3 for the spread.
        assert 0 < measure.rollout < 3 * measure.floor
        assert measure.ratio == pytest.approx(measure.rollout / measure.floor)
        assert measure.rollout_error > 0
        assert measure.ratio_error > 0


def test_torsion_noise_has_its_expected_size(reference_md, replicate_md):
    phi = compare(replicate_md, reference_md).torsions[0]
    # phi is white noise: E[D²] = sum over bins of (variance of counts), about (k - 1)/8 (2/8000) for k occupied bins.
    # A Gaussian of 0.25 rad fills some 25 bins of 0.063 rad with more than single counts.
    assert 0.5 * np.sqrt(20 / 8 * 2 / 8000) < phi.js_distance < 2 * np.sqrt(35 / 8 * 2 / 8000)


def test_a_coarser_rollout_of_the_same_process_agrees_at_common_lags(reference_md, replicate_md):
    coarse = compare(replicate_md[::5], reference_md, rollout_interval_ps=5.0)
    assert coarse.memory.lags_ps[1] == 5.0
    relaxation = coarse.torsions[1].relaxation_ps
    # 1/e after 32.8 ps, each within 4 sqrt(2 * 33 / 8000) = 36 %.
    assert relaxation["rollout"] == pytest.approx(32.8, rel=0.36)
    assert relaxation["reference"] == pytest.approx(32.8, rel=0.36)


def test_hydrogens_in_one_dataset_change_nothing(two_state_alanine, reference_md):
    full = two_state_alanine(2000, seed=3, hydrogens=True)
    bare = full.atom_slice(full.topology.select("not element H"))
    results = [compare(rollout, reference_md).to_dict()["measures"] for rollout in (full, bare)]
    assert results[0] == results[1]


def test_several_trajectories_of_a_dataset_are_their_union(reference_md, replicate_md):
    whole = compare(replicate_md, reference_md)
    parts = compare([replicate_md[:3000], replicate_md[3000:]], [reference_md[:5000], reference_md[5000:]])
    for key in ("js_distance_torsions_all", "bond_error"):
        assert parts.measure(key).rollout == pytest.approx(whole.measure(key).rollout, abs=1e-7)


def test_a_replicate_sets_the_floor_with_as_many_frames_as_the_rollout(reference_md, replicate_md, two_state_alanine):
    comparison = compare(two_state_alanine(1000, seed=9), reference_md, replicate=replicate_md)
    assert "independent MD replicate of 8 ns, 1000 frames every 8 ps" in comparison.floor
    assert comparison.settings["sides"]["floor"]["n_frames"] == 1000
    # A replicate equal to the rollout has its distances, and every ratio is 1.
    same = compare(replicate_md, reference_md, replicate=replicate_md)
    for measure in same.measures:
        if measure.ratio is not None:
            assert measure.ratio == pytest.approx(1.0)


def test_same_seed_same_numbers(reference_md, replicate_md):
    results = [compare(replicate_md, reference_md, seed=3).to_dict() for _ in range(2)]
    assert results[0] == results[1]


def test_everything_is_json_without_nan(of_replicate, tmp_path):
    of_replicate.save_json(tmp_path / "comparison.json")
    loaded = json.loads((tmp_path / "comparison.json").read_text())
    assert loaded == of_replicate.to_dict()
    assert {m["kind"]["key"] for m in loaded["measures"]} == set(KINDS)
    assert loaded["provenance"]["versions"]["deeptime"]
    assert len(loaded["maps"]["torsions"]["rollout"][1]) == 100


def test_the_summary_names_measures_floor_and_speed(of_replicate):
    summary = of_replicate.summary()
    for expected in ("torsions, backbone", "MD floor", "±", "states (b) MSM", "rollout / MD: 60x", "second half"):
        assert expected in summary
    assert "side chain" not in summary
    assert max(map(len, summary.splitlines()[:20])) <= 110


def test_measures_are_found_by_key(of_replicate):
    with pytest.raises(KeyError, match="no measure 'jsd'"):
        of_replicate.measure("jsd")


def test_free_energies_are_in_kt_without_a_temperature_and_in_kcal_with_one(reference_md, replicate_md, of_replicate):
    in_kt = of_replicate.measure("free_energy_error")
    in_kcal = compare(replicate_md, reference_md, temperature_K=300.0).measure("free_energy_error")
    assert (in_kt.kind.unit, in_kcal.kind.unit) == ("kT", "kcal/mol")
    assert in_kcal.rollout == pytest.approx(in_kt.rollout * 0.5962, rel=1e-3)
    assert in_kcal.ratio == pytest.approx(in_kt.ratio)


def test_a_short_rollout_is_refused_with_lag_and_length(reference_md):
    with pytest.raises(InputError, match="rollout lasts 49 ps, not longer than lag_ps=100"):
        compare(reference_md[:50], reference_md, lag_ps=100.0)


def test_an_interval_that_does_not_divide_the_lag_is_refused(reference_md):
    with pytest.raises(
        InputError, match="lag_ps on the frames of the rollout 5 ps is not a whole number of frames of 3"
    ):
        compare(reference_md, reference_md, rollout_interval_ps=3.0)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"n_clusters": 0}, "n_clusters=0 must be at least 2"),
        ({"n_states": 1}, "n_states=1 must be at least 2"),
        ({"n_bootstrap": 0}, "n_bootstrap=0 must be at least 2"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
        ({"temperature_K": 0.0}, "temperature_K=0 must be positive"),
        ({"lag_ps": -5.0}, "lag_ps=-5 must be positive"),
    ],
)
def test_settings_without_meaning_are_refused_with_their_value(reference_md, setting, message):
    with pytest.raises(InputError, match=message):
        compare(reference_md, reference_md, **setting)


def test_a_lag_in_words_is_auto_or_refused():
    from lamslide_md.analysis.compare import _lag_ps

    assert _lag_ps("auto") is None
    assert _lag_ps(np.float32(5.0)) == 5.0
    with pytest.raises(InputError, match="lag_ps must be a time in ps or \"auto\", got 'fast'"):
        _lag_ps("fast")


def test_an_automatic_lag_is_used_and_explained(reference_md, replicate_md):
    comparison = compare(replicate_md[::2], reference_md, rollout_interval_ps=2.0, lag_ps="auto")
    assert comparison.settings["lag_ps"] % 2.0 == 0
    assert comparison.markov.lag_ps == comparison.settings["lag_ps"]
    assert "timescale of MD" in comparison.settings["lag_reason"]


def test_an_interval_that_is_no_time_is_refused(reference_md):
    with pytest.raises(InputError, match="rollout_interval_ps=0 must be positive"):
        compare(reference_md, reference_md, rollout_interval_ps=0.0)


def test_a_rollout_that_never_leaves_a_basin_has_no_timescale_and_says_why(reference_md, alanine):
    rng = np.random.default_rng(4)
    stuck = alanine(-1.3 + 0.25 * rng.normal(size=3000), 2.6 + 0.25 * rng.normal(size=3000))
    comparison = compare(stuck, reference_md)
    assert comparison.measure("timescale_log_ratio").rollout is None
    assert "MD's process seen in only 0 transitions" in comparison.measure("timescale_log_ratio").note
    assert any("implied timescales" in failure for failure in comparison.failures)
    assert comparison.measure("js_distance_states_occupancy").rollout > 0.2
    assert "implied timescales" in comparison.summary()


def test_the_report_is_one_file_with_all_figures_and_no_outside_reference(of_replicate, tmp_path):
    of_replicate.save_report(tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    # Ramachandran, TICs, two torsions, two autocorrelations, timescales; for the two states populations, transitions,
    # passage times and a Chapman-Kolmogorov test each.
    assert html.count("data:image/png;base64,") == 12
    # The viewer's own script may name addresses; nothing the page itself loads may.
    page = re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)
    assert "http" not in page
    assert not re.search(r"<(link|iframe)|(src|href)=.(?!data:image)", page)
    assert "Redistribution and use in source and binary forms" in html
    assert 'name="viewport"' in html
    assert "60x" in html


def test_a_molecule_that_is_no_peptide_is_compared_by_the_torsions_of_its_bonds(butanol, tmp_path):
    reference, rollout = butanol(3000, 0), butanol(3000, 1)
    comparison = compare(rollout, reference)
    assert [t.name for t in comparison.torsions] == ["C0-C1-C2-C3 MOL0", "C1-C2-C3-O4 MOL0"]
    assert comparison.measure("js_distance_torsions_backbone").rollout is None
    assert 0 < comparison.measure("js_distance_torsions_all").rollout < 0.15
    comparison.save_report(tmp_path / "report.html")
    assert "Ramachandran" not in (tmp_path / "report.html").read_text(encoding="utf-8").split("<script")[0]
    assert "backbone" not in comparison.summary()


def test_provenance_cannot_inject_markup(reference_md, replicate_md, tmp_path):
    comparison = compare(replicate_md, reference_md, provenance={"title": "<script>alert(1)</script>"})
    comparison.save_report(tmp_path / "report.html")
    assert "<script>alert" not in (tmp_path / "report.html").read_text(encoding="utf-8")
