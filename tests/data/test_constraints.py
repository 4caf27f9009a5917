import numpy as np
import pytest

from lamslide_md.systems.constraints import CONTACT_NM, find_constraints

NO_BONDS = np.empty((0, 2), dtype=int)
TETRAHEDRON = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


def three_points(generator):
    points = np.zeros((10_000, 3, 3))
    points[:, 1, 0] = 1 + 0.02 * generator.normal(size=10_000)
    points[:, 2, 1] = 3 + 0.5 * generator.normal(size=10_000)
    return points


def test_only_pairs_that_hardly_move_are_rigid_and_their_range_is_the_data_s():
    held = find_constraints(three_points(np.random.default_rng(0)), NO_BONDS, contacts=False)
    assert held.pairs.tolist() == [[0, 1]]
    # The 5e-4 quantiles of a normal distribution lie 3.29 standard deviations out.
    np.testing.assert_allclose([held.lower_nm[0], held.upper_nm[0]], [1 - 0.0658, 1 + 0.0658], atol=0.01)


@pytest.mark.parametrize("scale", [0.05, 1.0])
def test_other_atoms_keep_as_far_apart_as_in_the_data_but_no_further_than_a_contact(scale):
    points = scale * three_points(np.random.default_rng(0))
    held = find_constraints(points, NO_BONDS, contacts=True)
    assert held.pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert np.isinf(held.upper_nm).tolist() == [False, True, True]
    closest = np.linalg.norm(points[:, 1] - points[:, 2], axis=-1).min()
    np.testing.assert_allclose(held.lower_nm[2], min(closest, CONTACT_NM), atol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_centre_with_three_bonds_has_the_hand_that_it_keeps(sign):
    generator = np.random.default_rng(0)
    # A centre, three that are bonded to it, and, bonded to the second of these, three more in a plane with it.
    apex = np.concatenate([np.zeros((1, 3)), TETRAHEDRON[:3] * [1, 1, sign]])
    flat = apex[1] + np.array([[1.0, 0, 0], [-0.5, 0.8, 0], [-0.5, -0.8, 0]])
    points = np.concatenate([apex, flat])[None] + 0.05 * generator.normal(size=(2000, 7, 3))
    bonds = np.array([[0, 1], [2, 0], [0, 3], [1, 4], [1, 5]])
    held = find_constraints(points, bonds, contacts=False)
    assert held.centres.tolist() == [[0, 1, 2, 3]]
    volume = np.linalg.det(points[0, 1:4] - points[0, 0])
    assert held.signs.tolist() == [np.sign(volume)]


def test_points_that_move_freely_are_not_held():
    points = np.random.default_rng(0).normal(size=(1000, 4, 2))
    held = find_constraints(points, NO_BONDS, contacts=False)
    assert len(held.pairs) == len(held.centres) == 0


def test_pairs_are_held_one_by_one_however_many_are_looked_at_at_once(monkeypatch):
    points = np.random.default_rng(0).normal(size=(1, 12, 3)) + 0.03 * np.random.default_rng(1).normal(size=(50, 12, 3))
    held = find_constraints(points, NO_BONDS, contacts=True)
    monkeypatch.setattr("lamslide_md.systems.constraints.NUMBERS_AT_ONCE", 70)
    again = find_constraints(points, NO_BONDS, contacts=True)
    for row, (i, j) in enumerate(zip(*np.triu_indices(12, k=1), strict=True)):
        distance = np.linalg.norm(points[:, i] - points[:, j], axis=-1)
        rigid = distance.std() < 0.05 * distance.mean()
        ends = np.quantile(distance, [5e-4, 1 - 5e-4]) if rigid else (min(distance.min(), CONTACT_NM), np.inf)
        for own in (held, again):
            assert own.pairs[row].tolist() == [i, j]
            np.testing.assert_allclose([own.lower_nm[row], own.upper_nm[row]], ends, atol=1e-6)
    assert 0 < np.isfinite(held.upper_nm).sum() < len(held.pairs)
