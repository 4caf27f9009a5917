import numpy as np

from lamslide_md.frames.residue_frames import ResidueFrames
from lamslide_md.systems.entities import Entities
from lamslide_md.training.stiffness import stiffness_weights
from lamslide_md.training.windows import SystemDataset


def frames_of(points):
    """Of points that are entities of their own."""
    entities = Entities.points(["a"] * points.shape[1], dim=points.shape[2])
    return SystemDataset(entities, points).batch(np.arange(len(points))[:, None])


def test_a_rigid_pair_outweighs_a_loose_one_by_the_ratio_of_their_variances():
    generator = np.random.default_rng(0)
    points = np.zeros((5000, 3, 2))
    points[:, 1, 0] = 1 + 0.1 * generator.normal(size=5000)
    points[:, 2, 0] = 10 + 1.0 * generator.normal(size=5000)
    weights = stiffness_weights(frames_of(points), share=1.0)[:, 0, :, 0]
    ratio = weights[0, 1] / weights[0, 2]
    # Variances 0.01 and 1, both raised by 0.003 of the median, which is about 1.
    assert 60 < ratio < 100
    np.testing.assert_allclose(weights, weights.T)
    np.testing.assert_allclose(weights[np.triu_indices(3, k=1)].mean(), 1, rtol=1e-6)


def test_no_share_weighs_all_pairs_alike():
    points = np.random.default_rng(0).normal(size=(100, 4, 3))
    weights = stiffness_weights(frames_of(points), share=0.0)
    np.testing.assert_allclose(weights[:, 0, :, 0], 1 - np.eye(4))


def test_pairs_of_different_entities_are_left_out_where_those_do_not_share_a_frame_of_reference():
    entities = Entities(
        np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.zeros((2, 0), int), (), np.zeros((0, 2), int), 2, 3
    )
    points = np.random.default_rng(0).normal(size=(100, 4, 3))
    batch = SystemDataset(entities, points).batch(np.arange(100)[:, None])
    weights = stiffness_weights(batch, 0.0, ResidueFrames().pair_mask(batch.slot_mask[:1])[0])
    np.testing.assert_allclose(weights.reshape(4, 4), np.kron(np.eye(2), 1 - np.eye(2)))
