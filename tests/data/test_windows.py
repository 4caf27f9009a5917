from dataclasses import replace

import numpy as np
import pytest
import torch

from lamslide_md.errors import InputError
from lamslide_md.systems.entities import Entities
from lamslide_md.training.windows import SystemDataset, Windows, random_rotations, rotated


def counting(n_points, n_frames, stride=1):
    """Every coordinate of frame f is f."""
    points = np.broadcast_to(np.arange(n_frames, dtype=np.float32)[:, None, None], (n_frames, n_points, 2))
    return SystemDataset(Entities.points(["a"] * n_points, dim=2), points, stride)


def test_windows_step_by_the_stride_and_never_leave_a_trajectory():
    windows = Windows([counting(3, 10, stride=2), counting(5, 7)], n_frames=4)
    assert len(windows) == (10 - 6) + (7 - 3)
    batch = windows.batch(np.arange(len(windows)))
    times = batch.positions[:, :, 0, 0, 0]
    assert times[:4].tolist() == [[s, s + 2, s + 4, s + 6] for s in range(4)]
    assert times[4:].tolist() == [[s, s + 1, s + 2, s + 3] for s in range(4)]


def test_systems_of_different_size_share_a_batch_by_padding():
    batch = Windows([counting(3, 4), counting(5, 4)], n_frames=4).batch(np.array([0, 1]))
    assert batch.entity_mask.sum(dim=1).tolist() == [3, 5]
    assert batch.positions[0, :, 3:].abs().max() == 0


def test_windows_are_drawn_uniformly():
    windows = Windows([counting(3, 10), counting(5, 30)], n_frames=1)
    n = 40_000
    drawn = np.bincount(windows.draw(n, torch.Generator().manual_seed(0)), minlength=40)
    assert np.abs(drawn - n / 40).max() < 5 * np.sqrt(n / 40)


def test_a_trajectory_shorter_than_a_window_is_refused_with_both_numbers():
    with pytest.raises(InputError, match="spans 7 frames, the longest trajectory has 6"):
        Windows([counting(3, 6, stride=2)], n_frames=4)


@pytest.mark.parametrize("dim", [2, 3])
def test_random_rotations_are_proper_and_isotropic(dim):
    turns = random_rotations(20_000, dim, torch.Generator().manual_seed(0))
    torch.testing.assert_close(torch.linalg.det(turns), torch.ones(20_000), atol=1e-5, rtol=0)
    assert turns.mean(dim=0).abs().max() < 5 / np.sqrt(dim * 20_000)


def test_a_window_is_rotated_as_a_whole():
    batch = Windows([counting(3, 9)], n_frames=3).batch(np.arange(5))
    turned = rotated(batch, torch.Generator().manual_seed(0))
    torch.testing.assert_close(turned.positions.norm(dim=-1), batch.positions.norm(dim=-1))
    torch.testing.assert_close(
        turned.positions[:, 2] - turned.positions[:, 1], turned.positions[:, 1] - turned.positions[:, 0]
    )


def joined_from(lengths, stride=1):
    """Frames count up through several trajectories joined into one series."""
    return replace(counting(2, sum(lengths), stride), lengths=tuple(lengths))


def test_no_window_reaches_from_one_trajectory_into_the_next():
    windows = Windows([joined_from([5, 3, 6])], n_frames=4)
    times = windows.batch(np.arange(len(windows))).positions[:, :, 0, 0, 0]
    assert times[:, 0].tolist() == [0, 1, 8, 9, 10]
    assert torch.equal(times - times[:, :1], torch.arange(4.0).expand(5, 4))


def test_the_end_of_every_long_trajectory_is_cut_off():
    kept, cut = joined_from([100, 50, 3]).split(0.02)
    assert kept.lengths == (98, 49, 3)
    assert cut.lengths == (2, 1)
    assert cut.points[:, 0, 0].tolist() == [98, 99, 149]


def test_of_short_trajectories_the_last_ones_are_cut_off():
    kept, cut = joined_from([4] * 100).split(0.02)
    assert (kept.lengths, cut.lengths) == ((4,) * 98, (4, 4))
    assert cut.points[0, 0, 0] == 4 * 98


def test_one_short_trajectory_is_not_cut():
    kept, cut = counting(2, 5).split(0.02)
    assert cut is None
    assert len(kept.points) == 5
