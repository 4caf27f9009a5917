"""The curves and maps behind the measures, for figures and files: histograms and maps."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.distances import N_TIC_BINS_2D, angle_bins, angle_histograms, bins_of, joint_edges
from lamslide_md.analysis.features import Torsion, ramachandran_pairs
from lamslide_md.analysis.samples import Sample

N_RAMACHANDRAN_BINS = 60


@dataclass(frozen=True)
class Maps:
    """Histograms as probabilities, by side ("rollout", "reference", "floor").

    `torsions[side]` (torsions, bins on (-pi, pi)); `ramachandran[residue][side]` (phi bins, psi bins); `tics[side]`
    (TIC 0 bins, TIC 1 bins) on the edges `tic_edges`.
    """

    torsions: Mapping[str, Float[np.ndarray, "torsions bins"]]
    ramachandran: Mapping[str, Mapping[str, Float[np.ndarray, "phi psi"]]]
    tics: Mapping[str, Float[np.ndarray, "tic0 tic1"]]
    tic_edges: tuple[Float[np.ndarray, " edges"], ...]


def collect_maps(samples: Mapping[str, Sample], torsions: tuple[Torsion, ...]) -> Maps:
    """Bin all sides alike.

    Parameters
    ----------
    samples
        Samples by side.
    torsions
        Torsions of the angles' columns.

    Returns
    -------
    Maps
        Histograms normalised to 1.
    """
    n_tics = min(2, next(iter(samples.values())).tics[0].shape[1])
    edges = tuple(
        joint_edges([sample.all_tics[:, axis] for sample in samples.values()], N_TIC_BINS_2D) for axis in range(n_tics)
    )
    histograms = {side: angle_histograms(sample.all_angles) / sample.n_frames for side, sample in samples.items()}
    ramachandran = {
        torsions[phi].name.removeprefix("phi "): {
            side: _angle_map(sample.all_angles[:, (phi, psi)]) for side, sample in samples.items()
        }
        for phi, psi in ramachandran_pairs(torsions)
    }
    tics = {side: _tic_map(sample.all_tics, edges) for side, sample in samples.items()} if n_tics == 2 else {}
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
