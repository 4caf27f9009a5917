import numpy as np
import pytest

from lamslide_md.analysis.bootstrap import split_into_blocks
from lamslide_md.analysis.datasets.dataset import Dataset, Projected, describe, project
from lamslide_md.analysis.features import Torsion, torsion_angles
from lamslide_md.analysis.kinetics.chapman_kolmogorov import chapman_kolmogorov
from lamslide_md.analysis.kinetics.timescales import bayesian_timescales
from lamslide_md.analysis.lag_choice import choose_lag
from lamslide_md.analysis.msm.counts import state_entries
from lamslide_md.analysis.msm.states import coarse_grain, mean_first_passage_times
from lamslide_md.analysis.reference_model import fit_reference_model

TWO_STATES = np.array([[0.98, 0.02], [0.01, 0.99]])
TORSIONS = (Torsion("phi ALA1", "backbone", (1, 3, 4, 5)), Torsion("psi ALA1", "backbone", (3, 4, 5, 8)))


def reversible_matrix(n_states: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    flows = np.random.default_rng(seed).random((n_states, n_states))
    flows += flows.T + 3 * np.eye(n_states)
    stationary = flows.sum(axis=1) / flows.sum()
    return flows / flows.sum(axis=1, keepdims=True), stationary


def test_first_passage_of_a_two_state_chain_is_the_inverse_rate():
    # From state 0 the wait is geometric with 0.02 per step of 5 ps: 250 ps; from state 1 500 ps.
    stationary = np.array([1 / 3, 2 / 3])
    times_ps = mean_first_passage_times(TWO_STATES, stationary, np.array([0, 1]), 2, 5.0)
    np.testing.assert_allclose(times_ps, [[0, 250], [500, 0]], atol=1e-9)


def test_first_passage_between_groups_of_clusters_solves_its_linear_equations():
    matrix, stationary = reversible_matrix(6, 0)
    states = np.array([0, 0, 1, 1, 2, 2])
    times_ps = mean_first_passage_times(matrix, stationary, states, 3, 2.0)
    # m = lag + T m outside of the target; from equilibrium within the state.
    outside = np.linalg.solve(np.eye(4) - matrix[:4, :4], np.full(4, 2.0))
    assert times_ps[0, 2] == pytest.approx(np.average(outside[:2], weights=stationary[:2]), rel=1e-9)


def test_a_state_without_clusters_has_no_first_passage():
    matrix, stationary = reversible_matrix(4, 1)
    times_ps = mean_first_passage_times(matrix, stationary, np.array([0, 0, 2, 2]), 3, 1.0)
    assert np.isnan(times_ps[1]).all()
    assert np.isnan(times_ps[:, 1]).all()


def test_coarse_graining_conserves_probability_and_detailed_balance():
    matrix, stationary = reversible_matrix(6, 2)
    populations, coarse = coarse_grain(matrix, stationary, np.array([0, 1, 1, 2, 2, 2]), 3)
    np.testing.assert_allclose(populations, [stationary[0], stationary[1:3].sum(), stationary[3:].sum()])
    np.testing.assert_allclose(coarse.sum(axis=1), 1.0)
    flux = populations[:, None] * coarse
    np.testing.assert_allclose(flux, flux.T, atol=1e-15)


def test_entries_are_seen_once_per_lag():
    path = np.array([0, 1, 0, 1, 1, 1, 0, 0])
    assert state_entries([path], 2, 1).tolist() == [2, 2]
    assert state_entries([path], 2, 2).tolist() == [1, 1]


def projected_chain(path: np.ndarray, n_blocks: int = 30) -> Projected:
    nothing = np.zeros((len(path), 1))
    blocks = split_into_blocks([len(path)], n_blocks)
    return Projected("chain", 2.0, (nothing,), (nothing,), (path,), blocks, np.ones((1, n_blocks)))


def test_bayesian_interval_holds_the_true_timescale_and_shrinks_with_data(two_state_chain):
    path = two_state_chain(100_000, (0.02, 0.01), 12)
    expected = -2.0 / np.log(0.97)
    for n_frames in (10_000, 100_000):
        low, high = bayesian_timescales(projected_chain(path[:n_frames]), 2, 10.0, n_processes=1, seed=1)[0]
        # The relative error of a timescale t of a chain of n steps is about sqrt(2 t / n); 30 blocks and 40 samples
        # know it within some 20 %.
        error_ps = expected * np.sqrt(2 * (expected / 2.0) / n_frames)
        assert (high - low) / 2 == pytest.approx(error_ps, rel=0.6)
        assert (low + high) / 2 == pytest.approx(expected, abs=4 * error_ps)


def test_bayesian_samples_are_reproducible(two_state_chain):
    projected = projected_chain(two_state_chain(5_000, (0.02, 0.01), 13))
    first, second = (bayesian_timescales(projected, 2, 4.0, n_processes=1, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_processes_there_are_not_have_no_interval(two_state_chain):
    projected = projected_chain(two_state_chain(5_000, (0.02, 0.01), 14))
    assert np.isnan(bayesian_timescales(projected, 2, 4.0, n_processes=3, seed=4)[1:]).all()


@pytest.fixture(scope="module")
def described(reference_md):
    dataset = Dataset("reference", (reference_md.xyz,), 1.0)

    def at_lag(lag_frames: int):
        angles = (torsion_angles(reference_md.xyz, TORSIONS),)
        reference_model = fit_reference_model(
            angles,
            tica_lag_frames=lag_frames,
            lag_frames=lag_frames,
            lag_ps=float(lag_frames),
            n_clusters=20,
            n_states=2,
            seed=0,
        )
        projected = project(
            dataset, describe(dataset, angles, reference_model), relaxation_ps=33.0, n_bootstrap=20, seed=0
        )
        return projected, reference_model

    return at_lag


def test_a_markov_chain_passes_the_chapman_kolmogorov_test(described):
    projected, reference_model = described(5)
    test = chapman_kolmogorov(projected, reference_model, 5.0)
    assert test.lags_ps.tolist() == [5, 10, 15, 20, 25]
    np.testing.assert_allclose(test.predicted[0], test.estimated[0], atol=1e-9)
    difference = np.abs(test.predicted - test.estimated)[1:]
    assert (difference < 4 * (test.predicted_error + test.estimated_error)[1:]).all()
    assert test.largest_deviation < 0.02


def test_staying_probability_of_the_two_state_chain_is_known(described):
    projected, reference_model = described(5)
    test = chapman_kolmogorov(projected, reference_model, 5.0)
    # States by falling population 2/3 and 1/3: P(stay) = p + (1 - p) 0.97^t.
    for state, population in enumerate((2 / 3, 1 / 3)):
        expected = population + (1 - population) * 0.97**test.lags_ps
        np.testing.assert_allclose(test.estimated[:, state], expected, atol=0.05)


def test_the_lag_of_a_markov_chain_is_the_shortest_with_the_reason(described, reference_md):
    choice = choose_lag(
        (torsion_angles(reference_md.xyz, TORSIONS),),
        1.0,
        base_ps=5.0,
        longest_ps=7999.0,
        relaxation_ps=33.0,
        n_clusters=20,
        seed=0,
    )
    assert choice.lag_ps == 5.0
    assert "changes by" in choice.reason


def test_without_a_resolved_timescale_the_lag_follows_the_relaxation():
    rng = np.random.default_rng(0)
    angles = rng.normal(scale=0.3, size=(2000, 2))
    choice = choose_lag((angles,), 1.0, base_ps=1.0, longest_ps=1999.0, relaxation_ps=8.0, n_clusters=20, seed=0)
    assert 2.0 <= choice.lag_ps <= 4.0
    assert "no timescale of MD is resolved" in choice.reason
