import numpy as np
import pytest
import torch

from lamslide_md.config import preset_settings
from lamslide_md.data.batch import Batch, pad
from lamslide_md.models.autoencoder import Decoded
from lamslide_md.training.autoencoder_stage import Frames
from lamslide_md.training.gathering import gather
from lamslide_md.training.losses import distance_loss, kind_loss, position_loss
from lamslide_md.training.pairs import Pairs, SystemPairs
from lamslide_md.training.preparing import prepare_data
from tests.small import chain_of, shivering_peptide


def line(n_entities, spacing):
    positions = torch.zeros(1, 1, n_entities, 1, 3)
    positions[0, 0, :, 0, 0] = spacing * torch.arange(n_entities)
    ones = torch.ones(1, n_entities, 1)
    return Batch(positions, ones.bool(), torch.zeros_like(ones).long(), torch.arange(n_entities)[None])


def all_pairs(n_places, weights=None):
    first, second = torch.triu_indices(n_places, n_places, offset=1)
    return Pairs(first[None], second[None], torch.ones(1, len(first)) if weights is None else weights)


def cost_of_distances(decoded, batch):
    return distance_loss(decoded.positions, batch.positions, all_pairs(int(batch.slot_mask[0].sum())))


def test_a_shift_costs_its_mean_square_and_no_distance():
    batch = line(3, 1.0)
    shifted = Decoded(batch.positions + 0.3, ())
    assert float(position_loss(shifted, batch)) == pytest.approx(0.09)
    assert float(cost_of_distances(shifted, batch)) == pytest.approx(0, abs=1e-9)


def test_a_stretch_costs_the_mean_square_of_the_distance_changes():
    batch = line(3, 1.0)
    stretched = Decoded(batch.positions * 1.1, ())
    assert float(cost_of_distances(stretched, batch)) == pytest.approx((0.1**2 + 0.1**2 + 0.2**2) / 3, rel=1e-5)


def test_padding_costs_nothing():
    small = line(3, 1.0)
    together = pad([small, line(6, 1.0)])
    wrong = together.positions + 0.5
    alone = Decoded(small.positions + 0.5, (torch.zeros(1, 1, 3, 2),))
    both = Decoded(wrong, (torch.zeros(2, 1, 6, 2),))
    only_small = Batch(*(t[:1] for t in (together.positions, together.slot_mask, together.kinds, together.identifiers)))
    first = Decoded(both.positions[:1], (both.kind_logits[0][:1],))
    for loss in (position_loss, cost_of_distances, kind_loss):
        assert float(loss(first, only_small)) == pytest.approx(float(loss(alone, small)), rel=1e-6)


def test_indifference_between_two_kinds_costs_log_two():
    batch = line(4, 1.0)
    assert float(kind_loss(Decoded(batch.positions, (torch.zeros(1, 1, 4, 2),)), batch)) == pytest.approx(0.6931472)


def cost_of_an_error_in_each_of(n_residues, share):
    """Of residues of five atoms each, alike, that shiver; every one errs in the same way."""
    generator = torch.Generator().manual_seed(0)
    own = torch.randn(1, 1, 1, 5, 3, generator=generator) + 0.1 * torch.randn(40, 1, 1, 5, 3, generator=generator)
    positions = own.expand(-1, -1, n_residues, -1, -1).contiguous()
    ones = torch.ones(40, n_residues, 5)
    kinds = torch.zeros(40, n_residues, 1).long()
    batch = Batch(positions, ones.bool(), kinds, torch.arange(n_residues).expand(40, -1).contiguous())
    pairs = SystemPairs.of(chain_of(n_residues, 5), batch, share, within_entities=True).draw(generator)
    error = 0.01 * torch.randn(5, 3, generator=generator)
    return float(distance_loss(positions + error, batch.positions, pairs))


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_same_error_in_every_residue_costs_the_same_in_chains_of_any_length(share):
    costs = [cost_of_an_error_in_each_of(n, share) for n in (1, 4, 8, 16, 32)]
    assert costs[0] > 1e-5
    assert costs == pytest.approx([costs[0]] * 5, rel=1e-4)


def test_only_the_ratio_of_weights_counts_and_none_at_all_cost_nothing():
    truth = line(3, 1.0).positions
    weights = torch.zeros(1, 3)
    assert float(distance_loss(1.1 * truth, truth, all_pairs(3, weights))) == 0
    weights[0, 1] = 0.25
    assert float(distance_loss(1.1 * truth, truth, all_pairs(3, weights))) == pytest.approx(0.2**2, rel=1e-5)
    weights[0, 0] = 0.75
    expected = (0.2**2 + 3 * 0.1**2) / 4
    assert float(distance_loss(1.1 * truth, truth, all_pairs(3, weights))) == pytest.approx(expected, rel=1e-5)


def test_the_preset_for_peptides_weighs_distances_in_tetrapeptides_as_it_was_measured():
    settings = preset_settings("peptide")
    trajectory = shivering_peptide("AGVD", 20)
    trajectory.time *= settings.frame_interval_ps
    data = prepare_data(gather(trajectory, settings), settings, None)
    frames = Frames(data.datasets, settings)
    generator = torch.Generator()
    pairs, mask = frames.pairs.draw(np.arange(1), generator), frames.batch(np.arange(1), generator).slot_mask
    n_pairs = int(mask.sum() * (mask.sum() - 1)) / 2
    assert settings.autoencoder.distance_weight == pytest.approx(float(pairs.weights.sum()) / n_pairs, abs=5e-4)
