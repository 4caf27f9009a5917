"""Where bfloat16 is used in training, and where it would only cost time."""

import json

import pytest
import torch
from lightning_fabric import Fabric
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

import lamslide_md as lam
from lamslide_md.config import Optimisation
from lamslide_md.errors import InputError, InputNote
from lamslide_md.training import trainer as trainer_module
from lamslide_md.training.checkpoints import read_checkpoint, read_facts, save_checkpoint
from lamslide_md.training.muon import Muon, newton_schulz
from lamslide_md.training.number_types import bfloat16_speed, faster_type
from lamslide_md.training.trainer import Trainer
from tests.small import tiny_settings


class Interrupted(Exception):
    pass


@pytest.fixture
def emulating(monkeypatch):
    """A machine whose timings say that bfloat16 is slow."""
    monkeypatch.setattr(trainer_module, "fast_type", lambda _: "float32")


@pytest.fixture
def able(monkeypatch):
    """A machine whose timings say that bfloat16 is fast."""
    monkeypatch.setattr(trainer_module, "fast_type", lambda _: "bfloat16")


def matrices():
    generator = torch.Generator().manual_seed(0)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((32, 96), (96, 32), (48, 48))]


def stepped(optimiser, parameters, n_steps, seed=1):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(n_steps):
        for matrix in parameters:
            matrix.grad = torch.randn(matrix.shape, generator=generator)
        optimiser.step()
    return parameters


def theirs(parameters):
    return torch.optim.Muon(parameters, lr=1e-2, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")


@pytest.mark.parametrize(
    ("float32_s", "bfloat16_s", "has_instructions", "chosen"),
    [
        (6.4, 3.5, True, "bfloat16"),
        (6.7, 137.0, False, "float32"),
        (6.7, 137.0, True, "float32"),
        (1.0, 1.0, True, "float32"),
        (1.3, 1.0, True, "bfloat16"),
        (1.3, 1.0, False, "float32"),
        (1.6, 1.0, False, "bfloat16"),
        (1.0, float("inf"), True, "float32"),
    ],
)
def test_bfloat16_is_chosen_where_it_is_clearly_faster(float32_s, bfloat16_s, has_instructions, chosen):
    assert faster_type(float32_s, bfloat16_s, has_instructions) == chosen


def test_the_timing_says_how_many_times_as_fast_bfloat16_is():
    speed = bfloat16_speed("cpu")
    assert 0.001 < speed < 100
    assert bfloat16_speed("cpu") == speed, "measured once a process, so that all trainings in it choose alike"


@pytest.mark.parametrize("shape", [(32, 96), (96, 32)])
def test_the_iteration_brings_singular_values_near_to_one(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    values = torch.linalg.svdvals(newton_schulz(matrix, "float32"))
    assert 0.6 < float(values.min()) < float(values.max()) < 1.3
    rounded = torch.linalg.svdvals(newton_schulz(matrix, "bfloat16").float())
    assert (values - rounded).abs().max() < 0.05


def test_in_bfloat16_steps_are_those_of_torch_to_the_bit():
    own, other = matrices(), matrices()
    stepped(Muon(own, lr=1e-2, weight_decay=0.1, number_type="bfloat16"), own, 5)
    stepped(theirs(other), other, 5)
    assert all(torch.equal(one, two) for one, two in zip(own, other, strict=True))


def test_a_checkpoint_of_torchs_own_muon_goes_on(tmp_path):
    path, generator = tmp_path / "c.safetensors", torch.Generator()
    other, own = matrices(), [nn.Parameter(torch.zeros_like(matrix)) for matrix in matrices()]
    before, after = theirs(other), Muon(own, lr=1e-2, weight_decay=0.1, number_type="bfloat16")
    stepped(before, other, 3)
    save_checkpoint(path, {"n": nn.ParameterList(other)}, [before], generator, {"step": 3})
    stepped(before, other, 3, seed=2)
    read_checkpoint(path).restore({"n": nn.ParameterList(own)}, [after], generator)
    stepped(after, own, 3, seed=2)
    assert all(torch.equal(one, two) for one, two in zip(own, other, strict=True))


class Hidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(32, 32)

    def training_step(self, x):
        return self.layer(x)


def trained(checkpoint_dir, stop_at=None, phase="one", heard=None, **changes):
    hears = None if heard is None else heard.append
    trainer = Trainer(Fabric(accelerator="cpu", devices=1), 0, checkpoint_dir, hears, checkpoint_interval_s=0.0)
    return with_engine(trainer, stop_at, phase, **changes)


def with_engine(trainer, stop_at=None, phase="one", **changes):
    torch.manual_seed(3)
    calls = 0

    def loss(training_step, generator):
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise Interrupted
        x = torch.randn(8, 32, generator=generator)
        return (training_step(x) - x).square().mean()

    settings = Optimisation(n_steps=12, warmup_steps=2, **changes)
    return trainer, trainer.train(phase, "f" * 64, Hidden(), loss, settings).layer.weight


@pytest.mark.usefixtures("able")
def test_the_choice_of_the_start_is_kept_on_another_processor(tmp_path, monkeypatch):
    _, whole = trained(None)
    with pytest.raises(Interrupted):
        trained(tmp_path, stop_at=7)
    monkeypatch.setattr(trainer_module, "fast_type", lambda _: "float32")
    trainer, resumed = trained(tmp_path)
    assert trainer.number_types == {"one": "bfloat16"}
    assert torch.equal(resumed, whole)
    _, other = trained(None)
    assert not torch.equal(other, whole), "the choice would have changed the result"
    with_engine(trainer, phase="two")
    assert trainer.number_types["two"] == "bfloat16", "later phases go on as the first one began"


@pytest.mark.usefixtures("emulating")
def test_a_checkpoint_that_does_not_tell_goes_on_in_bfloat16(tmp_path):
    with pytest.raises(Interrupted):
        trained(tmp_path, stop_at=7, iteration_dtype="bfloat16")
    _, whole = trained(None, iteration_dtype="bfloat16")
    (checkpoint,) = tmp_path.iterdir()
    without = {k: v for k, v in read_facts(checkpoint).items() if k not in ("fast_type", "format_version")}
    rewrite_facts(checkpoint, without)
    trainer, resumed = trained(tmp_path)
    assert trainer.number_types == {"one": "bfloat16"}
    assert torch.equal(resumed, whole)


@pytest.mark.usefixtures("emulating")
def test_a_finished_stage_that_does_not_tell_decides_nothing(tmp_path):
    trained(tmp_path)
    (checkpoint,) = tmp_path.iterdir()
    rewrite_facts(checkpoint, {"step": 12, "fingerprint": "f" * 64})
    trainer, _ = trained(tmp_path)
    with_engine(trainer, phase="two")
    assert trainer.number_types["two"] == "float32"


def test_a_checkpoint_of_a_newer_format_is_refused_by_its_number(tmp_path):
    trained(tmp_path)
    (checkpoint,) = tmp_path.iterdir()
    rewrite_facts(checkpoint, {"step": 12, "format_version": 9})
    with pytest.raises(InputError, match="checkpoint of format 9, this program reads 1 to 2"):
        trained(tmp_path)


def rewrite_facts(checkpoint, facts):
    tensors = load_file(checkpoint)
    with safe_open(checkpoint, framework="pt") as file:
        header = file.metadata()
    # As it was written before there were checksums.
    save_file(tensors, checkpoint, metadata={"facts": json.dumps(facts), "optimisers": header["optimisers"]})


@pytest.mark.usefixtures("able")
def test_progress_tells_the_number_type_and_a_fixed_one_is_not_overruled():
    heard = []
    trainer, _ = trained(None, heard=heard, iteration_dtype="float32")
    assert trainer.number_types == {"one": "float32"}
    assert heard[-1].message.endswith(", Muon in float32")
    trained(None, heard=heard, matrices="adamw")
    assert "Muon" not in heard[-1].message


def with_bfloat16(**optimisation):
    settings = tiny_settings(n_steps=2)
    flow = settings.flow
    optimisation = flow.optimisation.model_copy(update=optimisation)
    flow = flow.model_copy(update={"bfloat16": True, "optimisation": optimisation})
    return settings.model_copy(update={"flow": flow})


@pytest.mark.usefixtures("emulating")
def test_a_network_is_not_multiplied_in_bfloat16_where_that_is_slow_and_this_is_said(butane):
    with pytest.warns(InputNote, match="flow.bfloat16=true is left aside: this device is slower in bfloat16"):
        model = lam.Surrogate.fit(butane, settings=with_bfloat16())
    told = {"autoencoder_muon": "float32", "flow_muon": "float32", "flow_network": "float32"}
    assert model.provenance["number_types"] == told
    insisted = lam.Surrogate.fit(butane, settings=with_bfloat16(iteration_dtype="bfloat16"))
    assert insisted.provenance["number_types"]["flow_network"] == "bfloat16"


@pytest.mark.usefixtures("able")
def test_a_model_tells_in_which_number_types_it_was_trained(butane, tmp_path):
    model = lam.Surrogate.fit(butane, settings=with_bfloat16())
    told = {"autoencoder_muon": "bfloat16", "flow_muon": "bfloat16", "flow_network": "bfloat16"}
    assert lam.Surrogate.load(model.save(tmp_path / "m.lamslide")).provenance["number_types"] == told
