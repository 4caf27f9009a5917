import itertools

import numpy as np
import pytest

from lamslide_md.analysis.msm.paths import path_log_likelihoods, smoothed_transition_matrix

TRANSITION = np.array([[0.9, 0.1, 0.0], [0.05, 0.9, 0.05], [0.0, 0.2, 0.8]]) * 0.97 + 0.01


def test_all_paths_between_two_ends_have_a_total_probability_of_one():
    paths = np.array([(0, *inner, 2) for inner in itertools.product(range(3), repeat=4)])
    assert np.exp(4 * path_log_likelihoods(TRANSITION, paths)).sum() == pytest.approx(1.0)


def test_paths_of_the_chain_are_likelier_than_those_of_a_chain_of_other_speed():
    rng = np.random.default_rng(0)

    def sample(matrix, n):
        states = np.zeros((n, 12), dtype=int)
        for frame in range(1, 12):
            u = rng.random(n)[:, None]
            states[:, frame] = (matrix.cumsum(axis=1)[states[:, frame - 1]] < u).sum(axis=1)
        return states[states[:, -1] == 2]

    own, faster = (sample(matrix, 20_000) for matrix in (TRANSITION, TRANSITION @ TRANSITION @ TRANSITION))
    assert path_log_likelihoods(TRANSITION, own).mean() > path_log_likelihoods(TRANSITION, faster).mean() + 0.1


def test_smoothing_leaves_many_counts_as_they_are_and_no_zeros():
    matrix = smoothed_transition_matrix(np.array([[900.0, 100.0, 0.0], [100.0, 800.0, 10.0], [0.0, 10.0, 0.0]]))
    np.testing.assert_allclose(matrix.sum(axis=1), 1)
    assert matrix[0, :2] == pytest.approx([0.9, 0.1], abs=1e-3)
    assert 0 < matrix[0, 2] < 1e-3
