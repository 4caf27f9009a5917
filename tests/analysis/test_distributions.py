import numpy as np
import pytest

from lamslide_md.analysis.distributions import (
    MAX_JS_DISTANCE,
    angle_bins,
    angle_histograms,
    bins_of,
    free_energy_errors_kt,
    joint_edges,
    js_distance,
    js_distances,
    torsion_js_distances,
)
from lamslide_md.errors import InputError


def test_distance_of_disjoint_histograms_is_the_root_of_ln_2():
    assert js_distance(np.array([3.0, 0.0]), np.array([0.0, 7.0])) == pytest.approx(np.sqrt(np.log(2)), abs=1e-12)
    assert pytest.approx(0.8326, abs=5e-5) == MAX_JS_DISTANCE


def test_distance_of_a_known_mixture():
    # P = (1, 0), Q = (1/2, 1/2), M = (3/4, 1/4): D = [ln(4/3) + (ln(2/3) + ln 2)/2] / 2.
    divergence = 0.5 * np.log(4 / 3) + 0.25 * (np.log(2 / 3) + np.log(2))
    assert js_distance(np.array([5.0, 0.0]), np.array([2.0, 2.0])) == pytest.approx(np.sqrt(divergence), abs=1e-12)


def test_distance_does_not_depend_on_order_or_number_of_counts():
    first, second = np.array([1.0, 2, 3, 4]), np.array([4.0, 1, 0, 2])
    assert js_distance(first, second) == pytest.approx(js_distance(second, 10 * first), abs=1e-12)
    assert js_distance(first, 3 * first) == pytest.approx(0.0, abs=1e-7)


def test_an_empty_histogram_is_refused():
    with pytest.raises(InputError, match="without counts"):
        js_distance(np.zeros(3), np.ones(3))


def test_many_distances_at_once_equal_single_ones():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 3, 5)), rng.random((2, 3, 5))
    many = js_distances(first, second)
    assert many.shape == (2, 3)
    assert many[1, 2] == pytest.approx(js_distance(first[1, 2], second[1, 2]))


def test_samples_of_one_distribution_have_the_distance_of_their_noise():
    # E[D²] = (k - 1)/8 (1/n + 1/m) for k occupied bins: here 99/8 * 2/20000, so D = 0.0352.
    rng = np.random.default_rng(3)
    first, second = (rng.uniform(-np.pi, np.pi, size=(20_000, 50)) for _ in range(2))
    expected = np.sqrt(99 / 8 * 2 / 20_000)
    # 50 torsions, each with a relative spread of 1/sqrt(2 * 99).
    assert torsion_js_distances(first, second).mean() == pytest.approx(expected, rel=4 / np.sqrt(2 * 99 * 50))


def test_bins_hold_both_ends_of_the_circle():
    angles = np.array([-np.pi, np.float32(np.pi), 0.0, np.nextafter(np.pi, 0)])
    assert angle_bins(angles, 100).tolist() == [0, 99, 50, 99]
    assert angle_histograms(angles[:, None]).sum() == 4


def test_bins_on_the_joint_range_hold_every_value():
    first, second = np.array([0.0, 1.0]), np.array([-1.0, 0.5])
    edges = joint_edges([first, second], 4)
    np.testing.assert_allclose(edges, [-1, -0.5, 0, 0.5, 1])
    assert bins_of(np.array([-1.0, 1.0, 0.0]), edges).tolist() == [0, 3, 2]


def test_free_energy_error_of_known_populations():
    # Two states: |ln(0.5/0.8)| and |ln(0.5/0.2)|, averaged; an empty state counts as 1e-4.
    expected = 0.5 * (np.log(0.8 / 0.5) + np.log(0.5 / 0.2))
    assert free_energy_errors_kt(np.array([0.5, 0.5]), np.array([0.8, 0.2])) == pytest.approx(expected)
    assert free_energy_errors_kt(np.array([1.0, 0.0]), np.array([1.0, 1e-4])) == pytest.approx(0.0)
