"""The details behind the table of measures, by dataset: torsions, curves, maps, frames; their plain form for files."""

import platform
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int
from scipy.spatial.transform import Rotation

from lamslide_md.analysis.datasets.dataset import Dataset, Projected
from lamslide_md.analysis.distributions import N_TIC_BINS_2D, angle_bins, angle_histograms, bins_of, joint_edges
from lamslide_md.analysis.features import Torsion, heavy_atoms, ramachandran_pairs
from lamslide_md.systems.bonds import bond_pairs


@dataclass(frozen=True)
class TorsionResult:
    """One torsion: Jensen-Shannon distances of rollout and floor, relaxation times (ps) by dataset."""

    name: str
    kind: str
    js_distance: float | None
    js_distance_error: float | None
    js_distance_floor: float | None
    relaxation_ps: Mapping[str, float | None]


@dataclass(frozen=True)
class AutocorrelationResult:
    """Autocorrelation of every torsion (lags, torsions) by dataset, at common lags in ps."""

    lags_ps: np.ndarray
    autocorrelation: Mapping[str, np.ndarray]


N_RAMACHANDRAN_BINS = 60


@dataclass(frozen=True)
class Maps:
    """Histograms as probabilities, by dataset ("rollout", "reference", "floor").

    `torsions[which]` (torsions, bins on (-pi, pi)); `ramachandran[residue][which]` (phi bins, psi bins); `tics[which]`
    (TIC 0 bins, TIC 1 bins) on the edges `tic_edges`.
    """

    torsions: Mapping[str, Float[np.ndarray, "torsions bins"]]
    ramachandran: Mapping[str, Mapping[str, Float[np.ndarray, "phi psi"]]]
    tics: Mapping[str, Float[np.ndarray, "tic0 tic1"]]
    tic_edges: tuple[Float[np.ndarray, " edges"], ...]


def collect_maps(datasets: Mapping[str, Projected], torsions: tuple[Torsion, ...]) -> Maps:
    """Bin all datasets alike.

    Parameters
    ----------
    datasets
        Projected datasets, by name.
    torsions
        Torsions of the angles' columns.

    Returns
    -------
    Maps
        Histograms normalised to 1.
    """
    n_tics = min(2, next(iter(datasets.values())).tics[0].shape[1])
    edges = tuple(
        joint_edges([projected.all_tics[:, axis] for projected in datasets.values()], N_TIC_BINS_2D)
        for axis in range(n_tics)
    )
    histograms = {
        which: angle_histograms(projected.all_angles) / projected.n_frames for which, projected in datasets.items()
    }
    ramachandran = {
        torsions[phi].name.removeprefix("phi "): {
            which: _angle_map(projected.all_angles[:, (phi, psi)]) for which, projected in datasets.items()
        }
        for phi, psi in ramachandran_pairs(torsions)
    }
    tics = {which: _tic_map(projected.all_tics, edges) for which, projected in datasets.items()} if n_tics == 2 else {}
    return Maps(histograms, ramachandran, tics, edges)


def _angle_map(angles: np.ndarray) -> np.ndarray:
    bins = angle_bins(angles, N_RAMACHANDRAN_BINS)
    flat = bins[:, 0] * N_RAMACHANDRAN_BINS + bins[:, 1]
    return _probabilities(flat, (N_RAMACHANDRAN_BINS, N_RAMACHANDRAN_BINS))


def _tic_map(tics: np.ndarray, edges: tuple[np.ndarray, ...]) -> np.ndarray:
    flat = bins_of(tics[:, 0], edges[0]) * N_TIC_BINS_2D + bins_of(tics[:, 1], edges[1])
    return _probabilities(flat, (N_TIC_BINS_2D, N_TIC_BINS_2D))


def _probabilities(flat: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape) / len(flat)


MAX_FRAMES = 100
MAX_POSITIONS = 20_000
"""Frames times atoms: about 0.4 MB in the report."""
PICOMETRES_PER_NM = 1000.0


@dataclass(frozen=True)
class Playback:
    """Frames of both datasets at the same interval; positions in whole picometres, (frames, atoms, 3)."""

    elements: tuple[str, ...]
    names: tuple[str, ...]
    bonds: Int[np.ndarray, "bonds 2"]
    interval_ps: float
    positions_pm: Mapping[str, Int[np.ndarray, "_ atoms 3"]]


def collect_playback(topology: md.Topology, reference: Dataset, rollout: Dataset, interval_ps: float) -> Playback:
    """Take the first frames of both datasets at a common interval and superpose them.

    Parameters
    ----------
    topology
        Topology of the compared atoms.
    reference
        Its first frame is the one that all are superposed on.
    rollout
        The same atoms.
    interval_ps
        Time between the frames shown, a whole number of frames of both, ps.

    Returns
    -------
    Playback
        At most 100 frames of each.
    """
    n_frames = max(2, min(MAX_FRAMES, MAX_POSITIONS // topology.n_atoms))
    heavy = heavy_atoms(topology)
    target = reference.positions_nm[0][0]
    frames = {}
    for name, dataset in (("reference", reference), ("rollout", rollout)):
        positions = superposed(_first_frames(dataset, interval_ps, n_frames), target, heavy)
        frames[name] = np.round(positions * PICOMETRES_PER_NM).astype(int)
    return Playback(
        elements=tuple("X" if atom.element is None else atom.element.symbol for atom in topology.atoms),
        names=tuple(str(atom) for atom in topology.atoms),
        bonds=bond_pairs(topology, reference.positions_nm[0][:100]),
        interval_ps=interval_ps,
        positions_pm=frames,
    )


def _first_frames(dataset: Dataset, interval_ps: float, n_frames: int) -> np.ndarray:
    longest = max(dataset.positions_nm, key=len)
    stride = max(1, round(interval_ps / dataset.interval_ps))
    return longest[::stride][:n_frames].astype(np.float64)


def superposed(
    positions_nm: Float[np.ndarray, "frames atoms 3"], target_nm: Float[np.ndarray, "atoms 3"], chosen: np.ndarray
) -> Float[np.ndarray, "frames atoms 3"]:
    """Move every frame onto the target by the rotation and translation that fit the chosen atoms best.

    Parameters
    ----------
    positions_nm
        Frames, nm.
    target_nm
        The frame to fit, nm; its chosen atoms are centred at the origin in the result.
    chosen
        Atoms that are fitted, bool.

    Returns
    -------
    np.ndarray
        Fitted frames, nm; never mirrored.
    """
    centred = positions_nm - positions_nm[:, chosen].mean(axis=1, keepdims=True)
    goal = target_nm - target_nm[chosen].mean(axis=0)
    with warnings.catch_warnings():  # of points on a line any rotation about it will do
        warnings.filterwarnings("ignore", message="Optimal rotation is not uniquely", category=UserWarning)
        turns = [Rotation.align_vectors(goal, frame, weights=chosen.astype(float))[0] for frame in centred]
    return np.array([turn.apply(frame) for turn, frame in zip(turns, centred, strict=True)])


def to_plain(value: Any) -> Any:  # noqa: ANN401 - walks anything a Comparison holds
    """Turn dataclasses, arrays and NumPy scalars to dicts, lists and numbers that JSON holds; NaN becomes None."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, list | tuple):
        return [to_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return to_plain(value.item())
    if isinstance(value, float):
        # Seven digits are more than any of these numbers has, and keep the file readable.
        return float(f"{value:.7g}") if np.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


LIBRARIES = ("lamslide_md", "mdtraj", "deeptime", "numpy", "scipy")


def library_versions() -> dict[str, str]:
    """List the versions of Python and of the libraries behind the measures."""
    versions = {"python": platform.python_version()}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            versions[library] = "not installed"
    return versions
