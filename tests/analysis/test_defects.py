"""Deliberately wrong rollouts: every defect shows in the measure it belongs to, and only there."""

import mdtraj as md
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.analysis.compare.comparison import Comparison

LN3 = np.log(3.0)
OF_FRAMES = ("js_distance_torsions_backbone", "js_distance_tic0", "js_distance_tic01", "js_distance_states_occupancy")
OF_TIME = ("autocorrelation_error", "relaxation_log_ratio", "timescale_log_ratio", "passage_log_ratio")
OF_STRUCTURE = ("broken_bond_fraction", "bond_error", "chirality_flip_fraction", "clash_fraction")


@pytest.fixture(scope="module")
def sound(two_state_alanine) -> md.Trajectory:
    """Another trajectory of the reference's process: what a perfect surrogate would return."""
    return two_state_alanine(8000, seed=3)


@pytest.fixture(scope="module")
def compared(reference_md, replicate_md):
    def against_reference(rollout: md.Trajectory, interval_ps: float = 1.0) -> Comparison:
        return lam.compare(
            rollout,
            reference_md,
            replicate=replicate_md,
            rollout_interval_ps=interval_ps,
            reference_interval_ps=1.0,
            lag_ps=6.0,
            n_clusters=20,
            n_states=2,
            n_bootstrap=50,
        )

    return against_reference


@pytest.fixture(scope="module")
def of_sound(compared, sound):
    return compared(sound)


def at_floor(comparison: Comparison, key: str) -> bool:
    """Within four errors of the noise floor (its ratio is a ratio of two noises: errors of both count)."""
    measure = comparison.measure(key)
    errors = np.hypot(measure.rollout_error or 0.0, measure.floor_error or 0.0)
    return measure.rollout <= measure.floor + 4 * errors


def same(comparison: Comparison, other: Comparison, key: str) -> bool:
    return comparison.measure(key).rollout == pytest.approx(other.measure(key).rollout, abs=1e-9)


def test_md_against_md_is_at_the_floor_everywhere(of_sound):
    for key in (*OF_FRAMES, *OF_TIME, *OF_STRUCTURE, "js_distance_states_msm", "transition_matrix_error"):
        assert at_floor(of_sound, key), key


def test_a_missing_basin_shows_in_the_distributions_of_its_torsion(compared, sound, of_sound):
    psi = md.compute_psi(sound, periodic=False)[1][:, 0]
    # The basin at -40 degrees holds a third of the frames.
    comparison = compared(sound[(psi > np.deg2rad(50)) | (psi < np.deg2rad(-130))])
    phi, psi_result = comparison.torsions
    assert psi_result.js_distance > 5 * psi_result.js_distance_floor
    assert phi.js_distance < 1.5 * phi.js_distance_floor
    # JSD of populations (0, 1) against (1/3, 2/3).
    mixture = np.array([1 / 6, 5 / 6])
    expected = np.sqrt(-0.5 * np.log(mixture[1]) + 0.5 * (np.log(2) / 3 + 2 / 3 * np.log(0.8)))
    assert comparison.measure("js_distance_states_occupancy").rollout == pytest.approx(expected, abs=0.06)
    for key in ("js_distance_tic0", "js_distance_states_occupancy", "free_energy_error"):
        assert not at_floor(comparison, key), key
    for key in OF_STRUCTURE:
        assert at_floor(comparison, key), key
    assert "0 transitions" in comparison.measure("timescale_log_ratio").note


def test_a_stretched_time_axis_shows_in_the_kinetics_as_its_factor(compared, sound, of_sound):
    comparison = compared(sound, interval_ps=3.0)
    for key in (*OF_FRAMES, *OF_STRUCTURE):
        assert same(comparison, of_sound, key), key
    for key in ("timescale_log_ratio", "passage_log_ratio"):
        measure = comparison.measure(key)
        assert measure.rollout == pytest.approx(LN3, abs=4 * measure.rollout_error), key
        assert not at_floor(comparison, key), key
    relaxation = comparison.torsions[1].relaxation_ps
    # Each relaxation time of 32.8 frames in 8000 is known within sqrt(2 * 33 / 8000) = 9 %; four times sqrt(2) that.
    assert np.log(relaxation["rollout"] / relaxation["reference"]) == pytest.approx(LN3, abs=0.5)
    # |0.97^(t/3) - 0.97^t| of the jumps, averaged over the lags and over psi, which has them, and phi, which has not.
    lags_ps = comparison.memory.lags_ps[1:]
    expected = np.abs(0.97 ** (lags_ps / 3) - 0.97**lags_ps).mean() / 2
    measure = comparison.measure("autocorrelation_error")
    assert measure.rollout == pytest.approx(expected, abs=4 * measure.rollout_error)
    assert measure.ratio > 3
    # Populations from an MSM do not depend on the time axis either.
    assert at_floor(comparison, "js_distance_states_msm")


def test_shuffled_frames_show_in_the_kinetics_as_no_autocorrelation_at_all(compared, sound, of_sound):
    comparison = compared(sound[np.random.default_rng(0).permutation(sound.n_frames)])
    for key in (*OF_FRAMES, *OF_STRUCTURE):
        assert same(comparison, of_sound, key), key
    for key in (*OF_TIME, "transition_matrix_error"):
        assert not at_floor(comparison, key), key
    assert comparison.torsions[1].relaxation_ps["rollout"] < 1.0
    assert at_floor(comparison, "js_distance_states_msm")


def test_a_stretched_bond_shows_in_the_structure(compared, sound, of_sound):
    broken = sound[:]
    broken.xyz = sound.xyz.copy()
    tenth = slice(None, None, 10)
    broken.xyz[tenth, -1] += 0.5 * (broken.xyz[tenth, -1] - broken.xyz[tenth, -2])
    comparison = compared(broken)
    assert comparison.measure("broken_bond_fraction").rollout == pytest.approx(0.1)
    assert not at_floor(comparison, "bond_error")
    for key in (*OF_FRAMES, *OF_TIME, "chirality_flip_fraction", "clash_fraction"):
        assert same(comparison, of_sound, key), key


def test_a_mirrored_tenth_shows_as_flipped_chirality(compared, sound, of_sound):
    mirrored = sound[:]
    mirrored.xyz = sound.xyz.copy()
    mirrored.xyz[::10] *= np.array([1, 1, -1], dtype=np.float32)
    comparison = compared(mirrored)
    assert comparison.measure("chirality_flip_fraction").rollout == pytest.approx(0.1)
    for key in ("broken_bond_fraction", "bond_error", "clash_fraction"):
        assert same(comparison, of_sound, key), key
