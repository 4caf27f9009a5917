import numpy as np

from lamslide_md.data.rigidity import RigidPairs, find_rigid_pairs


def test_only_pairs_that_hardly_move_are_rigid_and_their_range_is_the_data_s():
    generator = np.random.default_rng(0)
    points = np.zeros((10_000, 3, 3))
    points[:, 1, 0] = 1 + 0.02 * generator.normal(size=10_000)
    points[:, 2, 1] = 3 + 0.5 * generator.normal(size=10_000)
    rigid = find_rigid_pairs(points)
    assert rigid.pairs.tolist() == [[0, 1]]
    # The 5e-4 quantiles of a normal distribution lie 3.29 standard deviations out.
    np.testing.assert_allclose([rigid.lower_nm[0], rigid.upper_nm[0]], [1 - 0.0658, 1 + 0.0658], atol=0.01)


def test_rigid_pairs_survive_json():
    rigid = RigidPairs(np.array([[0, 1]]), np.array([0.1]), np.array([0.2]))
    again = RigidPairs.from_dict(rigid.to_dict())
    assert (again.pairs.tolist(), again.lower_nm[0], again.upper_nm[0]) == ([[0, 1]], 0.1, 0.2)
