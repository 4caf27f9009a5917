import contextlib
import itertools
from types import SimpleNamespace

import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from lamslide_md.config import Optimisation
from lamslide_md.errors import InputError
from lamslide_md.training import trainer as trainer_module
from lamslide_md.training.optimisers import build_optimisers
from lamslide_md.training.trainer import Trainer

SETTINGS = Optimisation(n_steps=40, batch_size=8, learning_rate=1e-2, warmup_steps=5)


class Line(nn.Module):
    """Fits y = 2 x through a hidden layer wide enough for Muon."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 32), nn.GELU(), nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 4))

    def training_step(self, x):
        return self.layers(x)


class Interrupted(Exception):
    pass


def engine_of(checkpoint_dir):
    return Trainer(Fabric(accelerator="cpu", devices=1), 5, checkpoint_dir, checkpoint_interval_s=0.0)


def run(checkpoint_dir, stop_at=None, n_steps=40, trainer=None):
    torch.manual_seed(3)
    calls = 0

    def loss(training_step, generator):
        nonlocal calls
        calls += 1
        if stop_at is not None and calls > stop_at:
            raise Interrupted
        x = torch.randn(8, 4, generator=generator)
        return (training_step(x) - 2 * x).square().mean()

    settings = SETTINGS.model_copy(update={"n_steps": n_steps})
    return (trainer or engine_of(checkpoint_dir)).train("line", "f" * 64, Line(), loss, settings), calls


def test_training_lowers_the_loss_and_returns_frozen_weights():
    trained, _ = run(None, n_steps=300)
    x = torch.randn(100, 4)
    assert float((trained.training_step(x) - 2 * x).square().mean()) < 0.4
    assert not any(p.requires_grad for p in trained.parameters())


def test_a_resumed_training_equals_an_uninterrupted_one_to_the_bit(tmp_path):
    whole, _ = run(None)
    with pytest.raises(Interrupted):
        run(tmp_path, stop_at=17)
    resumed, calls = run(tmp_path)
    assert calls == 40 - 17
    for one, two in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, two)


def test_a_finished_training_is_not_done_again(tmp_path):
    first, _ = run(tmp_path)
    second, calls = run(tmp_path)
    assert calls == 0
    assert torch.equal(first.layers[0].weight, second.layers[0].weight)


def test_a_training_that_goes_on_knows_how_long_it_took_before(tmp_path, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(trainer_module, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    with pytest.raises(Interrupted):
        run(tmp_path, stop_at=17)
    spent = []
    for stop_at in (10, None):
        trainer = engine_of(tmp_path)
        with contextlib.suppress(Interrupted):
            run(tmp_path, stop_at, trainer=trainer)
        spent.append(trainer.earlier_s["line"])
    # The clock is read as often in every step, so that times are as the steps done.
    assert spent[0] / spent[1] == pytest.approx(17 / 27, rel=0.05)


def test_a_damaged_checkpoint_is_named(tmp_path):
    run(tmp_path)
    (checkpoint,) = tmp_path.glob("*.safetensors")
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"line-ffffffffffff\.safetensors is a damaged checkpoint"):
        run(tmp_path)


def test_every_parameter_has_exactly_one_optimiser():
    network = Line()
    groups = [g for o in build_optimisers(network, SETTINGS, "float32") for g in o.param_groups]
    held = [id(p) for g in groups for p in g["params"]]
    assert sorted(held) == sorted(id(p) for p in network.parameters())
