"""What interrupted runs go on from may claim anything: what does not fit is told before a frame is lost or invented."""

import contextlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import lamslide_md as lam
from lamslide_md.cli.app import run
from lamslide_md.io.arrays import read_arrays, write_arrays
from lamslide_md.io.manifests import find_manifest
from lamslide_md.training.checkpoints import read_checkpoint, save_checkpoint
from tests.damage import files_up_to
from tests.small import tiny_settings

N_FRAMES = 13


@pytest.fixture(scope="module")
def surrogate(butane):
    return lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=2))


@pytest.fixture
def roll(surrogate, butane):
    """Makes the same rollout of two chains again and again."""
    return lambda: surrogate.rollout(butane[0], N_FRAMES, n_chains=2)


@pytest.fixture(params=["xtc", "trr", "extxyz", "traj"])
def stopped(roll, tmp_path, request):
    """A rollout that was interrupted after two windows, as of before there were checksums."""
    path, rollout = tmp_path / f"r.{request.param}", roll()

    def windows(place):
        for done, window in enumerate(rollout.windows(place)):
            if done == 2:
                raise KeyboardInterrupt
            yield window

    with contextlib.suppress(KeyboardInterrupt):
        replace(rollout, windows=windows).save(path)
    counted(path)
    return path


def counted(path, **change):
    """Give a restart other contents, and no checksums."""
    restart = path.with_name("r.restart.npz")
    content = {k: v for k, v in read_arrays(restart, "", "").items() if k not in ("digests", "checksums")}
    np.savez(restart, **content | change)
    return content


def files_of(path):
    return {file.name: file.read_bytes() for file in path.parent.glob("r*")}


def test_a_restart_whose_counts_are_not_those_of_its_files_is_refused_and_nothing_changes(roll, stopped):
    own = counted(stopped)
    lengths, n_frames = own["lengths"], int(own["n_frames"])
    for change in (
        {"n_frames": np.array(n_frames + 2)},
        {"n_frames": np.array(N_FRAMES)},
        {"lengths": np.zeros(2, dtype=np.int64)},
        {"lengths": lengths - 1},
        {"lengths": lengths - np.array([0, 1])},
        {"lengths": np.ones(2, dtype=np.int64)},
    ):
        counted(stopped, **own | change)
        before = files_of(stopped)
        with pytest.raises(lam.InputError, match=r"r\.chain\d\.\w+ (holds \d+ sound|was replaced).* or roll out anew"):
            roll().save(stopped, resume=True)
        assert files_of(stopped) == before
    counted(stopped, **own)
    assert sum(chain.n_frames for chain in lam.read(roll().save(stopped, resume=True), top=stopped.with_suffix(".pdb")))


def test_frames_behind_those_that_an_old_restart_knows_are_left_out_of_the_count(roll, stopped):
    if stopped.suffix == ".traj":
        pytest.skip("its frames are not bytes behind one another")
    whole = roll().save(stopped.with_name(f"whole{stopped.suffix}")).read_bytes()
    for part in stopped.parent.glob("r.chain*"):
        content = part.read_bytes()
        part.write_bytes(content + content[: len(content) // 3])
    assert roll().save(stopped, resume=True).read_bytes() == whole


def test_a_rollout_that_would_be_short_is_not_joined(roll, tmp_path):
    """The counts of its restart were changed together with the checksums."""
    rollout, path = roll(), tmp_path / "r.xtc"

    def windows(place):
        yield next(iter(rollout.windows(place)))
        raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        replace(rollout, windows=windows).save(path)
    restart = tmp_path / "r.restart.npz"
    content = read_arrays(restart, "", "")
    write_arrays(restart, **content | {"n_frames": np.array(N_FRAMES)})
    with pytest.raises(lam.InputError, match=r"r\.xtc would have 10 of 26 frames, .*r\.chain2\.xtc.*; roll out anew"):
        roll().save(path, resume=True)
    assert not path.exists()


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"kind": '])
def test_a_restart_without_its_manifest_is_not_begun_again_in_silence(roll, stopped, content):
    manifest, restart = stopped.with_suffix(".json"), stopped.with_name("r.restart.npz")
    sound = manifest.read_bytes()
    manifest.unlink()
    if content is not None:
        manifest.write_bytes(content)
    before = files_of(stopped)
    for damaged in (False, True):
        if damaged:
            restart.write_bytes(b"")
            before[restart.name] = b""
        with pytest.raises(
            lam.InputError, match=r"r\.\S*json is missing, .* of which rollout .*restart.npz is; put it"
        ):
            roll().save(stopped, resume=True)
        assert files_of(stopped) == before
        if not damaged:
            kept = restart.read_bytes()
    restart.write_bytes(kept)
    manifest.write_bytes(sound)
    assert roll().save(stopped, resume=True) == stopped


def test_a_wall_time_at_its_bound_makes_a_manifest_that_is_read(roll, stopped):
    counted(stopped, wall_time_s=np.array(1e12))
    assert find_manifest(roll().save(stopped, resume=True)).wall_time_s == 1e12


def test_a_full_disk_is_told_with_the_parts_that_are_there(roll, tmp_path):
    path = tmp_path / "r.xtc"
    with files_up_to(2500), pytest.raises(lam.InputError, match=r"no frame was written: free space and go on") as told:
        roll().save(path)
    assert "chain" not in str(told.value).partition(";")[2]
    with files_up_to(0), pytest.raises(lam.InputError, match=r"cannot write .*r2\.xtc: .*; free space, or choose"):
        roll().save(tmp_path / "r2.xtc")


def test_a_refused_rollout_leaves_the_parameters_of_the_one_that_is_there(surrogate, tmp_path, capsys):
    model, out = surrogate.save(tmp_path / "m.lamslide"), tmp_path / "r.xtc"
    words = ["rollout", str(model), "--frames", "3", "--out", str(out)]
    assert run(words) == 0
    echo = tmp_path / "r.rollout.json"
    sound = echo.read_bytes()
    out.with_suffix(".json").write_text(
        out.with_suffix(".json").read_text().replace('"n_frames": 3', '"n_frames": null')
    )
    assert run([*words, "--seed", "5", "--continue"]) == 2
    assert "holds another rollout: seed 0 there, 5 now" in capsys.readouterr().err
    assert echo.read_bytes() == sound


def test_a_disk_that_is_full_for_the_parameters_is_told_in_one_line(surrogate, tmp_path, capsys):
    model, folder = surrogate.save(tmp_path / "m.lamslide"), tmp_path / "full"
    words = ["rollout", str(model), "--frames", "3", "--out", str(folder / "r.xtc")]
    assert run(words) == 0
    n_bytes = (folder / "r.rollout.json").stat().st_size
    (folder / "r.rollout.json").unlink()
    with files_up_to(n_bytes // 2):
        assert run([*words, "--continue"]) == 2
    told = capsys.readouterr().err
    assert "error: cannot write" in told
    assert "r.rollout.json" in told
    assert "free space, or choose another folder" in told


def test_a_flow_whose_averaged_weights_are_absurd_is_no_model(butane, tmp_path):
    settings = tiny_settings(n_steps=3)
    lam.Surrogate.fit(butane, settings=settings, checkpoint_dir=tmp_path)
    (path,) = tmp_path.glob("flow-*.safetensors")
    tensors, sound = load_file(path), path.read_bytes()
    with safe_open(path, framework="pt") as file:
        header = {key: value for key, value in file.metadata().items() if key != "checksums"}
    save_file(tensors | {"average/out.bias": torch.full_like(tensors["average/out.bias"], 1e38)}, path, header)
    with pytest.raises(lam.InputError, match=r"second stage, the flow, .*loss of inf .*delete flow-\*\.safetensors in"):
        lam.Surrogate.fit(butane, settings=settings, checkpoint_dir=tmp_path)
    path.write_bytes(sound)
    assert lam.Surrogate.fit(butane, settings=settings, checkpoint_dir=tmp_path)


def test_a_checkpoint_of_no_step_and_one_with_a_parameter_without_gradient_go_on(tmp_path):
    network, average = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    average.load_state_dict(network.state_dict())
    modules, optimiser = {"network": network, "average": average}, torch.optim.AdamW(network.parameters())
    path = tmp_path / "c.safetensors"
    for step in (0, 1):
        if step:
            network.weight.sum().backward()  # the bias has no gradient
            optimiser.step()
        save_checkpoint(path, modules, [optimiser], torch.Generator(), {"step": step})
        fresh = torch.optim.AdamW(network.parameters())
        read_checkpoint(path).restore(modules, [fresh], torch.Generator())
        assert list(fresh.state_dict()["state"]) == [0] * step
