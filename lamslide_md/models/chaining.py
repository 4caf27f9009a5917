"""Fill windows, and chain them into a trajectory: the last frames of one are the known frames of the next."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.models.solvers import check_solver

Correction = Callable[[Tensor], Tensor]


def window_generator(seed: int, window: int) -> torch.Generator:
    """Source of the noise of one window: a rollout can continue at any window as if it had not stopped."""
    state = np.random.SeedSequence([seed, window]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)


@torch.no_grad()
def fill_windows(
    autoencoder: Autoencoder,
    flow: LatentFlow,
    given: Batch,
    known: Bool[Tensor, " frames"],
    solver: str,
    n_solver_steps: int,
    generator: torch.Generator,
    correct: Correction | None = None,
) -> Float[Tensor, "batch new entities slots dim"]:
    """Draw the unknown frames of windows.

    Parameters
    ----------
    autoencoder
        Trained first stage.
    flow
        Trained second stage, on the same device.
    given
        The known frames of every window, in their order, on that device.
    known
        Which frames of a window they are.
    solver
        How windows are sampled.
    n_solver_steps
        Steps of the fixed-step solvers.
    generator
        Source of the noise.
    correct
        Applied to the new positions.

    Returns
    -------
    Tensor
        Positions of the unknown frames, in units of the model's length scale.
    """
    encoded = autoencoder.encode(given)
    latents = encoded.new_zeros(len(encoded), flow.n_frames, *encoded.shape[2:])
    latents[:, known] = encoded
    latents = flow.sample(latents, known, solver, n_solver_steps, generator)
    new = autoencoder.decode(latents[:, ~known], given).positions
    return new if correct is None else correct(new)


@torch.no_grad()
def chain_windows(
    autoencoder: Autoencoder,
    flow: LatentFlow,
    start: Batch,
    solver: str,
    n_solver_steps: int,
    seed: int,
    first_window: int = 0,
    correct: Correction | None = None,
) -> Iterator[Float[Tensor, "batch new entities slots dim"]]:
    """Roll out without end, one window at a time.

    The known frames of a window are decoded positions encoded anew: nothing but positions is carried from window to
    window, so that a chain restarts exactly from its last frames. They are also the last frames of the window before,
    and are given out once.

    Parameters
    ----------
    autoencoder
        Trained first stage.
    flow
        Trained second stage, on the same device.
    start
        The known frames that chains start from, on that device; one chain for each sample.
    solver
        How each window is sampled.
    n_solver_steps
        Steps of the fixed-step solvers.
    seed
        Of the noise.
    first_window
        Index of the first window, for a chain that continues.
    correct
        Applied to the positions of every new window before they are given out and carried on.

    Yields
    ------
    Tensor
        Positions of the new frames of a window, in units of the model's length scale.

    Raises
    ------
    InputError
        If the solver is unknown.
    """
    check_solver(solver, n_solver_steps)
    n_known = start.positions.shape[1]
    known = torch.arange(flow.n_frames, device=start.positions.device) < n_known
    window = first_window
    while True:
        generator = window_generator(seed, window)
        new = fill_windows(autoencoder, flow, start, known, solver, n_solver_steps, generator, correct)
        yield new
        start = start.with_positions(torch.cat([start.positions, new], dim=1)[:, -n_known:])
        window += 1
