import numpy as np
import pytest

from lamslide_md.analysis.bootstrap import block_sums, bootstrap_weights, choose_n_blocks, split_into_blocks
from lamslide_md.analysis.kinetics.autocorrelation import (
    block_autocorrelation,
    cosine_autocorrelation,
    relaxation_times,
    torsion_autocorrelation,
)
from lamslide_md.errors import InputError


def direct_autocorrelation(angles: np.ndarray, lag: int) -> float:
    mean = np.abs(np.exp(1j * angles).mean()) ** 2
    cosines = np.cos(angles[lag:] - angles[: len(angles) - lag]).mean()
    return (cosines - mean) / (1 - mean)


def test_fft_equals_the_definition():
    rng = np.random.default_rng(0)
    angles = np.cumsum(rng.normal(size=(200, 2)), axis=0)
    curve = torsion_autocorrelation([angles], 150)
    for lag in (0, 1, 17, 149):
        assert curve[lag, 1] == pytest.approx(direct_autocorrelation(angles[:, 1], lag), abs=1e-10)


def test_a_two_state_torsion_forgets_exponentially(two_state_chain):
    # Leaving with 0.02 and 0.01 per frame, the autocorrelation decays by 0.97 per frame: 1/e after 32.8 frames.
    path = two_state_chain(200_000, (0.02, 0.01), 5)
    angles = np.array([0.0, 2.0])[path][:, None]
    curve = torsion_autocorrelation([angles], 200)
    expected = -1 / np.log(0.97)
    # The relative error of a relaxation time is about sqrt(2 t / n); 4 of them.
    tolerance = 4 * expected * np.sqrt(2 * expected / 200_000)
    assert relaxation_times(curve, np.arange(200.0))[0] == pytest.approx(expected, abs=tolerance)


def test_relaxation_time_of_an_exact_exponential_is_exact_even_between_far_lags():
    lags_ps = np.array([0.0, 5.0, 50.0, 60.0])
    assert relaxation_times(np.exp(-lags_ps / 20.0)[:, None], lags_ps)[0] == pytest.approx(20.0, rel=1e-12)


def test_a_torsion_that_does_not_relax_within_the_lags_has_no_relaxation_time():
    assert np.isnan(relaxation_times(np.array([[1.0], [0.9], [0.8]]), np.array([0.0, 1.0, 2.0]))[0])


def test_a_torsion_that_never_moves_has_no_autocorrelation():
    assert np.isnan(torsion_autocorrelation([np.full((50, 1), 0.3)], 10)).all()


def test_autocorrelation_of_uniform_rotation_is_the_cosine_of_the_lag():
    angles = (0.1 * np.arange(100.0))[:, None]
    np.testing.assert_allclose(cosine_autocorrelation(angles, [0, 3, 10])[:, 0], np.cos([0.0, 0.3, 1.0]), atol=1e-12)


def test_autocorrelation_pools_trajectories_and_never_crosses_their_seams():
    first, second = np.zeros((10, 1)), np.full((10, 1), np.pi)
    np.testing.assert_allclose(cosine_autocorrelation([first, second], [5]), 1.0)
    with pytest.raises(InputError, match="lag of 10 frames"):
        cosine_autocorrelation([first, second], [10])


def test_blocks_together_give_the_whole_autocorrelation():
    rng = np.random.default_rng(1)
    parts = [np.cumsum(rng.normal(size=(n, 3)), axis=0) for n in (120, 45, 200)]
    blocks = split_into_blocks([120, 45, 200], 12)
    n_blocks = int(blocks[-1][-1]) + 1
    blocks_of = block_autocorrelation(parts, blocks, n_blocks, [0, 1, 7, 50])
    curve = blocks_of.autocorrelation(np.ones((1, n_blocks)))[0]
    np.testing.assert_allclose(curve, torsion_autocorrelation(parts, 51)[[0, 1, 7, 50]], atol=1e-10)


def test_blocks_do_not_span_trajectories_and_hold_every_frame():
    blocks = split_into_blocks([100, 3, 50], 10)
    assert [len(block) for block in blocks] == [100, 3, 50]
    assert not set(blocks[0]) & set(blocks[1]) | set(blocks[1]) & set(blocks[2])
    joined = np.concatenate(blocks)
    assert (np.diff(joined) >= 0).all()
    assert set(joined) == set(range(joined.max() + 1))


def test_every_bootstrap_sample_has_as_many_blocks_as_the_data():
    assert (bootstrap_weights(7, 20, seed=1).sum(axis=1) == 7).all()


def test_sums_over_blocks_are_the_histogram():
    indices, blocks = [np.array([0, 1, 1]), np.array([2])], [np.array([0, 0, 1]), np.array([2])]
    sums = block_sums(indices, blocks, 3, 3)
    assert sums.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_slower_relaxation_gives_fewer_and_longer_blocks():
    assert choose_n_blocks(100_000.0, 10.0) == 50
    assert choose_n_blocks(10_000.0, 166.7) == 19
    assert choose_n_blocks(1_000.0, 500.0) == 10


def test_block_bootstrap_gives_the_error_of_a_correlated_mean(two_state_chain):
    path = two_state_chain(100_000, (0.02, 0.01), 11)
    blocks = split_into_blocks([len(path)], 50)
    sums = block_sums([path], blocks, 50, 2)
    draws = bootstrap_weights(50, 400, 0) @ sums
    populations = draws[:, 1] / draws.sum(axis=1)
    # Variance of the mean of a two-state chain with eigenvalue 0.97: p (1 - p) (1 + 0.97) / (1 - 0.97) / n.
    expected = np.sqrt(2 / 9 * 1.97 / 0.03 / 100_000)
    # 50 blocks give the standard error within 1/sqrt(2 * 49) = 10 %; 3.5 of them.
    assert populations.std() == pytest.approx(expected, rel=0.35)
