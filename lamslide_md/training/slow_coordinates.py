"""The directions of the latents that are forgotten last, in which errors of the flow change kinetics."""

import numpy as np
import torch
from deeptime.decomposition import TICA
from jaxtyping import Float, Int
from torch import Tensor

from lamslide_md.flow.low_rank_prior import DENSE_FEATURES, DENSE_FEATURES_OF_SHORT, RANK, leading_components

LAG = 5
"""Frames after which a direction must still be remembered to count."""
SAMPLES_OF_A_FEATURE = 10
"""Windows for every number of a latent frame, from which on many of these are not taken by their leading components."""
EPSILON = 1e-3
"""Directions with less than this part of the mean variance are no coordinates."""

LEAST_VARIANCE = 1e-12
"""Mean variance of standardised latents of which something moves."""


def slow_coordinates(
    windows: Float[Tensor, "windows frames tokens channels"], owners: Int[np.ndarray, " windows"]
) -> Float[Tensor, "features slow"]:
    """Kinetic map of latents: TICA's coordinates, each scaled by how much of it is left after the lag.

    A loss that counts all directions alike is one of fast motion: slow transitions are few, and move few latents.
    Distances in the kinetic map are differences in what will happen, so that a loss there sees a frame in the wrong
    well. Systems are centred each on its own mean: what tells one molecule from another is no motion.

    Parameters
    ----------
    windows
        Standardised latents.
    owners
        The system that each window is of.

    Returns
    -------
    Tensor
        Projection of flat latents; its squares, summed, have the mean variance of the latents. Of latents that never
        move, zero.

    References
    ----------
    Noe and Clementi, J. Chem. Theory Comput. 11, 5002 (2015), kinetic maps.
    """
    n_features = windows.shape[2] * windows.shape[3]
    most = DENSE_FEATURES_OF_SHORT if len(windows) >= SAMPLES_OF_A_FEATURE * n_features else DENSE_FEATURES
    if n_features > most:
        return _slow_among_leading(windows, owners)
    flat = windows.flatten(2).numpy().astype(float)
    for owner in np.unique(owners):
        own = owners == owner
        flat[own] -= flat[own].mean(axis=(0, 1))
    here, later = flat[:, 0], flat[:, min(LAG, flat.shape[1] - 1)]
    both = np.concatenate([here, later])
    variance = both.var(axis=0).mean()
    if not variance > LEAST_VARIANCE:
        return torch.zeros(n_features, 1)
    model = TICA(scaling="kinetic_map", epsilon=EPSILON * variance).fit_fetch((here, later))
    projection = model.instantaneous_coefficients
    share = variance / (both @ projection).var(axis=0).sum()
    return torch.from_numpy(projection * np.sqrt(share)).float()


def _slow_among_leading(
    windows: Float[Tensor, "windows frames tokens channels"], owners: Int[np.ndarray, " windows"]
) -> Float[Tensor, "features slow"]:
    """Slow coordinates of many latents, each as a sum over their leading principal components."""
    flat = windows.flatten(2)
    centres = torch.stack([flat[owners == owner].mean(dim=(0, 1)) for owner in np.unique(owners)])
    flat = flat - centres[np.unique(owners, return_inverse=True)[1]][:, None]
    variance = flat.square().mean()
    if not variance > LEAST_VARIANCE:
        return torch.zeros(flat.shape[-1], 1)
    basis = leading_components(flat.flatten(0, 1), min(RANK, flat.shape[-1]))
    leading = flat @ basis
    share = variance / leading.square().mean()
    within = slow_coordinates(leading[:, :, None] * share.sqrt(), owners)
    return (basis @ within) * share.sqrt()
