import numpy as np
import pytest
import torch
from scipy.linalg import eigh

from lamslide_md.analysis.features import torsion_features
from lamslide_md.analysis.msm.counts import (
    NotEstimableError,
    core_transitions,
    count_transitions,
    largest_connected_set,
)
from lamslide_md.analysis.msm.model import fit_markov_model
from lamslide_md.analysis.msm.states import find_states, supported_states
from lamslide_md.analysis.reference_model import assign, fit_centres, fit_reference_model, fit_tica
from lamslide_md.errors import InputError


def test_counts_of_a_known_path():
    path = np.array([0, 0, 1, 0, 1, 1])
    assert count_transitions([path], 2, 1).tolist() == [[1, 2], [1, 1]]
    assert count_transitions([path[:3], path[3:]], 2, 1).tolist() == [[1, 2], [0, 1]]


def test_msm_of_a_two_state_chain_has_its_timescale_and_populations(two_state_chain):
    n, leave = 200_000, (0.02, 0.01)
    path = two_state_chain(n, leave, 3)
    model = fit_markov_model([path], 2, lag_frames=5, lag_ps=10.0)
    eigenvalue = 1 - sum(leave)
    # An eigenvalue estimated from n steps errs by sqrt((1 - λ²)/n), hence -1/ln λ by 1/(λ ln²λ) times that.
    error_ps = 2.0 * np.sqrt((1 - eigenvalue**2) / n) / (eigenvalue * np.log(eigenvalue) ** 2)
    assert model.timescales_ps[0] == pytest.approx(-2.0 / np.log(eigenvalue), abs=5 * error_ps)
    error = np.sqrt(2 / 9 * (1 + eigenvalue) / (1 - eigenvalue) / n)
    assert model.stationary[1] == pytest.approx(2 / 3, abs=4 * error)
    assert model.timescale(0)[0] == model.timescales_ps[0]


def test_a_timescale_seen_in_few_transitions_is_refused_with_their_number():
    path = np.repeat([0, 1, 0, 1, 0], 500)
    value, reason = fit_markov_model([path], 2, 1, 1.0).timescale(0)
    assert value is None
    assert reason == "only 4 transitions seen, 20 needed"


def test_the_connected_set_is_the_one_of_most_counts_not_of_most_clusters():
    counts = np.zeros((5, 5))
    counts[:2, :2] = 100.0
    counts[2:, 2:] = 1.0
    # A way out without return connects nothing.
    counts[1, 2] = 7.0
    assert largest_connected_set(counts).tolist() == [0, 1]


def test_a_disconnected_chain_has_no_timescale():
    rng = np.random.default_rng(0)
    apart = [rng.integers(0, 2, 1000), rng.integers(2, 4, 900)]
    model = fit_markov_model(apart, 4, 1, 1.0)
    assert model.active.tolist() == [0, 1]
    assert model.stationary[2:].tolist() == [0, 0]
    value, reason = model.timescale(0)
    assert value is None
    assert "47%" in reason


def test_a_path_without_return_has_no_msm():
    with pytest.raises(NotEstimableError, match="no two clusters are connected"):
        fit_markov_model([np.array([0, 0, 0, 1, 1, 1])], 2, 1, 1.0)


def test_recrossing_of_a_barrier_is_no_transition():
    # Cluster 1 is the barrier: the path touches it but goes over only once.
    path = np.array([0, 1, 0, 1, 0, 1, 2, 1, 2, 1, 2])
    vector = np.array([[-1.0], [0.1], [1.0]])
    assert core_transitions([path], vector, np.full(3, 1 / 3)).tolist() == [1]


def test_tica_equals_the_direct_eigen_solution(two_state_chain):
    rng = np.random.default_rng(2)
    angles = np.array([-0.7, 2.6])[two_state_chain(20_000, (0.02, 0.01), 4)][:, None] + rng.normal(size=(20_000, 2)) / 4
    lag = 10
    model, n_tics = fit_tica([angles], lag)
    features = torsion_features(angles)
    early, late = features[:-lag], features[lag:]
    both = np.vstack([early, late])
    mean = both.mean(axis=0)
    instantaneous = np.cov(both.T, bias=True)
    lagged = (early - mean).T @ (late - mean) / len(early)
    values = eigh((lagged + lagged.T) / 2, instantaneous, eigvals_only=True)
    expected = values[np.argsort(np.abs(values))[::-1]]
    np.testing.assert_allclose(model.singular_values[:2], expected[:2], atol=1e-4)
    assert n_tics == 2
    # Kinetic map: the variance of a TIC is the square of its eigenvalue.
    slowest = np.asarray(model.transform(features))[:, 0]
    assert slowest.std() == pytest.approx(abs(expected[0]), rel=1e-2)


def test_the_slowest_tic_follows_the_jumping_torsion(two_state_chain):
    rng = np.random.default_rng(6)
    path = two_state_chain(20_000, (0.02, 0.01), 7)
    angles = np.stack([rng.normal(size=20_000), np.array([-0.7, 2.6])[path] + rng.normal(size=20_000) / 4], axis=1)
    slowest = np.asarray(fit_tica([angles], 10)[0].transform(torsion_features(angles)))[:, 0]
    assert abs(np.corrcoef(slowest, path)[0, 1]) > 0.95


def test_tica_refuses_trajectories_shorter_than_its_lag():
    with pytest.raises(InputError, match="lag of 100 frames needs a longer trajectory than 50"):
        fit_tica([np.zeros((50, 1))], 100)


def test_more_clusters_than_frames_are_refused():
    with pytest.raises(InputError, match="20 frames for 100 clusters"):
        fit_centres(np.random.default_rng(0).normal(size=(20, 2)), 100, 0)


def test_clustering_leaves_torch_the_threads_it_had():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    tics = np.random.default_rng(0).normal(size=(200, 2))
    assert set(assign(fit_centres(tics, 4, 0), tics)) == {0, 1, 2, 3}
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def three_well_path(n_frames: int, seed: int) -> np.ndarray:
    transition = np.array([[0.97, 0.02, 0.01], [0.02, 0.97, 0.01], [0.01, 0.01, 0.98]])
    rng = np.random.default_rng(seed)
    steps = rng.random(n_frames)
    edges = transition.cumsum(axis=1)
    path = np.zeros(n_frames, dtype=int)
    for frame in range(1, n_frames):
        path[frame] = np.searchsorted(edges[path[frame - 1]], steps[frame])
    # Every well has four clusters, visited at random.
    return 4 * path + rng.integers(0, 4, n_frames)


def test_three_wells_are_found_and_not_the_ten_asked_for():
    model = fit_markov_model([three_well_path(60_000, 0)], 12, 5, 5.0)
    assert supported_states(model, 10) < 10
    states, notes = find_states(model, 3)
    assert len(set(states)) == 3
    for well in range(3):
        assert len(set(states[4 * well : 4 * well + 4])) == 1
    assert notes == ()


def test_states_are_cut_back_with_a_note_when_the_spectrum_is_noise():
    rng = np.random.default_rng(0)
    model = fit_markov_model([rng.integers(0, 30, 20_000)], 30, 1, 1.0)
    states, notes = find_states(model, 10)
    assert len(set(states)) < 10
    assert "instead of 10" in notes[0]


def test_a_landscape_is_the_same_for_the_same_seed(two_state_chain):
    rng = np.random.default_rng(8)
    angles = np.array([-0.7, 2.6])[two_state_chain(5_000, (0.02, 0.01), 9)][:, None] + rng.normal(size=(5_000, 1)) / 4
    fits = [
        fit_reference_model([angles], tica_lag_frames=5, lag_frames=5, lag_ps=5.0, n_clusters=20, n_states=5, seed=3)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(fits[0].centres, fits[1].centres)
    np.testing.assert_array_equal(fits[0].state_of_cluster, fits[1].state_of_cluster)
    assert fits[0].n_states >= 2
