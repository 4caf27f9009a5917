"""The details behind the table of measures, by dataset: torsions, curves, maps; their plain form for files."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.datasets.dataset import Projected
from lamslide_md.analysis.distributions import N_TIC_BINS_2D, angle_bins, angle_histograms, bins_of, joint_edges
from lamslide_md.analysis.features import Torsion, ramachandran_pairs


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
        joint_edges([projected.all_of_tic(axis) for projected in datasets.values()], N_TIC_BINS_2D)
        for axis in range(n_tics)
    )
    histograms = {
        which: np.sum([angle_histograms(part) for part in projected.angles], axis=0) / projected.n_frames
        for which, projected in datasets.items()
    }
    ramachandran = {
        torsions[phi].name.removeprefix("phi "): {
            which: _angle_map(projected.all_of_angle(phi), projected.all_of_angle(psi))
            for which, projected in datasets.items()
        }
        for phi, psi in ramachandran_pairs(torsions).tolist()
    }
    tics = {which: _tic_map(projected, edges) for which, projected in datasets.items()} if n_tics == 2 else {}
    return Maps(histograms, ramachandran, tics, edges)


def _angle_map(phi: np.ndarray, psi: np.ndarray) -> np.ndarray:
    flat = angle_bins(phi, N_RAMACHANDRAN_BINS) * N_RAMACHANDRAN_BINS + angle_bins(psi, N_RAMACHANDRAN_BINS)
    return _probabilities(flat, (N_RAMACHANDRAN_BINS, N_RAMACHANDRAN_BINS))


def _tic_map(projected: Projected, edges: tuple[np.ndarray, ...]) -> np.ndarray:
    flat = bins_of(projected.all_of_tic(0), edges[0]) * N_TIC_BINS_2D + bins_of(projected.all_of_tic(1), edges[1])
    return _probabilities(flat, (N_TIC_BINS_2D, N_TIC_BINS_2D))


def _probabilities(flat: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape) / len(flat)


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
