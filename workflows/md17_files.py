"""The npz files of MD17 and rMD17: small molecules of ab initio molecular dynamics."""

import itertools
from pathlib import Path

import mdtraj as md
import numpy as np
from ase import Atoms
from jaxtyping import Float, Int

from lamslide_md.errors import InputError
from lamslide_md.io.arrays import read_arrays
from lamslide_md.io.ase_atoms import NM_PER_ANGSTROM, topology_from_ase
from lamslide_md.systems.bond_finding import with_complete_bonds

MD17_INTERVAL_PS = 0.0005
"""Time between two frames of the original files."""

POSITIONS, NUMBERS = ("R", "coords"), ("z", "nuclear_charges")
"""Names of the arrays in MD17 and in rMD17."""


def read_md17(path: Path, *, frame_interval_ps: float | None = None, stride: int = 1) -> md.Trajectory:
    """Read a molecule's trajectory.

    Parameters
    ----------
    path
        MD17's file (``R``, Å, and ``z``), rMD17's (``coords``, ``nuclear_charges``), or one of `simulate.ase_md`.
    frame_interval_ps
        Time between two frames of the file, ps; None: what the file says, or MD17's.
    stride
        Keep every `stride`-th frame.

    Returns
    -------
    md.Trajectory
        All atoms, named by element and number, with guessed bonds.

    Raises
    ------
    InputError
        If the file is missing, damaged or another one, has frames that are no numbers, or its frames are a selection
        without order in time (as in rMD17).
    """
    arrays = _load(path)
    positions, numbers = _pick(path, arrays, POSITIONS), _pick(path, arrays, NUMBERS)
    if positions.ndim != 3 or positions.shape[1:] != (numbers.size, 3) or not len(positions):
        raise InputError(
            f"{path}: positions have shape {positions.shape} for {numbers.size} atoms; (frames, {numbers.size}, 3) is "
            "needed, at least one frame"
        )
    if "old_indices" in arrays:
        positions = positions[_order_in_time(path, arrays["old_indices"])]
    broken = np.flatnonzero(~np.isfinite(positions).all(axis=(1, 2)))
    if len(broken):
        raise InputError(f"{path}: {len(broken)} frames are no numbers, the first is frame {broken[0]}; cut them off")
    if frame_interval_ps is None:
        frame_interval_ps = float(arrays.get("frame_interval_ps", MD17_INTERVAL_PS))
    frames = np.arange(0, len(positions), stride)
    xyz = (positions[frames] * NM_PER_ANGSTROM).astype(np.float32)
    return md.Trajectory(xyz, _topology(path.stem, numbers, positions[0]), time=frames * frame_interval_ps)


def split_in_time(traj: md.Trajectory, shares: tuple[float, ...] = (0.6, 0.2, 0.2)) -> list[md.Trajectory]:
    """Cut a trajectory into parts that follow each other.

    Parameters
    ----------
    traj
        Whole.
    shares
        Of the parts.

    Returns
    -------
    list of md.Trajectory
        No frame is in two of them.
    """
    ends = np.round(np.cumsum((0.0, *shares)) / sum(shares) * traj.n_frames).astype(int)
    return [traj[first:last] for first, last in itertools.pairwise(ends)]


def _load(path: Path) -> dict[str, np.ndarray]:
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the path")
    skipped = ("E", "F", "energies", "forces")
    return read_arrays(path, "is no npz file or is damaged", "fetch it again", skipped=skipped)


def _pick(path: Path, arrays: dict[str, np.ndarray], names: tuple[str, str]) -> np.ndarray:
    for name in names:
        if name in arrays:
            return arrays[name]
    raise InputError(f"{path} has neither {names[0]!r} (MD17) nor {names[1]!r} (rMD17); it holds {', '.join(arrays)}")


def _order_in_time(path: Path, old: Int[np.ndarray, " frames"]) -> Int[np.ndarray, " frames"]:
    """Order of frames that are a selection from a trajectory, if they are evenly spaced in it."""
    order = np.argsort(old, kind="stable")
    steps = np.diff(old[order])
    if len(steps) and (steps != steps[0]).any():
        raise InputError(
            f"{path} is a selection of frames without even spacing (steps of {steps.min()} to {steps.max()} frames), "
            "as rMD17 is: no dynamics can be learned from it; use MD17's original file"
        )
    return order


def _topology(name: str, numbers: Int[np.ndarray, " atoms"], positions: Float[np.ndarray, "atoms 3"]) -> md.Topology:
    topology = topology_from_ase(Atoms(numbers=numbers.ravel(), positions=positions))
    counts: dict[str, int] = {}
    for atom in topology.atoms:
        counts[atom.element.symbol] = counts.get(atom.element.symbol, 0) + 1
        atom.name = f"{atom.element.symbol}{counts[atom.element.symbol]}"
    for residue in topology.residues:
        residue.name = "".join(filter(str.isalnum, name)).upper()[:3] or "MOL"
    return with_complete_bonds(md.Trajectory(positions[None] * NM_PER_ANGSTROM, topology), name)
