import numpy as np

from lamslide_md.data.entities import Entities
from lamslide_md.data.stiffness import stiffness_weights


def test_a_rigid_pair_outweighs_a_loose_one_by_the_ratio_of_their_variances():
    generator = np.random.default_rng(0)
    points = np.zeros((5000, 3, 2))
    points[:, 1, 0] = 1 + 0.1 * generator.normal(size=5000)
    points[:, 2, 0] = 10 + 1.0 * generator.normal(size=5000)
    weights = stiffness_weights(Entities.points(["a"] * 3, dim=2), points, share=1.0)[:, 0, :, 0]
    ratio = weights[0, 1] / weights[0, 2]
    # Variances 0.01 and 1, both raised by 0.003 of the median, which is about 1.
    assert 60 < ratio < 100
    np.testing.assert_allclose(weights, weights.T)
    np.testing.assert_allclose(weights[np.triu_indices(3, k=1)].mean(), 1, rtol=1e-6)


def test_no_share_weighs_all_pairs_alike():
    points = np.random.default_rng(0).normal(size=(100, 4, 3))
    weights = stiffness_weights(Entities.points(["a"] * 4, dim=3), points, share=0.0)
    np.testing.assert_allclose(weights[:, 0, :, 0], 1 - np.eye(4))
