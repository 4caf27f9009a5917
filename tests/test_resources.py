"""What no memory or disk holds is told and refused before anything is made."""

import numpy as np
import pytest
import torch

from lamslide_md import Surrogate, forecast
from lamslide_md.cli.app import run
from lamslide_md.errors import InputError
from lamslide_md.sampling import needs
from lamslide_md.sampling.needs import ChainTimes, bytes_of_a_chain, check_disk
from tests.small import tiny_settings


@pytest.fixture(scope="module")
def surrogate(butane):
    return Surrogate.fit(butane, settings=tiny_settings(n_steps=5), accelerator="cpu")


@pytest.fixture(scope="module")
def model_file(surrogate, tmp_path_factory):
    return surrogate.save(tmp_path_factory.mktemp("model") / "butane.lamslide")


def refused(arguments, folder, capsys):
    """Run a command that must be refused in one line, and leave nothing behind."""
    before = sorted(folder.iterdir())
    assert run([str(word) for word in arguments]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert sorted(folder.iterdir()) == before
    assert len(said) == 1
    return said[0]


@pytest.mark.parametrize("ending", ["xtc", "trr", "dcd", "pdb", "traj", "extxyz", "h5"])
def test_frames_that_no_disk_holds_are_refused_with_what_is_needed_and_free(model_file, tmp_path, capsys, ending):
    line = refused(["rollout", model_file, "--out", tmp_path / f"a.{ending}", "--frames", 10**12], tmp_path, capsys)
    assert "1,000,000,000,000 frames of 4 atoms need at least" in line
    assert "TiB of disk" in line
    assert "take at most --frames=" in line


def test_chains_that_are_more_than_files_are_refused_before_the_model_is_read(tmp_path, capsys):
    for command in ("rollout", "interpolate"):
        ends = ["--start", "no.pdb", "--end", "no.pdb"] if command == "interpolate" else []
        many = "--chains" if command == "rollout" else "--paths"
        (tmp_path / "no.lamslide").touch()
        words = [command, tmp_path / "no.lamslide", *ends, "--out", tmp_path / "a.xtc", many, 10**9]
        line = refused(words, tmp_path, capsys)
        assert "cannot take 1,000,000,000 chains" in line


def test_chains_that_no_memory_holds_are_refused_with_how_many_would_fit(surrogate):
    with pytest.raises(
        InputError, match=r"n_chains=1000000000: .* need at least [\d.,]+ GiB of memory.* at most [\d,]+"
    ):
        surrogate.rollout(n_chains=10**9)
    with pytest.raises(InputError, match="n_chains must be at most"):
        surrogate.rollout(n_chains=10**21)


def test_paths_that_no_memory_holds_are_refused(surrogate, butane):
    with pytest.raises(InputError, match=r"1,000,000,000,000 chain\(s\) of 3 frames need .* of memory"):
        surrogate.interpolate(butane[0], butane[9], 1, n_paths=10**12)
    with pytest.raises(InputError, match="n_paths=0 must be at least 1"):
        surrogate.interpolate(butane[0], butane[9], 1, n_paths=0)


def test_forecasts_that_no_memory_holds_are_refused(surrogate, butane):
    with pytest.raises(InputError, match=r"2 chain\(s\) of 1,000,000,000,000 frames need .*chunk by chunk"):
        forecast(surrogate, [butane[:1], butane[1:2]], 10**12)
    with pytest.raises(InputError, match=r"1,000,000,000,000 chain\(s\) of 3 frames"):
        forecast(surrogate, [butane[:1]], 3, n_samples=10**12)
    with pytest.raises(InputError, match="n_frames=3 and n_samples=0 must both be at least 1"):
        forecast(surrogate, [butane[:1]], 3, n_samples=0)


def test_frames_are_not_asked_for_as_one_array_that_no_memory_holds(surrogate):
    rollout = surrogate.rollout(n_frames=10**12)
    for ask in (rollout.points_nm, rollout.to_mdtraj, rollout.to_ase, rollout.chains):
        with pytest.raises(InputError, match=r"1 chain\(s\) of 1,000,000,000,000 frames need .* chunk by chunk"):
            ask()
    assert next(rollout.chunks()).shape == (1, 5, 4, 3)


def test_what_is_refused_is_more_than_what_a_rollout_takes(surrogate, tmp_path):
    for ending in ("xtc", "trr", "dcd", "nc", "h5", "pdb", "traj", "extxyz", "gro", "mdcrd", "cif", "xyz.gz"):
        path = surrogate.rollout(n_frames=20).save(tmp_path / f"a.{ending}")
        least = 20 * 4 * needs.BYTES_OF_AN_ATOM.get(f".{ending}", needs.EXACT_BYTES)
        assert least < path.stat().st_size, ending


def test_frames_that_are_there_already_count_as_room(tmp_path):
    free = needs.shutil.disk_usage(tmp_path).free
    n_frames = int(free // 12) + 1000
    with pytest.raises(InputError, match="need at least"):
        check_disk(tmp_path / "a.trr", 1, n_frames, 1)
    with (tmp_path / "a.trr").open("wb") as file:
        file.truncate(10**9)
    check_disk(tmp_path / "a.trr", 1, n_frames, 1)


def test_chains_in_groups_are_those_of_one_batch_to_rounding(surrogate, monkeypatch):
    how = {"n_frames": 12, "n_chains": 7, "seed": 3, "solver": "sde"}
    whole = surrogate.rollout(**how).points_nm()
    monkeypatch.setattr(needs, "SHARE_OF_MACHINE", 0.0)
    monkeypatch.setattr(needs, "GROUP_BYTES", 3 * bytes_of_a_chain(surrogate, surrogate.systems[0])[0])
    drawn = []
    step = surrogate.flow.sample
    monkeypatch.setattr(
        surrogate.flow, "sample", lambda latents, *more: drawn.append(len(latents)) or step(latents, *more)
    )
    grouped = surrogate.rollout(**how).points_nm()
    assert set(drawn) == {2, 3}
    np.testing.assert_allclose(grouped, whole, atol=1e-4)


def test_a_chain_takes_no_less_memory_than_is_told(surrogate):
    drawn, _ = bytes_of_a_chain(surrogate, surrogate.systems[0])
    seen = []

    def hold(*about):
        seen.extend(t.nbytes for t in about[-1] if isinstance(t, torch.Tensor)) if isinstance(about[-1], tuple) else (
            seen.append(about[-1].nbytes)
        )

    hooks = [module.register_forward_hook(hold) for module in surrogate.flow.over_latents]
    next(surrogate.rollout(n_chains=100, n_frames=1, n_solver_steps=1).chunks())
    for hook in hooks:
        hook.remove()
    # One number of KEPT_OF_A_TOKEN for each channel of a token is a block's output.
    assert needs.KEPT_OF_A_TOKEN * max(seen) / 100 <= drawn


def test_times_are_made_for_the_frames_that_are_written_only(surrogate):
    rollout = surrogate.rollout(n_frames=12, n_chains=3)
    times = ChainTimes(3, 12, rollout.frame_interval_ps)
    np.testing.assert_array_equal(times.between(0, 12), np.stack([rollout.time_ps(chain) for chain in range(3)]))
    np.testing.assert_array_equal(times.between(5, 7), times.between(0, 12)[:, 5:7])
    assert ChainTimes(1, 10**12, 1.0).between(10**11, 10**11 + 1).tolist() == [[10**11 + 1]]
