"""Writing the manifest beside a trajectory: everything needed to assess and to repeat it."""

import json
import platform as python_platform
import re
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import openmm

from lamslide_md.io.manifests import KIND, Manifest, manifest_path
from lamslide_md.io.records import WRITTEN_BY, written_by
from lamslide_md.io.unchanged import ENTRY
from lamslide_md.simulate.checkpoints import Bookkeeping, write_atomically
from lamslide_md.simulate.platforms import PlatformChoice
from lamslide_md.simulate.progress import speed_ns_per_day
from lamslide_md.simulate.settings import SimulationSettings, fingerprint
from lamslide_md.simulate.systems import PreparedSystem

PACKAGES = ("lamslide_md", "openmm", "numpy")


def run_fingerprint(prepared: PreparedSystem, settings: SimulationSettings, seed: int) -> str:
    """Hash all that decides a trajectory: masses, forces, settings, seed; not its length, platform or versions.

    Parameters
    ----------
    prepared
        System and solute.
    settings
        Settings of the run.
    seed
        Seed of the replicate.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    system = openmm.XmlSerializer.serialize(prepared.system)
    system = re.sub(r'(openmmVersion|randomSeed)="[^"]*"', "", system)
    return fingerprint(system, settings.physical(), seed, prepared.solute.tolist())


def write_manifest(
    trajectory: Path,
    prepared: PreparedSystem,
    settings: SimulationSettings,
    *,
    seed: int,
    platform: PlatformChoice,
    bookkeeping: Bookkeeping,
    finished: bool,
) -> None:
    """Write the manifest of a trajectory.

    Parameters
    ----------
    trajectory
        The trajectory it belongs to.
    prepared
        What was simulated.
    settings
        How.
    seed
        Seed of the replicate.
    platform
        Where.
    bookkeeping
        Frames and time spent.
    finished
        Whether the trajectory has its full length; until then readers do not count frames.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    simulated_ps = bookkeeping.n_frames * settings.frame_interval_ps
    content = Manifest(
        kind=KIND,
        frame_interval_ps=settings.frame_interval_ps,
        temperature_K=settings.temperature_K,
        n_atoms=len(prepared.solute),
        n_frames=bookkeeping.n_frames if finished else None,
        trajectory=trajectory.name,
    ).model_dump() | {
        WRITTEN_BY: written_by("simulate", dict.fromkeys((trajectory.name, trajectory.with_suffix(".checkpoint").name)))
        | ({ENTRY: bookkeeping.trajectory_sha256} if finished else {}),
        "name": prepared.name,
        "fingerprint": bookkeeping.fingerprint,
        "force_field": prepared.force_field,
        "preparation": list(prepared.notes),
        "integrator": "Langevin middle",
        "settings": asdict(settings),
        "seed": seed,
        "platform": platform.name,
        "n_threads": platform.n_threads,
        "wall_time_s": round(bookkeeping.wall_time_s, 3),
        "ns_per_day": round(speed_ns_per_day(simulated_ps, bookkeeping.wall_time_s), 3),
        **({"n_bytes": bookkeeping.n_bytes} if finished else {}),
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{python_platform.system()} {python_platform.machine()}",
        "versions": {"python": python_platform.python_version()}
        | {package: metadata.version(package) for package in PACKAGES},
    }
    write_atomically(manifest_path(trajectory), (json.dumps(content, indent=2) + "\n").encode())
