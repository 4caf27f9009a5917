"""Reference simulations of whole molecules: replicates with seeds of their own, in one folder per molecule."""

from collections.abc import Sequence
from pathlib import Path

from lamslide_md.io.given_paths import path_of
from lamslide_md.io.locks import only_writer_in
from lamslide_md.io.manifests import find_manifest
from lamslide_md.io.outputs import check_place
from lamslide_md.simulate.jobs import Job, replicate_seed
from lamslide_md.simulate.local import LocalWorkers
from lamslide_md.simulate.molecules import Molecule
from lamslide_md.simulate.platforms import PlatformChoice, usable_cores
from lamslide_md.simulate.progress import Progress, ProgressCallback
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.simulation import check_earlier, discard, replicate_files
from lamslide_md.simulate.solute import write_system_pdb
from lamslide_md.simulate.systems import PreparedSystem, prepare
from lamslide_md.simulate.timing import choose_platform
from lamslide_md.units import MOST_SEED, check_count

TOPOLOGY_FILE = "system.pdb"


def simulate_replicates(
    molecule: Molecule | PreparedSystem,
    settings: SimulationSettings,
    folder: str | Path,
    *,
    n_replicates: int = 2,
    n_processes: int | None = None,
    scheduler: str | None = None,
    seed: int = 0,
    platform: PlatformChoice | None = None,
    overwrite: bool = False,
    progress: ProgressCallback | None = None,
) -> list[Path]:
    """Simulate replicates of one molecule: `system.pdb`, `rep1.xtc`, `rep1.json`, ... in one folder.

    What is there already is kept: see `simulate`.

    Parameters
    ----------
    molecule
        A molecule, which gets the force field and solvent of the settings, or a system of your own.
    settings
        How, and how long each.
    folder
        Where the files go.
    n_replicates
        Independent runs.
    n_processes
        Runs at a time; as many as there are cores, at most one per replicate, when left out.
    scheduler
        Address of a dask scheduler to run on, instead of this machine's cores.
    seed
        Seed of the whole set; each replicate derives its own.
    platform
        Where; the fastest of what is here, by a short timing, when left out.
    overwrite
        Discard what is there under these names and was made with other settings, or by others.
    progress
        Called with the sum over the replicates about twice a second.

    Returns
    -------
    list of Path
        The trajectories.

    Raises
    ------
    InputError
        If files cannot be written or belong to other settings, another process simulates into the folder, or a
        simulation fails.
    """
    folder = path_of(folder, "folder")
    with only_writer_in(folder):
        jobs = make_jobs([molecule], settings, [folder], n_replicates=n_replicates, seed=seed, overwrite=overwrite)
        run_jobs(jobs, n_processes=n_processes, scheduler=scheduler, platform=platform, progress=progress)
    return [job.trajectory for job in jobs]


def make_jobs(
    molecules: Sequence[Molecule | PreparedSystem],
    settings: SimulationSettings,
    folders: Sequence[Path],
    *,
    n_replicates: int,
    seed: int = 0,
    overwrite: bool = False,
) -> list[Job]:
    """Lay out the replicates of molecules: check what is there and write each folder's `system.pdb`.

    With `run_jobs`, the way to simulate many molecules at once: ::

        settings = SimulationSettings(length_ps=20_000)
        names = ["ALDA", "GAVL"]
        jobs = make_jobs([peptide(n) for n in names], settings, [Path("runs") / n for n in names], n_replicates=2)
        run_jobs(jobs)

    Parameters
    ----------
    molecules
        Molecules or prepared systems.
    settings
        How, and how long each.
    folders
        One per molecule.
    n_replicates
        Independent runs of each.
    seed
        Seed of the whole set.
    overwrite
        Discard what is there under these names and was made with other settings, or by others.

    Returns
    -------
    list of Job
        One per replicate of each molecule.

    Raises
    ------
    InputError
        If a folder cannot be written or holds trajectories of other settings.
    """
    check_count("n_replicates", n_replicates)
    check_count("seed", seed, 0, MOST_SEED)
    jobs = []
    for molecule, folder in zip(molecules, folders, strict=True):
        prepared = prepare(molecule, settings) if isinstance(molecule, Molecule) else molecule
        mine = [
            Job(prepared, settings, folder / f"rep{number}.xtc", replicate_seed(seed, number))
            for number in range(1, n_replicates + 1)
        ]
        for path in (folder / TOPOLOGY_FILE, *(file for job in mine for file in replicate_files(job.trajectory))):
            check_place(path)
        with only_writer_in(folder):
            for job in mine:
                if overwrite and not job.is_finished():
                    discard(job.trajectory)
                check_earlier(job.trajectory, settings, job.fingerprint)
            write_system_pdb(folder / TOPOLOGY_FILE, prepared, replaceable=_is_own_topology(folder, mine, overwrite))
        jobs += mine
    return jobs


def _is_own_topology(folder: Path, jobs: Sequence[Job], overwrite: bool) -> bool:
    """Whether the `system.pdb` of a folder may be replaced: its trajectories are these, or it is of no other ones."""
    ours = any(find_manifest(job.trajectory) is not None for job in jobs)
    others = set(folder.glob("rep*.xtc")) - {job.trajectory for job in jobs}
    return ours or (overwrite and not others)


def run_jobs(
    jobs: Sequence[Job],
    *,
    n_processes: int | None = None,
    scheduler: str | None = None,
    platform: PlatformChoice | None = None,
    progress: ProgressCallback | None = None,
) -> None:
    """Run the jobs that are not finished, in processes of this machine or on a cluster.

    Parameters
    ----------
    jobs
        From `make_jobs`.
    n_processes
        Jobs at a time; as many as there are cores when left out.
    scheduler
        Address of a dask scheduler to run on, instead of this machine's cores.
    platform
        Where; timed once, on the first job, when left out; on a cluster by each worker.
    progress
        Called with the sum over the jobs about twice a second.

    Raises
    ------
    InputError
        If a job fails.
    """
    left = [job for job in jobs if not job.is_finished()]
    if not left:
        return
    if scheduler is not None:
        from lamslide_md.simulate.cluster import run_on_cluster

        run_on_cluster([job if platform is None else job.on(platform) for job in left], scheduler, progress)
        return
    n_processes = min(n_processes or usable_cores(), len(left))
    if platform is None:
        if progress is not None:
            progress(Progress("timing platforms", 0.0, sum(job.total_ps for job in left)))
        n_cores = max(1, usable_cores() // n_processes)
        platform = choose_platform(left[0].prepared, left[0].settings, n_cores=n_cores)
    LocalWorkers(n_processes, progress).run([job.on(platform) for job in left])
