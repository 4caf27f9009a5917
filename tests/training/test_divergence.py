"""A training that diverges goes back with a lower rate, or ends in one line; impossible settings are refused."""

import math

import pytest
import torch

from lamslide_md import Surrogate
from lamslide_md.config import PRESETS, Settings
from lamslide_md.errors import InputError, collected_notes
from lamslide_md.training import divergence
from tests.small import tiny_settings
from tests.training.shared_line import SETTINGS, Line
from tests.training.test_devices import run_together
from tests.training.test_trainer import Interrupted, engine_of


def run(folder, spoilt=(), stop_at=None, interval_s=0.0, spoil=math.nan, n_steps=60):
    """Train the toy network; what is in `spoilt` are calls of the loss that are not finite."""
    torch.manual_seed(3)
    trainer, calls = engine_of(folder), 0
    trainer.checkpoint_interval_s = interval_s
    said = []
    trainer.on_progress = said.append

    def loss(training_step, generator):
        nonlocal calls
        calls += 1
        if stop_at is not None and calls > stop_at:
            raise Interrupted
        x = torch.randn(8, 4, generator=generator)
        value = (training_step(x, generator) - 2 * x).square().mean()
        return value * spoil if calls in spoilt else value

    settings = SETTINGS.model_copy(update={"n_steps": n_steps})
    return trainer.train("line", "f" * 64, Line(), loss, settings), said


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


@pytest.mark.parametrize("spoil", [math.nan, math.inf, 1e9])
def test_a_step_that_is_lost_is_taken_again_with_a_quarter_of_the_rate(tmp_path, spoil):
    with collected_notes() as notes:
        trained, said = run(tmp_path, spoilt=[20], spoil=spoil)
    assert notes == [said[1].message]
    assert "at step 19 of 60 the line's loss" in notes[0]
    assert "a learning rate of 0.0025 in place of 0.01, from step 19 on" in notes[0]
    assert all(torch.isfinite(p).all() for p in trained.parameters())
    assert not same(trained, run(None)[0])


def test_without_a_folder_it_goes_back_to_what_is_kept_in_memory():
    with collected_notes() as notes:
        run(None, spoilt=[20])
        run(None, spoilt=[60], n_steps=120)
    assert notes[0].endswith("from step 0 on")
    assert notes[1].endswith("from step 50 on")


def test_what_is_kept_is_the_same_each_time_it_is_asked_for():
    # The second loss of sense comes as many steps after the first return as the first after the beginning.
    with collected_notes() as notes:
        trained, _ = run(None, spoilt=[20, 40], n_steps=60)
    assert [note.rpartition(", ")[2] for note in notes] == ["from step 0 on"] * 2
    again, _ = run(None, spoilt=[1, 2], n_steps=60)
    assert same(trained, again)


def test_an_interrupted_training_that_went_back_goes_on_to_the_same_bits(tmp_path):
    whole, _ = run(tmp_path / "whole", spoilt=[20])
    with pytest.raises(Interrupted):
        run(tmp_path / "cut", spoilt=[20], stop_at=30)
    assert same(run(tmp_path / "cut")[0], whole)
    with pytest.raises(Interrupted):
        run(tmp_path / "at once", spoilt=[20], stop_at=20)
    assert same(run(tmp_path / "at once")[0], whole)


def test_averaged_weights_never_see_what_was_lost(tmp_path):
    def lost(training_step, generator):
        x = torch.randn(8, 4, generator=generator)
        return (training_step(x, generator) - 2 * x).square().mean() * math.nan

    trainer = engine_of(tmp_path)
    network = Line()
    with pytest.raises(InputError, match="the training diverges: at step 0 of 12"):
        trainer.train("line", "f" * 64, network, lost, SETTINGS)
    assert divergence.all_finite(network)


def test_a_training_that_diverges_again_and_again_ends_in_one_line(tmp_path):
    with (
        pytest.warns(match="goes on with a learning rate of 0.000156"),
        pytest.raises(
            InputError,
            match=r"at step 19 of 60 the line's loss, gradient or weights are not finite, also after going back 3 "
            r"times .*of 0\.000156; set line\.optimisation\.learning_rate below 0\.01",
        ),
    ):
        run(tmp_path, spoilt=range(20, 1000))


def test_weights_that_are_lost_in_the_last_step_are_not_the_result(tmp_path):
    network, calls = Line(), 0

    def loss(training_step, generator):
        nonlocal calls
        calls += 1
        x = torch.randn(8, 4, generator=generator)
        value = (training_step(x, generator) - 2 * x).square().mean()
        if calls == SETTINGS.n_steps:
            network.layers[-1].bias.data.fill_(torch.inf)  # of which no gradient tells
        return value

    with pytest.warns(match=r"at step 12 of 12 .*weights are not finite.*from step 11 on"):
        trained = engine_of(tmp_path).train("line", "f" * 64, network, loss, SETTINGS)
    assert divergence.all_finite(trained)


def test_a_gpu_is_asked_only_now_and_then_but_what_it_has_lost_is_not_forgotten():
    guard = divergence.Guard("flow", SETTINGS.model_copy(update={"n_steps": 120}), engine_of(None).share)
    on_meta = torch.zeros((), device="meta")
    # Tensors that hold no numbers would fail if they were read.
    assert all(guard.worst(step, on_meta, on_meta)[1] == 0 for step in range(49))


def test_two_processes_go_back_together(tmp_path):
    run_together(2, tmp_path / "kept", 99, tmp_path / "result", 5)
    one, two = (torch.load(tmp_path / f"result.{rank}") for rank in range(2))
    assert all(torch.equal(one[key], two[key]) and torch.isfinite(one[key]).all() for key in one)


def test_a_rate_that_is_far_too_high_is_lowered_until_the_model_is_of_use(butane):
    settings = tiny_settings().model_dump()
    settings["autoencoder"]["optimisation"]["learning_rate"] = 1.0
    with pytest.warns(match="the autoencoder's loss is .* in place of 1, from step"):
        model = Surrogate.fit(butane, settings=Settings.model_validate(settings), accelerator="cpu")
    assert model.provenance["held_out_rmsd_nm"] < 0.2
    assert model.provenance["n_returns"] == {"autoencoder": 1, "flow": 0}
    assert any("the autoencoder's loss is" in note for note in model.provenance["notes"])


IMPOSSIBLE = {
    "autoencoder.optimisation.n_steps": [0, 10**12],
    "autoencoder.optimisation.batch_size": [0, 10**9],
    "flow.optimisation.learning_rate": [0, 1e3, math.nan],
    "flow.optimisation.weight_decay": [-1, 1e6, math.nan],
    "flow.optimisation.warmup_steps": [0, 10**12],
    "flow.optimisation.constant_fraction": [-2, 2, math.nan],
    "flow.optimisation.gradient_norm": [0, math.inf],
    "flow.optimisation.ema_decay": [-1, 5, math.nan],
    "autoencoder.width": [0, 10**6],
    "autoencoder.depth": [-1, 10**5],
    "autoencoder.n_heads": [0, 5, 10**6],
    "autoencoder.latent_noise": [-1, math.nan, math.inf, 1e10],
    "autoencoder.distance_weight": [-1, math.inf],
    "autoencoder.kind_weight": [-1, math.nan],
    "autoencoder.stiffness": [-1, 2, math.nan],
    "flow.n_frames": [1, 10**7],
    "flow.width": [0, 10**6],
    "flow.depth": [-1, 10**5],
    "flow.n_heads": [5, 32],
    "flow.bridging": [2, math.nan],
    "flow.known_noise": [-1, math.inf],
    "flow.slow_weight": [-1, math.nan],
    "flow.decoded_weight": [-1, math.inf],
    "flow.code_width": [0, 10**6],
    "frame_interval_ps": [0, -1, math.inf, math.nan],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in IMPOSSIBLE.items() for value in values])
def test_impossible_settings_are_refused_by_name(name, value):
    content = tiny_settings().model_dump()
    *parents, leaf = name.split(".")
    inner = content
    for parent in parents:
        inner = inner[parent]
    inner[leaf] = value
    with pytest.raises(ValueError, match=leaf):
        Settings.model_validate(content)


def test_settings_changed_by_a_copy_are_checked_before_anything_is_trained(butane):
    own = tiny_settings()
    wrong = own.model_copy(update={"autoencoder": own.autoencoder.model_copy(update={"latent_noise": math.nan})})
    with pytest.raises(InputError, match=r"autoencoder\.latent_noise=nan: Input should be a finite number"):
        Surrogate.fit(butane, settings=wrong)


def test_every_preset_is_within_the_bounds():
    for settings in PRESETS.values():
        assert Settings.model_validate(settings.model_dump()) == settings


def test_a_network_that_no_memory_holds_is_refused_with_its_width(butane):
    content = tiny_settings().model_dump()
    content["flow"] |= {"width": 65536, "depth": 30}
    with pytest.raises(InputError, match=r"training needs about \d+\.\d GiB .*weights \d+.*flow\.width \(now 65536\)"):
        Surrogate.fit(butane, settings=Settings.model_validate(content), accelerator="cpu")
