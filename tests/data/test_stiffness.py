import numpy as np
import pytest

from lamslide_md.training import stiffness
from lamslide_md.training.stiffness import distance_variances, weights_by_stiffness


def weights_of(points, share):
    """Of all pairs, in rising order."""
    variances = distance_variances(points, *np.triu_indices(points.shape[1], k=1))
    return weights_by_stiffness(variances, variances[:0], 0, share)[0]


def test_a_rigid_pair_outweighs_a_loose_one_by_the_ratio_of_their_variances():
    generator = np.random.default_rng(0)
    points = np.zeros((5000, 3, 2))
    points[:, 1, 0] = 1 + 0.1 * generator.normal(size=5000)
    points[:, 2, 0] = 10 + 1.0 * generator.normal(size=5000)
    weights = weights_of(points, share=1.0)
    # Variances 0.01 and 1, both raised by 0.003 of the median, which is about 1.
    assert 60 < weights[0] / weights[1] < 100
    np.testing.assert_allclose(weights.mean(), 1, rtol=1e-6)


def test_no_share_weighs_all_pairs_alike():
    np.testing.assert_allclose(weights_of(np.random.default_rng(0).normal(size=(100, 4, 3)), share=0.0), np.ones(6))


def test_pairs_taken_a_few_at_a_time_have_the_same_variances(monkeypatch):
    points = np.random.default_rng(0).normal(size=(50, 9, 3)).astype(np.float32)
    first, second = np.triu_indices(9, k=1)
    together = distance_variances(points, first, second)
    monkeypatch.setattr(stiffness, "NUMBERS_AT_ONCE", 4 * 50 * 3)
    np.testing.assert_array_equal(distance_variances(points, first, second), together)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_far_pairs_are_alike_and_the_mean_over_all_pairs_is_one(share):
    generator = np.random.default_rng(0)
    listed, drawn = generator.uniform(0.001, 0.01, size=300), generator.uniform(0.1, 1, size=400)
    weights, far_weight = weights_by_stiffness(listed, drawn, 10_000, share)
    assert (weights.sum() + 10_000 * far_weight) / 10_300 == pytest.approx(1, rel=1e-6)
    ratio = (1 / (drawn + 0.003 * np.median(drawn))).mean() / (1 / (listed + 0.003 * np.median(drawn))).mean()
    assert far_weight - (1 - share) == pytest.approx(ratio * (weights.mean() - (1 - share)), rel=1e-4)
