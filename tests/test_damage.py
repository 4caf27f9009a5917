"""One flipped bit anywhere in a model or in a checkpoint of a training is found, or it changes nothing."""

import json
import struct

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

import lamslide_md as lam
from lamslide_md.config import Optimisation
from lamslide_md.io.header_file import read_header
from lamslide_md.io.model_file import read_model_file
from lamslide_md.training.checkpoints import read_checkpoint, save_checkpoint
from lamslide_md.training.trainer import Trainer
from tests.damage import files_up_to, flipped_at, places_in
from tests.model_files import FORMAT_3
from tests.small import tiny_settings

N_FLIPS = 40


@pytest.fixture(scope="module")
def model(butane, tmp_path_factory):
    surrogate = lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=2), temperature_K=300.0)
    return surrogate.save(tmp_path_factory.mktemp("model") / "sound.lamslide")


def header_bytes(path):
    return 8 + struct.unpack("<Q", path.read_bytes()[:8])[0]


def places(path, seed):
    """Bits of the count of the header, of its end, of the checksums, and anywhere in the header and behind it."""
    content, n_header = path.read_bytes(), header_bytes(path)
    sums = content.index(b'"checksums":"')
    return [
        *places_in(0, 8, 12, seed),
        *places_in(8, n_header, N_FLIPS, seed + 1),
        *places_in(sums, sums + 13, 12, seed + 2),
        *places_in(sums + 13, sums + 61, 16, seed + 3),
        *places_in(n_header - 40, n_header, 12, seed + 4),
        *places_in(n_header, len(content), N_FLIPS, seed + 5),
    ]


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_every_flipped_bit_of_a_model_is_refused_in_one_line(model, tmp_path):
    path = tmp_path / "flipped.lamslide"
    for place in places(model, 0):
        path.write_bytes(flipped_at(model.read_bytes(), place))
        with pytest.raises(
            lam.InputError, match=r"flipped\.lamslide .*copy it again, or train the model again"
        ) as told:
            read_model_file(path)
        assert "\n" not in str(told.value)
        assert len(str(told.value)) < 500


def test_a_flipped_digit_of_the_header_is_found_without_reading_weights(model, tmp_path):
    content = model.read_bytes()
    path = tmp_path / "digit.lamslide"
    path.write_bytes(content.replace(rb"\"temperature_K\":300.0", rb"\"temperature_K\":310.0"))
    assert path.read_bytes() != content
    with pytest.raises(lam.InputError, match=r"digit\.lamslide .*its header is not as it was written"):
        read_header(path)


def test_a_flipped_bit_of_the_reference_structure_is_found_by_its_name(model, tmp_path):
    content, n_header = bytearray(model.read_bytes()), header_bytes(model)
    begin, _ = json.loads(content[8:n_header])["points/reference_nm"]["data_offsets"]
    content[n_header + begin] ^= 1
    path = tmp_path / "moved.lamslide"
    path.write_bytes(content)
    with pytest.raises(lam.InputError, match=r"points/reference_nm in it is not as it was written"):
        read_header(path)


def test_the_same_model_is_the_same_bytes_with_its_name_at_the_front(model, tmp_path):
    again = [lam.Surrogate.load(model).save(tmp_path / f"{i}.lamslide").read_bytes() for i in range(6)]
    assert set(again) == {model.read_bytes()}
    assert again[0][8:].startswith(b'{"__metadata__":{"lamslide":')


def test_models_without_checksums_are_read_as_they_were_but_not_one_whose_checksums_lost_their_name(tmp_path):
    with safe_open(FORMAT_3, framework="pt") as file:
        assert list(file.metadata()) == ["lamslide"]
        header = file.metadata()["lamslide"]
    assert read_header(FORMAT_3).n_slots
    renamed = tmp_path / "renamed.lamslide"
    save_file(load_file(FORMAT_3), renamed, metadata={"lamslide": header, "checkSums": "0" * 32})
    with pytest.raises(
        lam.InputError, match="its metadata hold 'checkSums', which is nothing that this program writes"
    ):
        read_header(renamed)


def test_checksums_leave_the_json_of_the_largest_model_that_ships_small(tmp_path):
    saved = lam.load_pretrained("peptides").save(tmp_path / "peptides.lamslide")
    assert header_bytes(saved) < 50_000


class Hidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(40, 40)

    def training_step(self, x):
        return self.layer(x)


class Interrupted(Exception):
    pass


def trained(folder, stop_at=None, spoil=None, n_steps=8):
    """A small network trained for a few steps, with a checkpoint behind each."""
    torch.manual_seed(3)
    calls = 0

    def loss(training_step, generator):
        nonlocal calls
        calls += 1
        if calls == stop_at:
            raise Interrupted
        x = torch.randn(8, 40, generator=generator)
        return (training_step(x) - x).square().mean() * (spoil or 1.0)

    trainer = Trainer(Fabric(accelerator="cpu", devices=1), 0, folder, checkpoint_interval_s=0.0)
    return trainer.train("one", "f" * 64, Hidden(), loss, Optimisation(n_steps=n_steps, warmup_steps=2)).layer.weight


@pytest.fixture
def stopped(tmp_path):
    with pytest.raises(Interrupted):
        trained(tmp_path / "own", stop_at=5)
    (path,) = (tmp_path / "own").iterdir()
    return path


def test_every_flipped_bit_of_a_checkpoint_is_refused_in_one_line(stopped):
    sound = stopped.read_bytes()
    for place in places(stopped, 9):
        stopped.write_bytes(flipped_at(sound, place))
        with pytest.raises(
            lam.InputError, match=r"one-f+\.safetensors is a .*; .*delete it to train this stage"
        ) as told:
            read_checkpoint(stopped)
        assert "\n" not in str(told.value)
    stopped.write_bytes(sound)
    assert torch.equal(trained(stopped.parent), trained(None)), "the training that goes on is that of no interruption"


def without_sums(path, change):
    """The checkpoint as it was written before there were checksums, and changed."""
    tensors = load_file(path)
    with safe_open(path, framework="pt") as file:
        facts, scalars = (json.loads(file.metadata()[key]) for key in ("facts", "optimisers"))
    change(facts, tensors)
    save_file(tensors, path, metadata={"facts": json.dumps(facts), "optimisers": json.dumps(scalars)})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda facts, _: facts.update(step=-1), "is a damaged checkpoint .*step"),
        (lambda facts, _: facts.update(step=10**9), "is of step 1,000,000,000, this training has 8 steps"),
        (lambda facts, _: facts.update(step="4"), "is a damaged checkpoint .*step"),
        (lambda facts, _: facts.pop("step"), "is a damaged checkpoint .*step"),
        (lambda facts, _: facts.update(trained_s=float("nan")), "is a damaged checkpoint .*trained_s"),
        (lambda facts, _: facts.update(trained_s=1e300), "is a damaged checkpoint .*trained_s"),
        (lambda facts, _: facts.update(n_returns=-1), "is a damaged checkpoint .*n_returns"),
        (lambda facts, _: facts.update(n_returns=4), "is a damaged checkpoint .*n_returns"),
        (lambda facts, _: facts.update(n_returns=1.0), "is a damaged checkpoint .*n_returns"),
        (lambda _, tensors: tensors.pop("average/layer.bias"), r"is no checkpoint of this training"),
        (lambda _, tensors: tensors.pop("generator"), r"is no checkpoint of this training \('generator'\)"),
        (lambda _, t: t.update({"network/layer.weight": torch.ones(3, 3)}), "is no checkpoint of this training"),
        (lambda _, t: t.update({"optimiser/1/0/exp_avg": torch.ones(3)}), r"exp_avg of parameter 0 is of shape \[3\]"),
        (lambda _, tensors: tensors.pop("optimiser/1/0/exp_avg"), "it lacks exp_avg of parameter 0"),
        (lambda _, t: t.update({"optimiser/7/0/exp_avg": torch.ones(3)}), "is no checkpoint of this training"),
        (
            lambda _, t: t.update({"optimiser/-1/0/exp_avg": torch.ones(40)}),
            "optimiser/-1/0/exp_avg is of no parameter",
        ),
        (
            lambda _, t: t.update({"optimiser/1/00/exp_avg": torch.ones(40)}),
            "optimiser/1/00/exp_avg is of no parameter",
        ),
        (lambda _, t: t.update({"optimiser/1/3/exp_avg": torch.ones(40)}), "optimiser/1/3/exp_avg is of no parameter"),
        (lambda _, t: t.update({"optimiser/1/0/more": torch.ones(40)}), "parameter 0 has no more"),
        (lambda _, t: t.pop("optimiser/0/0/momentum_buffer"), "it lacks momentum_buffer of parameter 0"),
        (
            lambda _, t: [t.pop(key) for key in list(t) if key.startswith("optimiser/1/0/")],
            "it lacks .* of parameter 0",
        ),
        (lambda _, t: t.update({"optimiser/1/0/step": torch.tensor(-1.0)}), "step of parameter 0 is -1, of 4 steps"),
        (lambda _, t: t.update({"optimiser/1/0/step": torch.tensor(5.0)}), "step of parameter 0 is 5, of 4 steps"),
        (lambda _, t: t.update({"optimiser/1/0/step": torch.ones(40)}), "step of parameter 0 is no number"),
        (lambda _, t: t.update({"optimiser/1/0/exp_avg": torch.tensor(1.0)}), r"is of shape \[\], not \[40\]"),
        (lambda _, t: t.update({"optimiser/1/0/exp_avg": torch.ones(40).int()}), "exp_avg of parameter 0 is of type"),
        (lambda _, t: t.update({"optimiser/1/0/exp_avg_sq": -torch.ones(40)}), "exp_avg_sq of parameter 0 is negative"),
        (
            lambda _, t: t.update({"average/layer.bias": torch.ones(40).int()}),
            "average/layer.bias is of type torch.int32",
        ),
        (lambda _, t: t.update({"network/layer.bias": torch.ones(40).double()}), "network/layer.bias is of type"),
        (lambda _, t: t.update({"generator": torch.ones(3)}), "is no checkpoint of this training"),
        (
            lambda _, t: t["average/layer.weight"].fill_(torch.nan),
            r"not finite \(average/layer.weight, after 4 steps\)",
        ),
    ],
)
def test_checkpoints_that_do_not_belong_are_named_with_what_is_wrong(stopped, change, complaint):
    without_sums(stopped, change)
    with pytest.raises(lam.InputError, match=complaint) as told:
        trained(stopped.parent)
    assert "delete it to train this stage afresh" in str(told.value)
    assert "\n" not in str(told.value)


def test_a_checkpoint_without_checksums_goes_on_as_before(stopped):
    without_sums(stopped, lambda *_: None)
    assert torch.equal(trained(stopped.parent), trained(None))


def test_a_model_with_weights_that_are_no_numbers_is_not_written(model, tmp_path):
    surrogate = lam.Surrogate.load(model)
    surrogate.flow.out.weight[0, 0] = torch.nan
    target = tmp_path / "nan.lamslide"
    with pytest.raises(
        lam.InputError, match=r"cannot write .*nan\.lamslide: flow/out\.weight holds numbers that are not"
    ):
        surrogate.save(target)
    assert list(tmp_path.iterdir()) == []


def test_a_training_whose_checkpoint_holds_no_numbers_ends_in_one_line(butane, tmp_path):
    """Averaged weights that are not finite once became a model with a held-out error of nan."""
    settings = tiny_settings(n_steps=3)
    lam.Surrogate.fit(butane, settings=settings, checkpoint_dir=tmp_path)
    (checkpoint,) = tmp_path.glob("autoencoder-*.safetensors")
    without_sums(checkpoint, lambda _, tensors: [t.fill_(torch.nan) for k, t in tensors.items() if k[:7] == "average"])
    with pytest.raises(lam.InputError, match=r"holds numbers that are not finite .* delete it to train this stage"):
        lam.Surrogate.fit(butane, settings=settings, checkpoint_dir=tmp_path)


def test_a_full_disk_leaves_the_old_model_and_nothing_else(model, tmp_path):
    path = tmp_path / "own.lamslide"
    path.write_bytes(model.read_bytes())
    surrogate = lam.Surrogate.load(path)
    for limit in (0, 100, header_bytes(path) + 1000, path.stat().st_size - 1):
        with (
            files_up_to(limit),
            pytest.raises(lam.InputError, match=r"cannot write .*own\.lamslide: .*free space") as told,
        ):
            surrogate.save(path)
        assert "\n" not in str(told.value)
        assert path.read_bytes() == model.read_bytes()
        assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_checkpoint_and_nothing_else(stopped):
    sound, size = stopped.read_bytes(), stopped.stat().st_size
    for limit in (0, 100, size // 2, size - 1):
        with (
            files_up_to(limit),
            pytest.raises(lam.InputError, match=r"cannot write .*one-f+\.safetensors: .*free space"),
        ):
            trained(stopped.parent)
        assert stopped.read_bytes() == sound
        assert list(stopped.parent.iterdir()) == [stopped]
    assert torch.equal(trained(stopped.parent), trained(None))


def test_tensors_of_every_type_and_shape_keep_their_bytes(tmp_path):
    path = tmp_path / "t.safetensors"
    module = nn.Module()
    some = {"two_bytes": torch.ones(3, dtype=torch.float16), "brain": torch.ones(2, 2, dtype=torch.bfloat16)}
    some |= {
        "scalar": torch.tensor(2.5),
        "none": torch.zeros(0, 3),
        "counts": torch.arange(4),
        "ä": torch.ones(1).bool(),
    }
    for name, tensor in some.items():
        module.register_buffer(name, tensor)
    save_checkpoint(path, {"n": module}, [], torch.Generator(), {"step": 0, "fingerprint": 'ö"\\\u2028'})
    found = read_checkpoint(path)
    assert same({k[2:]: t for k, t in found.tensors.items() if k[:2] == "n/"}, some)
    assert found.facts["fingerprint"] == 'ö"\\\u2028'
    assert np.frombuffer(path.read_bytes()[:8], dtype="<u8")[0] % 8 == 0
