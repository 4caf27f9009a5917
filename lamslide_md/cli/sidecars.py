"""Sidecar files of trajectories: their topology, and the manifests that hold speed and temperature."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamslide_md.errors import InputError
from lamslide_md.io.manifests import find_manifest, manifest_file, own_topology
from lamslide_md.io.trajectory_files import load_topology

if TYPE_CHECKING:
    import mdtraj as md

    from lamslide_md.data.frame_file import FrameFile
    from lamslide_md.io.stored_trajectories import StoredTrajectory

PS_PER_NS = 1000.0
SYSTEM_FILE = "system.pdb"
"""The topology that reference simulations leave in their folder."""


def sidecar_topology(trajectory: Path, top: Path | None = None) -> Path | None:
    """Choose the topology of a trajectory file.

    Parameters
    ----------
    trajectory
        Trajectory file.
    top
        The topology the user gave; it is passed over only where it has another number of atoms than the manifest
        tells and a PDB file of the trajectory's stem is there, as beside every rollout.

    Returns
    -------
    Path or None
        That file, the PDB that was written with the trajectory, else that of the same stem, the folder's `system.pdb`,
        or None where there is none.
    """
    if not trajectory.name:
        return top
    own, folder = own_topology(trajectory) or _beside(trajectory), trajectory.with_name(SYSTEM_FILE)
    own_is_there = own.is_file() and own != trajectory
    if top is None:
        return own if own_is_there else folder if folder.is_file() and folder != trajectory else None
    manifest, topology = find_manifest(trajectory), load_topology(top)
    fits = manifest is None or topology is None or manifest.n_atoms == topology.n_atoms
    return top if fits or not own_is_there else own


def _beside(trajectory: Path) -> Path:
    """Name of the PDB file of a trajectory's stem, whose ending may be in upper case."""
    usual, upper = trajectory.with_suffix(".pdb"), trajectory.with_suffix(".PDB")
    return upper if upper.is_file() and not usual.is_file() else usual


def files_read(trajectories: Sequence[Path], top: Path | None = None) -> list[Path]:
    """List the files that reading trajectories may look into: themselves, topologies and manifests.

    Parameters
    ----------
    trajectories
        Trajectory files.
    top
        The topology the user gave.

    Returns
    -------
    list of Path
        Those that are there.
    """
    found = [top] if top is not None else []
    for path in filter(lambda path: path.name, trajectories):
        sidecars = (_beside(path), own_topology(path), path.with_name(SYSTEM_FILE), manifest_file(path))
        found += [path, *filter(None, sidecars)]
    return [path for path in found if path.exists()]


def ns_per_s(trajectory: Path) -> float | None:
    """Speed at which one trajectory was made, ns/s; None where its manifest does not tell."""
    manifest = find_manifest(trajectory)
    wall_time_s = getattr(manifest, "wall_time_s", None)
    if manifest is None or not manifest.n_frames or not wall_time_s:
        return None
    return manifest.n_frames * manifest.frame_interval_ps / PS_PER_NS / wall_time_s


def simulation_ns_per_s(replicates: Sequence[Path]) -> float | None:
    """Speed of replicates that ran side by side, summed, ns/s; None where a manifest does not tell."""
    speeds = [ns_per_s(path) for path in replicates]
    found = [speed for speed in speeds if speed is not None]
    return sum(found) if found and len(found) == len(speeds) else None


def temperature_of(trajectories: Sequence[Path]) -> float | None:
    """Look up the temperature that the manifests of trajectories agree on.

    Parameters
    ----------
    trajectories
        Files with manifests beside them, or without.

    Returns
    -------
    float or None
        Temperature, K; None where no manifest tells.

    Raises
    ------
    InputError
        If they disagree.
    """
    temperatures: dict[float, Path] = {}
    for path in trajectories:
        manifest = find_manifest(path)
        if manifest is not None and manifest.temperature_K is not None:
            temperatures.setdefault(manifest.temperature_K, path)
    if len(temperatures) > 1:
        listed = ", ".join(f"{path} {temperature_K:g} K" for temperature_K, path in temperatures.items())
        raise InputError(f"the trajectories have different temperatures ({listed}); a model has one: train on one")
    return next(iter(temperatures), None)


def read_all(
    trajectories: Sequence[Path], top: Path | None, file: "FrameFile | None", how: dict[str, Any]
) -> "list[md.Trajectory | StoredTrajectory]":
    """Read trajectories to train on, or to compare.

    Parameters
    ----------
    trajectories
        Trajectory files.
    top
        The topology the user gave.
    file
        Where frames are kept; None: in memory.
    how
        Further parameters of `lamslide_md.read`.

    Returns
    -------
    list
        All of them, each chain of a rollout for itself.
    """
    from lamslide_md.io.readers import read
    from lamslide_md.io.stored_trajectories import read_to_disk

    data: list[md.Trajectory | StoredTrajectory] = []
    for path in trajectories:
        topology = sidecar_topology(path, top)
        data += read([path], topology, **how) if file is None else read_to_disk(path, file, topology, **how)
    return data
