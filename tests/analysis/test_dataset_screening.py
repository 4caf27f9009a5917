"""What a reader must know of the datasets: the same frames twice, too short, frozen, wells that were never crossed."""

import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.analysis.datasets.screening import frame_keys
from lamslide_md.errors import InputError

QUICK = {"rollout_interval_ps": 1.0, "reference_interval_ps": 1.0, "lag_ps": 5.0, "n_clusters": 20, "n_states": 2}


def compare(rollout, reference, **changes):
    return lam.compare(rollout, reference, **(QUICK | {"n_bootstrap": 5} | changes))


def repeats(comparison):
    return [note for note in comparison.notes if "are in both" in note or "are the same" in note]


def test_frames_have_the_same_key_where_their_positions_are_the_same_only(reference_md):
    keys = frame_keys(reference_md.xyz[:500])
    assert len(np.unique(keys)) == 500
    np.testing.assert_array_equal(frame_keys(reference_md.xyz[100:200]), keys[100:200])
    swapped = reference_md.xyz[:500].copy()
    swapped[:, [0, 1]] = swapped[:, [1, 0]]
    assert not np.isin(frame_keys(swapped), keys).any()


def test_independent_datasets_repeat_nothing(reference_md, replicate_md, two_state_alanine):
    comparison = compare(two_state_alanine(1000, seed=5), reference_md[:2000], replicate=replicate_md[:2000])
    assert repeats(comparison) == []


def test_a_comparison_with_itself_is_called_so(reference_md):
    half = compare(reference_md[500:1500], reference_md[:2000])
    assert repeats(half) == [
        "100 % of 1000 frames are in both the rollout and the reference: it is compared with itself"
    ]


def test_a_rollout_as_its_own_floor_is_called_so(reference_md, replicate_md):
    comparison = compare(replicate_md[:1000], reference_md[:2000], replicate=replicate_md[:2000:2])
    assert repeats(comparison) == []
    comparison = compare(replicate_md[:1000], reference_md[:2000], replicate=replicate_md[:1000])
    assert repeats(comparison) == [
        "100 % of 1000 frames are in both the replicate and the rollout: the floor is the rollout itself, and every "
        "ratio near 1"
    ]
    assert "note: 100 % of 1000 frames" in comparison.summary()


def test_a_replicate_that_is_the_reference_is_called_so(reference_md, replicate_md):
    comparison = compare(replicate_md[:1000], reference_md[:2000], replicate=[reference_md[:2000]])
    assert len(repeats(comparison)) == 1
    assert "both the replicate and the reference: the floor is no independent MD" in repeats(comparison)[0]


def test_a_trajectory_given_twice_in_one_dataset_is_called_so(reference_md, replicate_md):
    comparison = compare(replicate_md[:1000], [reference_md[:900], reference_md[1000:1900], reference_md[:900]])
    assert repeats(comparison) == ["reference trajectories 0 and 2 are the same: their frames count twice"]


def test_trajectories_shorter_than_the_lag_are_counted(reference_md, replicate_md):
    parts = [reference_md[:1000], *(reference_md[1000 + 5 * i : 1005 + 5 * i] for i in range(40))]
    comparison = compare(replicate_md[:1000], parts, replicate=[replicate_md[1000:2000], replicate_md[2000:2003]])
    expected = {
        "40 of 41 reference trajectories are shorter than the lag of 5 ps and do not enter TICA and MSMs",
        "1 of 2 replicate trajectories are shorter than the lag of 5 ps and do not enter MSMs",
    }
    assert {note for note in comparison.notes if "shorter than the lag" in note} == expected
    # Six frames last five intervals: as long as the lag.
    longer = [reference_md[:1000], reference_md[1000:1006]]
    assert not any("shorter than the lag" in note for note in compare(replicate_md[:1000], longer).notes)


@pytest.mark.parametrize("which", ["rollout", "reference", "replicate"])
def test_a_frozen_dataset_is_refused_in_one_line(reference_md, replicate_md, which):
    frozen = replicate_md[np.zeros(50, dtype=int)]
    datasets = {"rollout": replicate_md[:1000], "reference": reference_md[:1000], "replicate": replicate_md[1000:2000]}
    with pytest.raises(InputError, match=f"the {which} does not move: its 50 frames are one and the same structure"):
        compare(**(datasets | {which: frozen}), lag_ps=2.0)


def test_a_frozen_molecule_that_tumbles_does_not_move_either(reference_md, alanine):
    still = alanine(np.full(50, -1.2), np.full(50, 2.0), noise_nm=0.0)
    angle = np.linspace(0, 6, 50)
    still.xyz = np.stack(
        [
            frame @ np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
            for frame, a in zip(still.xyz, angle, strict=True)
        ]
    ).astype(np.float32)
    with pytest.raises(InputError, match="the rollout does not move"):
        compare(still, reference_md[:1000], lag_ps=2.0)


@pytest.fixture(scope="module")
def wells(alanine):
    """Trajectories that stay in one of the two wells of psi, or cross once at a frame."""

    def made(psi_deg: list[float], n_frames: int, seed: int):
        rng = np.random.default_rng(seed)
        psi = np.deg2rad(np.repeat(psi_deg, n_frames)) + rng.normal(scale=0.25, size=len(psi_deg) * n_frames)
        return alanine(-1.3 + rng.normal(scale=0.25, size=len(psi)), psi, seed=seed)

    return made


STATES_MSM = "js_distance_states_msm"


def test_populations_of_wells_never_crossed_are_no_result(wells, replicate_md):
    apart = [wells([-40.0], 2000, 1), wells([150.0], 2000, 2)]
    comparison = compare(replicate_md[:2000], apart, replicate=replicate_md[2000:4000])
    measure = comparison.measure(STATES_MSM)
    assert measure.rollout is None
    assert "rollout: MD: disconnected: 50% of the counts outside of the largest set" in measure.note
    assert any(failure.startswith("states (b) MSM") for failure in comparison.failures)
    # Occupancies need no transitions.
    assert comparison.measure("js_distance_states_occupancy").rollout > 0


def test_a_rollout_of_wells_never_crossed_has_no_populations_either(wells, reference_md):
    apart = [wells([-40.0], 1500, 1), wells([150.0], 500, 2)]
    measure = compare(apart, reference_md, replicate=reference_md[:1000]).measure(STATES_MSM)
    assert measure.rollout is None
    assert "rollout: disconnected: 25% of the counts outside of the largest set" in measure.note
    assert measure.floor is not None


def test_a_single_crossing_without_return_is_disconnected(wells, replicate_md):
    once = wells([-40.0, 150.0], 2000, 3)
    measure = compare(replicate_md[:2000], once, replicate=replicate_md[2000:4000]).measure(STATES_MSM)
    assert measure.rollout is None
    assert "MD: disconnected: 50% of the counts" in measure.note


def test_a_few_counts_outside_do_not_matter(wells, reference_md, two_state_alanine):
    # 50 of 2,050 frames in another well: 2.4 %, below the limit of 5 %.
    reference = [wells([150.0], 2000, 4), wells([-40.0], 50, 5)]
    measure = compare(wells([150.0], 2000, 6), reference, replicate=wells([150.0], 2000, 7)).measure(STATES_MSM)
    assert measure.rollout is not None
    ergodic = compare(two_state_alanine(2000, seed=8), reference_md, replicate=two_state_alanine(2000, seed=9))
    assert 0 <= ergodic.measure(STATES_MSM).rollout < 0.2
    assert ergodic.measure(STATES_MSM).note is None
