import pytest
import torch

from lamslide_md.sampling.projection import TOLERANCE, Projection

REGULAR = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 8**0.5
NO_PAIRS, NO_ENDS = torch.empty(0, 2, dtype=torch.long), torch.empty(0)
NO_CENTRES = torch.empty(0, 4, dtype=torch.long)


def held_apart(pairs, lower, upper):
    return Projection(torch.tensor(pairs), torch.tensor(lower), torch.tensor(upper), NO_CENTRES, NO_ENDS)


def distances(points, pairs):
    return (points[:, pairs[:, 0]] - points[:, pairs[:, 1]]).norm(dim=-1)


def within_ranges(points, projection):
    apart = distances(points, projection.pairs)
    above, below = projection.lower * (1 - 2 * TOLERANCE), projection.upper * (1 + 2 * TOLERANCE)
    return ((apart > above) & (apart < below)).all()


def rigid_tetrahedron():
    pairs = torch.combinations(torch.arange(4))
    return Projection(pairs, torch.full((6,), 0.95), torch.full((6,), 1.05), NO_CENTRES, NO_ENDS)


def chiral():
    """A centre at unit distance of three points that are fixed to one another, on the side of positive volume."""
    around = REGULAR[1:] - REGULAR[1:].mean(dim=0)
    normal = torch.linalg.cross(around[1] - around[0], around[2] - around[0])
    centre = -0.3 * normal / normal.norm()
    frame = torch.cat([centre[None], around])
    pairs = torch.combinations(torch.arange(4))
    apart = distances(frame[None], pairs)[0]
    centres = torch.tensor([[0, 1, 2, 3]])
    return frame, Projection(pairs, 0.98 * apart, 1.02 * apart, centres, torch.ones(1))


def volume(points):
    arms = points[:, 1:4] - points[:, :1]
    return torch.linalg.det(arms)


def test_a_pair_that_has_left_its_range_is_sent_a_quarter_inside_and_atoms_just_apart():
    rigid, contact = held_apart([[0, 1]], [0.9], [1.1]), held_apart([[0, 1]], [0.9], [float("inf")])
    frames = torch.tensor([0.5, 0.95, 1.3])[:, None, None] * torch.tensor([[0.0, 0, 0], [0, 0, 1]])
    for projection, expected in ((rigid, [0.95, 0.95, 1.05]), (contact, [0.9, 0.95, 1.3])):
        apart = distances(projection.project(frames), projection.pairs)[:, 0]
        torch.testing.assert_close(apart, torch.tensor(expected))


def test_rigid_distances_end_within_their_ranges(generator):
    projection = rigid_tetrahedron()
    points = REGULAR + 0.1 * torch.randn(200, 4, 3, generator=generator)
    projected = distances(projection.project(points), projection.pairs)
    assert projected.min() > 0.95 * (1 - 2 * TOLERANCE)
    assert projected.max() < 1.05 * (1 + 2 * TOLERANCE)


def test_frames_without_violations_are_left_exactly_as_they_are(generator):
    bad = REGULAR + 0.3 * torch.randn(4, 3, generator=generator)
    given = torch.stack([REGULAR, bad])
    projected = rigid_tetrahedron().project(given)
    assert torch.equal(projected[0], REGULAR)
    assert not torch.equal(projected[1], bad)
    assert torch.equal(given[1], bad)


def test_the_centre_of_the_points_does_not_move(generator):
    points = torch.randn(50, 4, 3, generator=generator)
    projected = rigid_tetrahedron().project(points)
    torch.testing.assert_close(projected.mean(dim=1), points.mean(dim=1), atol=1e-5, rtol=0)


def test_a_loose_point_is_not_touched(generator):
    points = torch.randn(20, 3, 3, generator=generator)
    projection = held_apart([[0, 1]], [1.0], [1.0])
    projected = projection.project(points)
    assert torch.equal(projected[:, 2], points[:, 2])
    torch.testing.assert_close(distances(projected, projection.pairs), torch.ones(20, 1), atol=2 * TOLERANCE, rtol=0)


def test_points_without_an_upper_end_are_only_kept_apart(generator):
    points = torch.randn(100, 2, 3, generator=generator)
    projection = held_apart([[0, 1]], [1.0], [torch.inf])
    before, after = (distances(p, projection.pairs)[:, 0] for p in (points, projection.project(points)))
    assert torch.equal(before[before > 1], after[before > 1])
    torch.testing.assert_close(after[before < 1], torch.ones(int((before < 1).sum())), atol=2 * TOLERANCE, rtol=0)


def test_a_centre_on_the_wrong_side_is_put_on_its_own_and_moves_no_further_than_through_the_plane():
    frame, projection = chiral()
    assert volume(frame[None]) > 0
    mirrored = frame.clone()
    mirrored[0] *= -1
    given = torch.stack([frame, mirrored])
    projected = projection.project(given)
    assert torch.equal(projected[0], frame)
    assert volume(projected)[1] > 0.8 * volume(frame[None])[0]
    assert within_ranges(projected, projection)
    assert (projected[1] - mirrored).square().sum() <= (frame - mirrored).square().sum()


def test_a_centre_in_the_plane_of_its_neighbours_is_raised_to_its_side():
    frame, projection = chiral()
    flat = frame.clone()
    flat[0] *= 1e-4
    projected = projection.project(flat[None])
    assert volume(projected) > 0.5 * volume(frame[None])


def test_disturbed_frames_get_their_hand_back(generator):
    frame, projection = chiral()
    points = frame + 0.25 * torch.randn(500, 4, 3, generator=generator)
    assert (volume(points) < 0).sum() > 50
    projected = projection.project(points)
    assert (volume(projected) > 0).all()
    assert within_ranges(projected, projection)


@pytest.mark.parametrize("fault", ["two swapped", "three in one place", "disturbed"])
def test_the_three_ends_of_a_centre_of_four_get_their_order_back_and_stay_near(fault, generator):
    """Hydrogens of a methyl group, which a flow may draw in the wrong order, or all at their mean."""
    frame = torch.cat([torch.zeros(1, 3), REGULAR / REGULAR[0].norm()])
    pairs = torch.combinations(torch.arange(5))
    apart = distances(frame[None], pairs)[0]
    centres = torch.cat([torch.zeros(4, 1, dtype=torch.long), torch.combinations(torch.arange(1, 5), r=3)], dim=1)
    signs = torch.tensor([torch.linalg.det(frame[three]).sign() for three in centres[:, 1:]])
    projection = Projection(pairs, 0.95 * apart, 1.05 * apart, centres, signs)
    given = frame.repeat(200, 1, 1) + 0.02 * torch.randn(200, 5, 3, generator=generator)
    if fault == "two swapped":
        given = given[:, [0, 1, 2, 4, 3]]
    elif fault == "three in one place":
        given[:, 2:] = given[:, 2:].mean(dim=1, keepdim=True) + 0.1 * given[:, 2:]
    else:
        given += 0.3 * torch.randn(200, 5, 3, generator=generator)
    projected = projection.project(given)
    for centre, sign in zip(centres, signs, strict=True):
        assert (sign * volume(projected[:, centre]) > 0).all()
    assert within_ranges(projected, projection)
    assert (projected - given).norm(dim=-1).mean(dim=1).max() < 1
    torch.testing.assert_close(projected.mean(dim=1), given.mean(dim=1), atol=1e-4, rtol=0)


def test_a_centre_whose_neighbours_are_nearly_on_a_line_is_not_flung_away():
    frame = torch.tensor([[[0.0, 0.1, 0], [-1, 0, 0], [0, 1e-5, 0], [1, 0, 0]]])
    _, rules = chiral()
    projected = Projection(NO_PAIRS, NO_ENDS, NO_ENDS, rules.centres, rules.signs).project(frame)
    assert projected.abs().max() < 10


def test_centres_that_share_no_points_are_turned_at_once_as_each_is_alone(generator):
    frame, alone = chiral()
    frames = frame + 0.3 * torch.randn(50, 2, 4, 3, generator=generator)
    pairs, ends = torch.cat([alone.pairs, alone.pairs + 4]), (alone.lower.repeat(2), alone.upper.repeat(2))
    both = Projection(pairs, *ends, torch.cat([alone.centres, alone.centres + 4]), alone.signs.repeat(2))
    assert both.inverted(frames.flatten(1, 2)).all(dim=1).any()
    one_by_one = torch.cat([alone.project(frames[:, i]) for i in (0, 1)], dim=1)
    torch.testing.assert_close(both.project(frames.flatten(1, 2)), one_by_one)
