"""What a solver solves: noise carried to data by what a network predicts, from tau = 0 (noise) to tau = 1 (data)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch

from lamslide_md.flow.interpolant import Interpolant, Latents
from lamslide_md.flow.scheduler import FlowTimes

Predict = Callable[[Latents, FlowTimes], Latents]
DEFAULT_STEPS = 5


@dataclass(frozen=True)
class Dynamics:
    """What carries noise to data.

    Attributes
    ----------
    interpolant
        Meaning of the prediction.
    predict
        Network output for a state and its flow times.
    noise
        Draws from the prior.
    """

    interpolant: Interpolant
    predict: Predict
    noise: Callable[[], Latents]

    def predicted(self, state: Latents, tau: float) -> tuple[Latents, FlowTimes]:
        """Ask the network, and say for which flow times it was asked."""
        taus = self.interpolant.within(torch.full((len(state),), tau, device=state.device))
        return self.predict(state, taus), taus

    def velocity(self, state: Latents, tau: float) -> Latents:
        """Velocity of the ODE."""
        prediction, taus = self.predicted(state, tau)
        return self.interpolant.to_velocity(prediction, state, taus)


@dataclass(frozen=True)
class Solver(ABC):
    """Carries noise to data.

    Attributes
    ----------
    n_steps
        Steps from noise to data.
    """

    n_steps: int = DEFAULT_STEPS

    @abstractmethod
    def solve(self, dynamics: Dynamics) -> Latents:
        """Draw noise, and carry it to samples at tau = 1."""
