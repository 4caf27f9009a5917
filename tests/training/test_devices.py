import os
import signal
import subprocess
import sys
from pathlib import Path

import mdtraj as md
import pytest
import torch

from lamslide_md import Surrogate
from lamslide_md.errors import InputError
from lamslide_md.training.devices import check_devices, single_device
from tests.small import tiny_settings
from tests.training import shared_line

SCRIPT = Path(shared_line.__file__)


def few_steps(n_steps=5, **changes):
    """Settings whose matrices are iterated in single precision, so that rounding stays small."""
    settings = tiny_settings(**changes).model_dump()
    for stage in ("autoencoder", "flow"):
        settings[stage]["optimisation"] |= {"n_steps": n_steps, "iteration_dtype": "float32"}
    settings["flow"] |= {"known_noise": 0.1, "slow_weight": 0.5, "bridging": 0.5}
    settings["flow"]["map"] = {"optimisation": settings["flow"]["optimisation"]}
    return type(tiny_settings()).model_validate(settings)


def farthest(one, two):
    """Largest difference of two networks' numbers."""
    one, two = one.state_dict(), two.state_dict()
    return max(float((one[key].float() - two[key].float()).abs().max()) for key in one)


def run_together(n, *arguments):
    """Run the script of the toy network in n processes, as torchrun would."""
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(n), str(SCRIPT), str(n)]
    root = {"PYTHONPATH": str(SCRIPT.parents[2]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command, *map(str, arguments)], env=os.environ | root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def children():
    """Process ids of this process's children."""
    ids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(one) for one in ids]


@pytest.fixture(autouse=True)
def no_process_is_left():
    before = children()  # such as a tracker of resources that an earlier test began
    yield
    assert set(children()) <= set(before)


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_a_training_goes_on_with_another_number_of_devices(tmp_path, first, second):
    whole = shared_line.train(1, None)
    for n, stop_at in ((first, 5), (second, 99)):
        if n > 1:
            run_together(n, tmp_path / "kept", stop_at, tmp_path / "result")
        else:
            try:
                alone = shared_line.train(1, tmp_path / "kept", stop_at)
            except shared_line.Interrupted:
                continue
            torch.save(alone.state_dict(), tmp_path / "result.0")
    for result in tmp_path.glob("result.*"):
        for key, value in torch.load(result).items():
            torch.testing.assert_close(value, whole.state_dict()[key], rtol=1e-4, atol=1e-5)
    assert len(list(tmp_path.glob("result.*"))) == second


@pytest.mark.slow
def test_parts_of_unequal_size_train_as_the_whole(tmp_path):
    whole = shared_line.train(1, None)
    run_together(3, tmp_path / "kept", 99, tmp_path / "result")
    for rank in range(3):
        for key, value in torch.load(tmp_path / f"result.{rank}").items():
            torch.testing.assert_close(value, whole.state_dict()[key], rtol=1e-4, atol=1e-5)


def test_two_processes_train_as_one_does(butane, tmp_path):
    heard = {1: [], 2: []}
    models = {}
    for n, said in heard.items():
        models[n] = Surrogate.fit(
            butane,
            # After more, gradients that are rounding have been made full steps by Adam.
            settings=few_steps(n_steps=2),
            accelerator="cpu",
            devices=n,
            checkpoint_dir=tmp_path / str(n),
            on_progress=said.append,
        )
    last = {
        n: [float(p.message.split(",")[0].removeprefix("loss ")) for p in said if p.done == p.total]
        for n, said in heard.items()
    }
    assert last[1] == pytest.approx(last[2], rel=5e-4)  # four digits are shown
    # In the second stage Adam makes full steps of gradients that are rounding; its loss is compared.
    assert farthest(models[1].autoencoder, models[2].autoencoder) < 1e-5
    names = [sorted(path.name for path in (tmp_path / str(n)).iterdir()) for n in (1, 2)]
    assert names[0] == names[1]
    assert len(names[0]) == 3


@pytest.mark.slow
def test_processes_share_batches_of_molecules_of_different_size(butane):
    shorter = md.Trajectory(butane.xyz[:, :3], butane.topology.subset([0, 1, 2]), time=butane.time)
    settings = few_steps(identifiers="random", rotate=True)
    flow = settings.flow.model_copy(update={"decoded_weight": 1.0})
    settings = settings.model_copy(update={"flow": flow})
    heard = {1: [], 2: []}
    one, two = (
        Surrogate.fit([butane, shorter], settings=settings, accelerator="cpu", devices=n, on_progress=said.append)
        for n, said in heard.items()
    )
    assert farthest(one.autoencoder, two.autoencoder) < 1e-5
    assert heard[1][-1].message == heard[2][-1].message


def test_a_killed_process_ends_the_training_of_all_by_name(butane, tmp_path):
    def kill_one(progress):
        os.kill(children()[-1], signal.SIGKILL)

    with pytest.raises(InputError, match=r"the process of device 1 was ended by signal 9"):
        Surrogate.fit(
            butane,
            settings=few_steps(n_steps=500),
            accelerator="cpu",
            devices=2,
            checkpoint_dir=tmp_path,
            on_progress=kill_one,
        )
    assert not list(tmp_path.glob("lamslide-shared-*"))


@pytest.mark.slow
def test_an_error_of_one_process_is_the_error_of_the_training(butane, tmp_path):
    how = {"settings": few_steps(), "accelerator": "cpu", "checkpoint_dir": tmp_path}
    Surrogate.fit(butane, **how)
    for checkpoint in tmp_path.iterdir():
        checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    with pytest.raises(InputError, match=r"\.safetensors is a damaged checkpoint"):
        Surrogate.fit(butane, devices=2, **how)


def test_a_batch_that_devices_do_not_divide_is_refused_with_the_numbers(butane):
    with pytest.raises(InputError, match=r"autoencoder\..*batch_size=32 cannot be divided among 3 .* 30 or 33"):
        Surrogate.fit(butane, settings=tiny_settings(), devices=3)
    with pytest.raises(InputError, match=r"cannot be divided among 64 devices; set it to 64,"):
        Surrogate.fit(butane, settings=tiny_settings(), devices=64)


def test_several_machines_need_torchrun():
    with pytest.raises(InputError, match=r"devices=4, nodes=2: only torchrun .* --nnodes 2 --nproc-per-node 4"):
        check_devices(4, 2, tiny_settings())


def test_other_numbers_than_those_of_torchrun_are_refused(monkeypatch):
    started = {"TORCHELASTIC_RUN_ID": "x", "RANK": "3", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2"}
    for name, value in started.items():
        monkeypatch.setenv(name, value)
    assert check_devices(None, None, tiny_settings()) == (2, 2)
    with pytest.raises(InputError, match=r"devices=4 were asked for, torchrun has started 2 .* on each of 2 machine"):
        check_devices(4, None, tiny_settings())


def test_tasks_of_a_batch_system_do_not_disturb_one_device(monkeypatch):
    for name, value in {"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "job", "SLURM_PROCID": "0"}.items():
        monkeypatch.setenv(name, value)
    assert single_device("cpu").world_size == 1


@pytest.mark.slow
def test_processes_of_torchrun_write_one_model_and_say_everything_once(butane, tmp_path):
    butane[:300].save_xtc(str(tmp_path / "run.xtc"))
    butane[0].save_pdb(str(tmp_path / "run.pdb"))
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "lamslide_md", "train"]
    sizes = ["--set", "autoencoder.optimisation.n_steps=3", "--set", "flow.optimisation.n_steps=3"]
    options = ["--top", "run.pdb", "--interval-ps", "1", "--accelerator", "cpu", *sizes]
    root = {"PYTHONPATH": str(SCRIPT.parents[2]), "OMP_NUM_THREADS": "1"}

    def train(*more):
        whole = [sys.executable, *command, *more, *options]
        return subprocess.run(whole, cwd=tmp_path, env=os.environ | root, capture_output=True, text=True)

    done = train("run.xtc", "--out", "a.lamslide")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("a.lamslide: 1 ps per frame") == 1
    assert done.stderr.count("train flow: 100 %") == 1
    assert {path.name for path in tmp_path.iterdir()} == {"run.xtc", "run.pdb", "a.lamslide", "a.train.json"}
    assert Surrogate.load(tmp_path / "a.lamslide").frame_interval_ps == 1
    wrong = train("run.xtc", "missing.xtc", "--out", "b.lamslide")
    assert wrong.stderr.count("error: ") == 1
    assert "missing.xtc" in wrong.stderr
    assert not (tmp_path / "b.lamslide").exists()
