"""Chains and windows of one system: from known points to batches, through the model, and back to points."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.data.systems import System
from lamslide_md.data.windows import Series
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.chaining import Correction, chain_windows, fill_windows, window_generator
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.models.rigidity import Rigidity

WINDOWS_AT_ONCE = 64
"""Windows filled as one batch: bounds memory."""


def chain_points(
    autoencoder: Autoencoder,
    flow: LatentFlow,
    system: System,
    known: Float[np.ndarray, "chains known points dim"],
    length_scale_nm: float,
    solver: str,
    n_solver_steps: int,
    seed: int,
    *,
    first_window: int = 0,
    keep_rigid: bool = True,
) -> Iterator[Float[np.ndarray, "chains new points dim"]]:
    """Roll out without end, one window at a time, in units of the length scale.

    Parameters
    ----------
    autoencoder
        Trained first stage.
    flow
        Trained second stage, on the same device.
    system
        What moves.
    known
        Placed and scaled known frames that each chain starts from.
    length_scale_nm
        Unit of the points.
    solver
        How each window is sampled.
    n_solver_steps
        Steps of the fixed-step solvers.
    seed
        Of the noise.
    first_window
        Index of the first window, for a chain that continues.
    keep_rigid
        Put the system's rigid distances back into their ranges.

    Yields
    ------
    np.ndarray
        New frames of a window.
    """
    device = next(flow.parameters()).device
    start = _batch(system, known).to(device)
    correct = _rigidity(system, length_scale_nm, device) if keep_rigid else None
    windows = chain_windows(autoencoder, flow, start, solver, n_solver_steps, seed, first_window, correct)
    for positions in windows:
        yield system.entities.to_points(positions.cpu().numpy())


def fill_points(
    autoencoder: Autoencoder,
    flow: LatentFlow,
    system: System,
    given: Float[np.ndarray, "windows known points dim"],
    known: Bool[Tensor, " frames"],
    length_scale_nm: float,
    solver: str,
    n_solver_steps: int,
    seed: int,
    *,
    keep_rigid: bool = True,
) -> Float[np.ndarray, "windows frames points dim"]:
    """Fill windows between their known frames, in units of the length scale.

    Parameters
    ----------
    autoencoder
        Trained first stage.
    flow
        Trained second stage, on the same device.
    system
        What moves.
    given
        Placed and scaled known frames of every window, in their order.
    known
        Which frames of a window they are.
    length_scale_nm
        Unit of the points.
    solver
        How windows are sampled.
    n_solver_steps
        Steps of the fixed-step solvers.
    seed
        Of the noise.
    keep_rigid
        Put the system's rigid distances back into their ranges.

    Returns
    -------
    np.ndarray
        Whole windows, known frames as given.
    """
    device = next(flow.parameters()).device
    correct = _rigidity(system, length_scale_nm, device) if keep_rigid else None
    points = np.empty((len(given), len(known), *given.shape[2:]), dtype=np.float32)
    points[:, known.numpy()] = given
    for i, first in enumerate(range(0, len(given), WINDOWS_AT_ONCE)):
        some = slice(first, first + WINDOWS_AT_ONCE)
        batch, noise = _batch(system, given[some]).to(device), window_generator(seed, i)
        new = fill_windows(autoencoder, flow, batch, known.to(device), solver, n_solver_steps, noise, correct)
        points[some, ~known.numpy()] = system.entities.to_points(new.cpu().numpy())
    return points


def _batch(system: System, frames: Float[np.ndarray, "windows frames points dim"]) -> Batch:
    series = Series(system.entities, frames.astype(np.float32).reshape(-1, *frames.shape[2:]))
    return series.batch(np.arange(len(series.points)).reshape(frames.shape[:2]))


def _rigidity(system: System, length_scale_nm: float, device: torch.device) -> Correction:
    """Correction of positions in slots, in length scales."""
    entities, rigid = system.entities, system.rigid
    place = torch.from_numpy(entities.entity_of_point * entities.n_slots + entities.slot_of_point)
    lower, upper = (
        torch.from_numpy(end / length_scale_nm).float().to(device) for end in (rigid.lower_nm, rigid.upper_nm)
    )
    rigidity = Rigidity(place[torch.from_numpy(rigid.pairs)].to(device), lower, upper)

    def correct(positions: Tensor) -> Tensor:
        return rigidity.project(positions.flatten(0, 1).flatten(1, 2)).view_as(positions)

    return correct
