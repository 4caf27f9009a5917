import pytest
import torch

from lamslide_md.data.batch import Batch, pad
from lamslide_md.models.first_stage import Decoded
from lamslide_md.training.losses import distance_loss, kind_loss, position_loss


def line(n_entities, spacing):
    positions = torch.zeros(1, 1, n_entities, 1, 3)
    positions[0, 0, :, 0, 0] = spacing * torch.arange(n_entities)
    ones = torch.ones(1, n_entities, 1)
    return Batch(positions, ones.bool(), torch.zeros_like(ones).long(), torch.arange(n_entities)[None])


def test_a_shift_costs_its_mean_square_and_no_distance():
    batch = line(3, 1.0)
    shifted = Decoded(batch.positions + 0.3, ())
    assert float(position_loss(shifted, batch)) == pytest.approx(0.09)
    assert float(distance_loss(shifted, batch)) == pytest.approx(0, abs=1e-9)


def test_a_stretch_costs_the_mean_square_of_the_distance_changes():
    batch = line(3, 1.0)
    stretched = Decoded(batch.positions * 1.1, ())
    assert float(distance_loss(stretched, batch)) == pytest.approx((0.1**2 + 0.1**2 + 0.2**2) / 3, rel=1e-5)


def test_padding_costs_nothing():
    small = line(3, 1.0)
    together = pad([small, line(6, 1.0)])
    wrong = together.positions + 0.5
    alone = Decoded(small.positions + 0.5, (torch.zeros(1, 1, 3, 2),))
    both = Decoded(wrong, (torch.zeros(2, 1, 6, 2),))
    only_small = Batch(*(t[:1] for t in (together.positions, together.slot_mask, together.kinds, together.identifiers)))
    first = Decoded(both.positions[:1], (both.kind_logits[0][:1],))
    for loss in (position_loss, distance_loss, kind_loss):
        assert float(loss(first, only_small)) == pytest.approx(float(loss(alone, small)), rel=1e-6)


def test_indifference_between_two_kinds_costs_log_two():
    batch = line(4, 1.0)
    assert float(kind_loss(Decoded(batch.positions, (torch.zeros(1, 1, 4, 2),)), batch)) == pytest.approx(0.6931472)
