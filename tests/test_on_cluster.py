import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from lamslide_md import Surrogate, read
from lamslide_md.errors import InputError
from lamslide_md.on_cluster import RUN_FILE, ClusterRollout, RolloutJob, roll_out_on_cluster
from lamslide_md.sampling.settings import Sampling
from lamslide_md.shares import Share
from tests.small import tiny_settings

N_FRAMES, N_CHAINS = 20, 5


@pytest.fixture(scope="module")
def model(butane, tmp_path_factory):
    """A small model in a file."""
    path = tmp_path_factory.mktemp("model") / "butane.lamslide"
    return Surrogate.fit(butane, settings=tiny_settings(n_steps=20), accelerator="cpu").save(path)


@pytest.fixture(scope="module")
def scheduler():
    """A scheduler with two workers under nannies, which restart them."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
        yield cluster


def wanted(model, path, **changes):
    how = {"n_frames": N_FRAMES, "n_chains": N_CHAINS, "n_jobs": 2, "accelerator": "cpu", "sampling": Sampling(seed=3)}
    return ClusterRollout(model, path, **how | changes)


def jobs_of(whole):
    return [RolloutJob(whole, Share(rank, whole.n_jobs, whole.n_chains), "run") for rank in range(whole.n_jobs)]


@pytest.mark.parametrize("exchanges", [False, True])
def test_parts_of_the_chains_are_those_of_the_whole_to_rounding(butane, exchanges):
    surrogate = Surrogate.fit(
        butane, settings=tiny_settings(n_steps=20).model_copy(update={"exchange": exchanges}), accelerator="cpu"
    )
    whole = surrogate.rollout(n_frames=N_FRAMES, n_chains=N_CHAINS, seed=3)
    parts = [surrogate.rollout_part(Share(rank, 2), n_frames=N_FRAMES, n_chains=N_CHAINS, seed=3) for rank in range(2)]
    assert [part.n_chains for part in parts] == [2, 3]
    np.testing.assert_allclose(np.concatenate([part.points_nm() for part in parts]), whole.points_nm(), atol=2e-5)
    times = np.concatenate([part.time_ps(chain) for part in parts for chain in range(part.n_chains)])
    np.testing.assert_array_equal(times, np.concatenate([whole.time_ps(chain) for chain in range(N_CHAINS)]))


def test_a_job_of_a_rollout_that_was_given_up_ends_itself(model, tmp_path):
    whole = wanted(model, tmp_path / "out.xtc", n_frames=1_000_000)
    with pytest.raises(InputError, match=r"part1\.xtc: the rollout that this is a part of was given up"):
        jobs_of(whole)[0].run()
    assert jobs_of(whole)[0].n_done() < 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["xtc", "dcd", "traj"])
def test_workers_make_the_file_of_their_jobs_whatever_worker_has_which(model, tmp_path, scheduler, ending):
    heard = []
    path = tmp_path / f"out.{ending}"
    address = scheduler.scheduler_address
    assert roll_out_on_cluster([wanted(model, path)], address, lambda *done: heard.append(done)) == [path]
    assert heard[-1] == (N_FRAMES * N_CHAINS, N_FRAMES * N_CHAINS)
    alone = wanted(model, tmp_path / f"alone.{ending}")
    for job in jobs_of(alone):
        job.whole.folder.mkdir(exist_ok=True)
        job.run()
    chains = read(path, tmp_path / "out.pdb")
    assert len(chains) == N_CHAINS
    made = [chain for job in jobs_of(alone) for chain in read(job.path, tmp_path / "out.pdb")]
    for chain, other in zip(chains, made, strict=True):
        np.testing.assert_allclose(chain.xyz, other.xyz, atol=1e-6)  # dcd is in angstroms
        if ending == "xtc":  # others hold no times
            np.testing.assert_array_equal(chain.time, other.time)
    names = {file.name for file in tmp_path.iterdir()} - {"alone.jobs"}
    assert names == {path.name, "out.pdb", "out.json"}


@pytest.mark.slow
def test_a_killed_worker_changes_no_byte_and_another_run_goes_on(model, tmp_path, scheduler):
    killed = []

    def kill_once(done, total):
        if not killed and 0 < done < total:
            for worker in scheduler.workers.values():
                killed.append(worker.pid)
                subprocess.run(["kill", "-9", str(worker.pid)], check=True)
                break

    paths = [tmp_path / "killed.xtc", tmp_path / "quiet.xtc"]
    long = [wanted(model, path, n_frames=1500) for path in paths]
    roll_out_on_cluster(long[:1], scheduler.scheduler_address, kill_once)
    assert killed

    def give_up(done, total):
        if done > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        roll_out_on_cluster(long[1:], scheduler.scheduler_address, give_up)
    assert (long[1].folder / RUN_FILE).is_file()
    time.sleep(3)
    again = wanted(model, paths[1], n_frames=1500, n_jobs=4, resume=True)
    roll_out_on_cluster([again], scheduler.scheduler_address)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert not long[1].folder.exists()


@pytest.mark.slow
def test_many_rollouts_share_the_workers_and_a_users_folder_is_left_alone(model, butane, tmp_path, scheduler):
    many = [wanted(model, tmp_path / f"{number}.xtc", start=butane[number], n_chains=1) for number in range(3)]
    paths = roll_out_on_cluster(many, scheduler.scheduler_address)
    assert all(read(path, path.with_suffix(".pdb")).n_frames == N_FRAMES for path in paths)
    mine = tmp_path / "mine.jobs"
    mine.mkdir()
    (mine / "notes").write_text("mine")
    with pytest.raises(InputError, match=r"mine\.jobs is not of a rollout's jobs"):
        roll_out_on_cluster([wanted(model, tmp_path / "mine.xtc")], scheduler.scheduler_address)
    assert Path(mine / "notes").read_text() == "mine"
