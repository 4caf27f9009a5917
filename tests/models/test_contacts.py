"""Contacts that are looked up do what they do as pairs that are listed."""

import numpy as np
import pytest
import torch

from lamslide_md.sampling.contacts import Contacts
from lamslide_md.sampling.projection import TOLERANCE, Projection

CONTACT = 0.3
NO_CENTRES = torch.empty(0, 4, dtype=torch.long), torch.empty(0)


def chain(n_points):
    """Pairs of points that are bonded in a row."""
    return torch.stack([torch.arange(n_points - 1), torch.arange(1, n_points)], dim=1)


def projections(n_points, bond=0.15):
    """A chain whose other points keep apart: by a search, and by a list of all pairs."""
    bonds, everyone = chain(n_points), torch.combinations(torch.arange(n_points))
    others = everyone[everyone[:, 1] - everyone[:, 0] > 1]
    lower, upper = torch.full((len(bonds),), 0.95 * bond), torch.full((len(bonds),), 1.05 * bond)
    apart, unbound = torch.full((len(others),), CONTACT), torch.full((len(others),), torch.inf)
    contacts = Contacts(torch.arange(n_points), CONTACT, bonds.numpy())
    return (
        Projection(bonds, lower, upper, *NO_CENTRES, contacts),
        Projection(torch.cat([bonds, others]), torch.cat([lower, apart]), torch.cat([upper, unbound]), *NO_CENTRES),
    )


def folded(n_frames, n_points, generator, spread=0.3):
    return spread * torch.randn(n_frames, n_points, 3, generator=generator)


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("spread", [1.0, 2.0])
def test_projected_frames_are_those_of_all_pairs(generator, spread):
    looked_up, listed = projections(60)
    frames = torch.cumsum(0.15 * torch.randn(20, 60, 3, generator=generator), dim=1) * spread
    one, other = looked_up.project(frames), listed.project(frames)
    assert (one - frames).norm(dim=-1).max() > 0.1
    torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_points_keep_apart_wherever_they_have_been_moved_to(generator):
    """Further than a search looks: pairs are near in the end that were not at first."""
    everywhere = Projection(
        torch.empty(0, 2, dtype=torch.long),
        torch.empty(0),
        torch.empty(0),
        *NO_CENTRES,
        Contacts(torch.arange(100), CONTACT, np.empty((0, 2), dtype=int)),
    )
    frames = folded(10, 100, generator)
    projected = everywhere.project(frames)
    apart = torch.stack([torch.pdist(frame) for frame in projected])
    assert torch.stack([torch.pdist(frame) for frame in frames]).min() < 0.1
    assert apart.min() > CONTACT * (1 - 2 * TOLERANCE)
    assert (projected - frames).norm(dim=-1).max() > CONTACT


def test_frames_without_violations_are_left_exactly_as_they_are(generator):
    looked_up, _ = projections(60)
    straight = torch.arange(60)[:, None] * torch.tensor([0.15, 0, 0]) + torch.tensor([0, 0.0, 0.0])
    zigzag = straight + (torch.arange(60) % 2)[:, None] * torch.tensor([0, 0.01, 0])
    folded_one = folded(1, 60, generator)[0]
    sparse = Projection(
        looked_up.pairs,
        looked_up.lower,
        looked_up.upper,
        *NO_CENTRES,
        Contacts(torch.arange(60), 0.29, looked_up.pairs.numpy()),
    )
    projected = sparse.project(torch.stack([zigzag, folded_one]))
    assert torch.equal(projected[0], zigzag)
    assert not torch.equal(projected[1], folded_one)


def test_empty_places_between_points_are_no_points(generator):
    looked_up, _ = projections(60)
    frames, places = folded(5, 60, generator), torch.arange(60) * 3 + 1
    spread = torch.zeros(5, 180, 3)
    spread[:, places] = frames
    contacts = Contacts(places, CONTACT, looked_up.pairs.numpy())
    wide = Projection(places[looked_up.pairs], looked_up.lower, looked_up.upper, *NO_CENTRES, contacts)
    projected = wide.project(spread)
    assert torch.equal(projected[:, places], looked_up.project(frames))
    projected[:, places] = 0
    assert not projected.any()


@pytest.mark.parametrize("absurd", [torch.nan, torch.inf, 1e30])
def test_a_frame_of_no_numbers_does_not_keep_the_others_from_being_mended(generator, absurd):
    looked_up, _ = projections(60)
    frames = folded(3, 60, generator)
    spoilt = frames.clone()
    spoilt[1, 4, 1] = absurd
    assert torch.equal(looked_up.project(spoilt)[[0, 2]], looked_up.project(frames)[[0, 2]])
