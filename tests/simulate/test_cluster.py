import subprocess
import sys
import time
from dataclasses import replace

import pytest

from lamslide_md.errors import InputError
from lamslide_md.io import cluster as cluster_module
from lamslide_md.simulate.jobs import replicate_seed
from lamslide_md.simulate.platforms import PlatformChoice
from lamslide_md.simulate.replicates import simulate_replicates
from lamslide_md.simulate.simulation import simulate

REFERENCE = PlatformChoice("Reference")


def test_without_dask_the_message_says_how_to_install_it(alanine_dipeptide, short_settings, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r'pip install "lamslide_md\[dask\]"'):
        simulate_replicates(alanine_dipeptide, short_settings, tmp_path, scheduler="tcp://localhost:1")


@pytest.fixture(scope="module")
def scheduler():
    """A scheduler with two workers under nannies, which restart them."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster


def test_unreachable_scheduler_is_named(alanine_dipeptide, short_settings, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster_module, "CONNECT_SECONDS", 0.5)
    with pytest.raises(InputError, match=r"no dask scheduler answers at tcp://127\.0\.0\.1:9"):
        simulate_replicates(alanine_dipeptide, short_settings, tmp_path, scheduler="tcp://127.0.0.1:9")


@pytest.mark.slow
def test_cluster_makes_the_trajectories_of_this_machine(
    alanine_dipeptide, prepared, short_settings, tmp_path, scheduler
):
    heard = []
    paths = simulate_replicates(
        alanine_dipeptide,
        short_settings,
        tmp_path / "A",
        n_replicates=3,
        platform=REFERENCE,
        scheduler=scheduler.scheduler_address,
        progress=heard.append,
    )
    assert heard[-1].fraction == 1.0
    for number, path in enumerate(paths, start=1):
        alone = simulate(
            prepared, short_settings, tmp_path / path.name, seed=replicate_seed(0, number), platform=REFERENCE
        )
        assert alone.read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_job_of_a_killed_worker_is_continued_by_another(
    alanine_dipeptide, prepared, short_settings, tmp_path, scheduler
):
    settings = replace(short_settings, length_ps=150.0)
    killed = []

    def kill_once(progress):
        if not killed and 0.1 < progress.fraction < 0.9:
            for worker in scheduler.workers.values():
                killed.append(worker.pid)
                subprocess.run(["kill", "-9", str(worker.pid)], check=True)
                break

    (path,) = simulate_replicates(
        alanine_dipeptide,
        settings,
        tmp_path / "A",
        n_replicates=1,
        platform=REFERENCE,
        scheduler=scheduler.scheduler_address,
        progress=kill_once,
    )
    assert killed
    alone = simulate(prepared, settings, tmp_path / "rep1.xtc", seed=replicate_seed(0, 1), platform=REFERENCE)
    assert alone.read_bytes() == path.read_bytes()


@pytest.mark.slow
def test_impossible_job_fails_at_once_with_its_own_message(alanine_dipeptide, short_settings, tmp_path, scheduler):
    wild = replace(short_settings, timestep_fs=25.0, hydrogen_mass_amu=1.0, temperature_K=3000.0, constraints="none")
    start = time.monotonic()
    with pytest.raises(InputError, match=r"shorter timestep_fs|chirality"):
        simulate_replicates(
            alanine_dipeptide, wild, tmp_path, platform=REFERENCE, scheduler=scheduler.scheduler_address
        )
    assert time.monotonic() - start < 30.0
