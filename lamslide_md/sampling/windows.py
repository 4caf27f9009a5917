"""Fill windows, and chain them into a trajectory: the last frames of one are the known frames of the next."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.choices import Placement
from lamslide_md.data.batch import Batch
from lamslide_md.flow.solvers import DEFAULT_SOLVER, DEFAULT_STEPS, check_solver
from lamslide_md.frames.base import view_of
from lamslide_md.frames.windowed import anchor_of
from lamslide_md.models.first_stage import FirstStage
from lamslide_md.models.latent_flow import LatentFlow

Correction = Callable[[Tensor], Tensor]
"""Applied to the positions of new frames before they are given out and carried on."""


@dataclass(frozen=True)
class Sampling:
    """How windows are drawn.

    Attributes
    ----------
    solver
        ``euler``, ``heun``, ``dopri5`` (chooses its own steps) or ``sde``.
    n_solver_steps
        Steps of the fixed-step solvers in each window.
    seed
        Of the noise.
    """

    solver: str = DEFAULT_SOLVER
    n_solver_steps: int = DEFAULT_STEPS
    seed: int = 0

    def __post_init__(self) -> None:
        check_solver(self.solver, self.n_solver_steps)

    def noise(self, window: int) -> torch.Generator:
        """Source of the noise of one window: a rollout can continue at any window as if it had not stopped."""
        state = np.random.SeedSequence([self.seed, window]).generate_state(1, np.uint64)[0]
        return torch.Generator().manual_seed(int(state) >> 1)

    def names(self, window: int) -> np.random.Generator:
        """Source of the names of one window's frames, where molecular dynamics exchanges some."""
        return np.random.default_rng([self.seed, window, 1])


@dataclass(frozen=True)
class WindowModel:
    """Both stages at work on windows of positions.

    Attributes
    ----------
    autoencoder, flow
        Trained, on the same device.
    n_forward
        Frames of a window that goes forwards from known ones.
    placement
        How windows stand when the stages see them.
    """

    autoencoder: FirstStage
    flow: LatentFlow
    n_forward: int
    placement: Placement = "superposed"

    @torch.no_grad()
    def fill(
        self,
        given: Batch,
        known: Bool[Tensor, " frames"],
        sampling: Sampling,
        window: int = 0,
        correct: Correction | None = None,
    ) -> Float[Tensor, "batch new entities slots dim"]:
        """Draw the unknown frames of windows.

        Parameters
        ----------
        given
            The known frames of every window, in their order, on the model's device.
        known
            Which frames of a window they are.
        sampling
            Solver and seed.
        window
            Index by which the noise is drawn.
        correct
            Applied to the new positions.

        Returns
        -------
        Tensor
            Positions of the unknown frames, in units of the model's length scale.
        """
        view = view_of(given, anchor_of(known), self.placement)
        seen = view.enter(given)
        encoded = self.autoencoder.encode(seen)
        latents = encoded.new_zeros(len(encoded), len(known), *encoded.shape[2:])
        latents[:, known] = encoded
        latents = self.flow.sample(latents, known, sampling.solver, sampling.n_solver_steps, sampling.noise(window))
        new = view.leave(self.autoencoder.decode(latents[:, ~known], seen).positions)
        return given.with_positions(new if correct is None else correct(new)).positions

    def chain(
        self, start: Batch, sampling: Sampling, first_window: int = 0, correct: Correction | None = None
    ) -> Iterator[Float[Tensor, "batch new entities slots dim"]]:
        """Roll out without end, one window at a time.

        The known frames of a window are decoded positions encoded anew: nothing but positions is carried from window to
        window, so that a chain restarts exactly from its last frames. They are also the last frames of the window
        before, and are given out once.

        Parameters
        ----------
        start
            The known frames that chains start from, on the model's device; one chain for each sample.
        sampling
            Solver and seed.
        first_window
            Index of the first window, for a chain that continues.
        correct
            Applied to the positions of every new window before they are given out and carried on.

        Yields
        ------
        Tensor
            Positions of the new frames of a window, in units of the model's length scale.
        """
        n_known = start.positions.shape[1]
        known = torch.arange(self.n_forward, device=start.positions.device) < n_known
        window = first_window
        while True:
            new = self.fill(start, known, sampling, window, correct)
            yield new
            start = start.with_positions(torch.cat([start.positions, new], dim=1)[:, -n_known:])
            window += 1
