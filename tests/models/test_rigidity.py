import torch

from lamslide_md.models.rigidity import TOLERANCE, Rigidity


def distances(points, pairs):
    return (points[:, pairs[:, 0]] - points[:, pairs[:, 1]]).norm(dim=-1)


def rigid_tetrahedron():
    pairs = torch.combinations(torch.arange(4))
    return Rigidity(pairs, torch.full((6,), 0.95), torch.full((6,), 1.05))


def test_rigid_distances_end_within_their_ranges(generator):
    rigidity = rigid_tetrahedron()
    regular = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 8**0.5
    points = regular + 0.1 * torch.randn(200, 4, 3, generator=generator)
    projected = distances(rigidity.project(points), rigidity.pairs)
    assert projected.min() > 0.95 * (1 - 2 * TOLERANCE)
    assert projected.max() < 1.05 * (1 + 2 * TOLERANCE)


def test_frames_without_violations_are_left_exactly_as_they_are(generator):
    regular = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 8**0.5
    bad = regular + 0.3 * torch.randn(4, 3, generator=generator)
    projected = rigid_tetrahedron().project(torch.stack([regular, bad]))
    assert torch.equal(projected[0], regular)
    assert not torch.equal(projected[1], bad)


def test_the_centre_of_the_points_does_not_move(generator):
    points = torch.randn(50, 4, 3, generator=generator)
    projected = rigid_tetrahedron().project(points)
    torch.testing.assert_close(projected.mean(dim=1), points.mean(dim=1), atol=1e-5, rtol=0)


def test_a_loose_point_is_not_touched(generator):
    points = torch.randn(20, 3, 3, generator=generator)
    rigidity = Rigidity(torch.tensor([[0, 1]]), torch.tensor([1.0]), torch.tensor([1.0]))
    projected = rigidity.project(points)
    assert torch.equal(projected[:, 2], points[:, 2])
    torch.testing.assert_close(distances(projected, rigidity.pairs), torch.ones(20, 1), atol=2 * TOLERANCE, rtol=0)
