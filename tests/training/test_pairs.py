"""Which pairs of slots are compared: all of small systems, of large ones those near and some of the others."""

import tracemalloc

import numpy as np
import pytest
import torch

from lamslide_md.data.batch import pad
from lamslide_md.frames.base import Unchanged
from lamslide_md.frames.residue_poses import ResiduePoses
from lamslide_md.systems.system import System
from lamslide_md.training import pairs as limits
from lamslide_md.training.losses import distance_loss
from lamslide_md.training.pair_lists import PairLists
from lamslide_md.training.pairs import Pairs, SystemPairs
from lamslide_md.training.windows import SystemDataset, Windows
from tests.small import chain_of, shivering_peptide

N_LARGE = 100
"""Entities of four slots: more than the largest system of which all pairs are compared."""


def dataset(n_entities, n_slots=4, n_frames=30, seed=0):
    """A chain along a line whose slots shiver, in some slots more than in others."""
    generator = np.random.default_rng(seed)
    home = generator.normal(size=(n_entities * n_slots, 3)) + np.arange(n_entities).repeat(n_slots)[:, None]
    spread = 0.05 + 0.1 * (np.arange(n_entities * n_slots) % 3)
    points = home + spread[:, None] * generator.normal(size=(n_frames, n_entities * n_slots, 3))
    return SystemDataset(chain_of(n_entities, n_slots), points.astype(np.float32))


def pairs_of(data, share):
    batch = data.batch(np.arange(len(data.points))[:, None])
    return SystemPairs.of(data.entities, batch, share, within_entities=False)


def lists_of(datasets, transform=None, share=0.5):
    return PairLists(Windows(datasets, 1), transform or Unchanged(), share)


def all_of(pairs):
    """Every pair of a system with the weight that it has, whether it is listed or drawn."""
    n = len(pairs.places)
    weights = torch.full((n, n), pairs.far_weight)
    weights[pairs.first, pairs.second] = pairs.weights
    first, second = torch.triu_indices(n, n, offset=1)
    return Pairs(pairs.places[first][None], pairs.places[second][None], weights[first, second][None])


def test_all_pairs_of_a_small_system_are_compared_and_nothing_is_drawn():
    pairs = pairs_of(dataset(5), 0.5)
    listed = pairs.draw(torch.Generator())
    assert listed.first.shape == (1, 190)
    assert pairs.n_far == 0
    assert float(listed.weights.mean()) == pytest.approx(1)


def test_slots_of_an_entity_of_bonded_ones_and_points_of_one_torsion_are_near():
    pairs = pairs_of(dataset(N_LARGE), 0.0)
    near = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    # Only the last slot of an entity and the first of the next are bonded, so that no three bonds meet.
    expected = {(i, j) for i in range(4 * N_LARGE) for j in range(i + 1, 4 * N_LARGE) if j // 4 - i // 4 <= 1}
    assert near == expected


def test_in_a_chain_of_single_atoms_those_up_to_three_bonds_apart_are_near():
    pairs = pairs_of(dataset(300, n_slots=1), 0.0)
    expected = {(i, j) for i in range(300) for j in range(i + 1, min(300, i + 4))}
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == expected


def test_drawn_pairs_are_far_ones_and_each_is_drawn_as_often():
    pairs = pairs_of(dataset(300, n_slots=1), 0.0)
    generator, counts = torch.Generator().manual_seed(0), torch.zeros(300, 300)
    for _ in range(200):
        first, second = pairs.far(generator)
        counts.index_put_((first, second), torch.ones(len(first)), accumulate=True)
    counts = counts + counts.T
    near = (torch.arange(300)[:, None] - torch.arange(300)).abs() <= 3
    assert counts[near].sum() == 0
    far = counts[~near].double()
    # Poisson statistics; every pair is in this twice.
    mean = 200 * limits.FAR_PAIRS / pairs.n_far
    assert float(far.mean()) == pytest.approx(mean, rel=1e-9)
    assert float(far.var()) == pytest.approx(mean, rel=0.05)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_mean_over_many_draws_is_the_loss_of_all_pairs(share):
    data = dataset(N_LARGE)
    pairs, generator = pairs_of(data, share), torch.Generator().manual_seed(0)
    truth = data.batch(np.arange(3)[:, None]).positions
    wrong = truth + 0.1 * torch.randn(truth.shape, generator=generator) * torch.arange(N_LARGE)[:, None, None] / N_LARGE
    wanted = float(distance_loss(wrong, truth, all_of(pairs)))
    drawn = torch.stack([distance_loss(wrong, truth, pairs.draw(generator)) for _ in range(300)]).double()
    assert float(drawn.std()) > 1e-3 * wanted
    assert float(drawn.mean()) == pytest.approx(wanted, abs=4 * float(drawn.std()) / 300**0.5)
    assert float(pairs.draw(generator).weights.sum()) == pytest.approx(
        pairs.n_far * pairs.far_weight + float(pairs.weights.sum())
    )


def test_the_mean_weight_is_one_whether_pairs_are_drawn_or_not(monkeypatch):
    data = dataset(70)
    some = pairs_of(data, 0.5)
    monkeypatch.setattr(limits, "ALL_PAIRS_POINTS", 1000)
    every = pairs_of(data, 0.5)
    n_pairs = 280 * 279 // 2
    for pairs in (some, every):
        assert float(pairs.draw(torch.Generator()).weights.sum()) == pytest.approx(n_pairs, rel=1e-4)
    dense = torch.zeros(280, 280)
    dense[every.first, every.second] = every.weights
    # The floor of the variances is a median, of the far pairs here, of all there.
    torch.testing.assert_close(some.weights, dense[some.first, some.second], rtol=0.05, atol=0)


def test_systems_of_one_batch_keep_their_own_pairs():
    datasets = [dataset(3), dataset(N_LARGE, seed=1), dataset(7, seed=2)]
    lists, index = lists_of(datasets), np.array([2, 5, 31, 61, 62])
    pairs = lists.draw(index, torch.Generator().manual_seed(1))
    truth = pad([d.batch(np.arange(2, 2 + n)[:, None]) for d, n in zip(datasets, (2, 1, 2), strict=True)]).positions
    wrong = 1.01 * truth
    alone = [lists_of([d]).draw(np.arange(1), torch.Generator().manual_seed(1)) for d in datasets]
    parts = [
        (alone[i], slice(a, b), 4 * datasets[i].entities.n_entities) for i, a, b in ((0, 0, 2), (1, 2, 3), (2, 3, 5))
    ]
    totals = [(b.stop - b.start) * float(p.weights.sum()) for p, b, _ in parts]
    costs = [float(distance_loss(wrong[b], truth[b], p)) for p, b, _ in parts]
    expected = np.average(costs, weights=totals)
    assert float(distance_loss(wrong, truth, pairs)) == pytest.approx(expected, rel=1e-5)
    assert pairs.first.shape[0] == 5


def test_the_loss_is_that_of_the_formula_in_windows_of_several_frames():
    data = dataset(3, n_frames=12)
    truth = torch.cat([data.batch(np.arange(4)[None] + i).positions for i in (0, 4)])
    wrong, pairs = truth * 1.1 + 0.2, pairs_of(data, 0.7)
    before, after = (torch.cdist(p, p).double() for p in (x.flatten(2, 3) for x in (truth, wrong)))
    weights = torch.zeros(12, 12, dtype=torch.double)
    weights[pairs.first, pairs.second] = pairs.weights.double()
    expected = ((before - after).square() * weights).sum() / (8 * weights.sum())
    assert float(distance_loss(wrong, truth, pairs.draw(torch.Generator()))) == pytest.approx(float(expected), rel=1e-4)


def test_seen_from_their_own_poses_the_bond_between_residues_counts_among_the_stiff_pairs():
    traj = shivering_peptide("AGVD", 200)
    system = System.molecule(traj[0], "residues")
    data = SystemDataset(system.entities, system.place(traj.xyz, "superposed"), reference=traj.xyz[0])
    pairs = lists_of([data], ResiduePoses()).draw(np.arange(1), torch.Generator())
    weights = dict(
        zip(zip(pairs.first[0].tolist(), pairs.second[0].tolist(), strict=True), pairs.weights[0].tolist(), strict=True)
    )
    places = system.entities.places
    residue = system.entities.entity_of_point
    links = [(int(i), int(j)) for i, j in system.entities.bonds if residue[i] != residue[j]]
    assert len(links) == 3
    for i, j in links:
        assert weights[tuple(sorted((int(places[i]), int(places[j]))))] > 5 * np.median(list(weights.values()))


def test_an_error_of_one_residue_in_its_own_frame_costs_the_distances_to_its_neighbours():
    traj = shivering_peptide("AGVD", 50)
    system = System.molecule(traj[0], "residues")
    data = SystemDataset(system.entities, system.place(traj.xyz, "superposed"), reference=traj.xyz[0])
    transform = ResiduePoses()
    batch = transform.apply(data.batch(np.arange(4)[:, None]))
    pairs = lists_of([data], transform).draw(np.arange(4), torch.Generator())
    moved = batch.positions.clone()
    moved[:, :, 1, :3] += torch.tensor([0.02, 0.0, 0.0])
    moved.requires_grad_()
    cost = distance_loss(*(transform.in_one_frame(p, batch) for p in (moved, batch.positions)), pairs)
    inside = data.batch(np.arange(4)[:, None]).positions
    true = distance_loss(transform.fit(batch).inverse(moved), inside, pairs)
    assert cost.item() == pytest.approx(true.item(), rel=1e-4)
    assert cost.item() > 1e-5
    cost.backward()
    assert torch.isfinite(moved.grad).all()


def test_the_pairs_of_a_protein_take_a_few_megabytes():
    data = dataset(214, n_slots=8, n_frames=20)
    entities = data.entities
    batch = data.batch(np.arange(20)[:, None])
    tracemalloc.start()
    pairs = SystemPairs.of(entities, batch, 0.5, within_entities=False)
    drawn = pairs.draw(torch.Generator())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16e6
    assert drawn.first.shape[1] < 12 * 1712 + limits.FAR_PAIRS
