"""A training of a toy network by as many processes as torchrun's environment says; run by `test_devices`."""

import sys
from pathlib import Path

import torch
from torch import nn

from lamslide_md.config import Optimisation
from lamslide_md.shares import normal
from lamslide_md.training.devices import make_fabric
from lamslide_md.training.trainer import Trainer

SETTINGS = Optimisation(
    n_steps=12, batch_size=10, learning_rate=1e-2, warmup_steps=5, iteration_dtype="float32", gradient_norm=0.5
)


class Line(nn.Module):
    """Fits y = 2 x from noisy x through a hidden layer wide enough for Muon."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 32), nn.GELU(), nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 4))

    def training_step(self, x, generator):
        return self.layers(x + 0.1 * normal(x.shape, generator))


class Interrupted(Exception):
    pass


def train(n, folder, stop_at=None, lost_at=None):
    """Train on n devices; half of the loss is a mean over the own rows, half that of a masked mean of all.

    In call `lost_at` the last process has a loss that is not finite.
    """
    torch.manual_seed(3)
    trainer = Trainer(make_fabric("cpu", n, 1), 5, folder, checkpoint_interval_s=0.0)
    share, calls = trainer.share, 0

    def loss(training_step, generator):
        nonlocal calls
        calls += 1
        if stop_at is not None and calls > stop_at:
            raise Interrupted
        # Three processes have 3, 3 and 4 of 10 rows.
        x, mask = torch.randn(10, 4, generator=generator), torch.rand(10, 4, generator=generator) < 0.5
        part = share.part(x)
        found = training_step(part, generator)
        own = share.weighted((found - 2 * part).square().mean())
        if calls == lost_at and share.rank == n - 1:
            own = own * torch.nan
        return own + ((share.joined(found) - 2 * x).square() * mask).sum() / mask.sum()

    return trainer.train("line", "f" * 64, Line(), loss, SETTINGS)


if __name__ == "__main__":
    n_ranks, checkpoints, stop, result = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    try:
        trained = train(n_ranks, checkpoints, stop, int(sys.argv[5]) if len(sys.argv) > 5 else None)
    except Interrupted:
        sys.exit(0)
    rank = torch.distributed.get_rank()
    torch.save(trained.state_dict(), result.with_suffix(f".{rank}"))
