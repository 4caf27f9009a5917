"""Interpolants: what a network's output means on the way from noise to data."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from lamslide_md.choices import Prediction
from lamslide_md.flow.scheduler import SCHEDULERS, FlowTimes, Scheduler

NEAR_END = 1e-3
"""Distance kept from tau = 0 and 1 where converting a prediction divides by alpha or sigma."""

Latents = Float[Tensor, "batch frames tokens channels"]


def _wide(values: FlowTimes) -> Float[Tensor, "batch 1 1 1"]:
    return values[:, None, None, None]


@dataclass(frozen=True)
class Interpolant(ABC):
    """A path and the meaning of the network's output along it.

    =========  ==========================================
    symbol     variable
    =========  ==========================================
    o_tau      ``state``
    o_1        ``data``
    epsilon    ``noise``
    v          velocity, d o_tau / d tau
    =========  ==========================================

    Attributes
    ----------
    scheduler
        Coefficients alpha and sigma.
    is_singular
        Whether the velocity divides by alpha or sigma, which vanish at the ends.

    References
    ----------
    Albergo et al., arXiv 2303.08797; Ma et al., arXiv 2401.08740.
    """

    is_singular: ClassVar[bool] = True
    scheduler: Scheduler

    def state(self, data: Latents, noise: Latents, tau: FlowTimes) -> Latents:
        """Interpolate: alpha data + sigma noise."""
        return _wide(self.scheduler.alpha(tau)) * data + _wide(self.scheduler.sigma(tau)) * noise

    def velocity(self, data: Latents, noise: Latents, tau: FlowTimes) -> Latents:
        """Derivative of the state: alpha' data + sigma' noise."""
        return _wide(self.scheduler.alpha_rate(tau)) * data + _wide(self.scheduler.sigma_rate(tau)) * noise

    def within(self, tau: FlowTimes) -> FlowTimes:
        """Flow times at which the network is asked: away from the ends, where conversions divide by zero there."""
        return tau.clamp(NEAR_END, 1 - NEAR_END) if self.is_singular else tau

    @abstractmethod
    def target(self, data: Latents, noise: Latents, tau: FlowTimes) -> Latents:
        """What the network should predict for this state."""

    @abstractmethod
    def to_velocity(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Velocity of the probability-flow ODE from the network's output."""

    @abstractmethod
    def to_data(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Data from the network's output."""

    @abstractmethod
    def to_noise(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Noise from the network's output."""


@dataclass(frozen=True)
class VelocityPrediction(Interpolant):
    """The network predicts the velocity."""

    is_singular = False

    def target(self, data: Latents, noise: Latents, tau: FlowTimes) -> Latents:
        """The velocity."""
        return self.velocity(data, noise, tau)

    def to_velocity(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """The prediction itself."""
        return prediction

    def to_data(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Data: (sigma v - sigma' state) / (alpha' sigma - alpha sigma')."""
        sigma, sigma_rate = self.scheduler.sigma(tau), self.scheduler.sigma_rate(tau)
        return (_wide(sigma) * prediction - _wide(sigma_rate) * state) / _wide(self._wronskian(tau))

    def to_noise(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Noise: (alpha' state - alpha v) / (alpha' sigma - alpha sigma')."""
        alpha, alpha_rate = self.scheduler.alpha(tau), self.scheduler.alpha_rate(tau)
        return (_wide(alpha_rate) * state - _wide(alpha) * prediction) / _wide(self._wronskian(tau))

    def _wronskian(self, tau: FlowTimes) -> FlowTimes:
        path = self.scheduler
        return path.alpha_rate(tau) * path.sigma(tau) - path.alpha(tau) * path.sigma_rate(tau)


@dataclass(frozen=True)
class DataPrediction(Interpolant):
    """The network predicts the data."""

    def target(self, data: Latents, noise: Latents, tau: FlowTimes) -> Latents:
        """The data."""
        return data

    def to_velocity(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Velocity: (sigma'/sigma) state + (alpha' - alpha sigma'/sigma) data, singular at tau = 1."""
        path = self.scheduler
        ratio = path.sigma_rate(tau) / path.sigma(tau)
        return _wide(ratio) * state + _wide(path.alpha_rate(tau) - path.alpha(tau) * ratio) * prediction

    def to_data(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """The prediction itself."""
        return prediction

    def to_noise(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Noise: what the data leaves of the state, over sigma."""
        return (state - _wide(self.scheduler.alpha(tau)) * prediction) / _wide(self.scheduler.sigma(tau))


@dataclass(frozen=True)
class NoisePrediction(Interpolant):
    """The network predicts the noise."""

    def target(self, data: Latents, noise: Latents, tau: FlowTimes) -> Latents:
        """The noise."""
        return noise

    def to_velocity(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Velocity: (alpha'/alpha) state + (sigma' - sigma alpha'/alpha) noise, singular at tau = 0."""
        path = self.scheduler
        ratio = path.alpha_rate(tau) / path.alpha(tau)
        return _wide(ratio) * state + _wide(path.sigma_rate(tau) - path.sigma(tau) * ratio) * prediction

    def to_data(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Data: what the noise leaves of the state, over alpha."""
        return (state - _wide(self.scheduler.sigma(tau)) * prediction) / _wide(self.scheduler.alpha(tau))

    def to_noise(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """The prediction itself."""
        return prediction


PREDICTIONS: dict[Prediction, type[Interpolant]] = {
    "velocity": VelocityPrediction,
    "data": DataPrediction,
    "noise": NoisePrediction,
}
"""Interpolants by what the network predicts, as settings say it."""


def interpolant_of(path: str, prediction: Prediction) -> Interpolant:
    """Make the interpolant that settings name.

    Parameters
    ----------
    path
        One of `SCHEDULERS`.
    prediction
        One of `PREDICTIONS`.

    Returns
    -------
    Interpolant
        Path and meaning of the network's output.
    """
    return PREDICTIONS[prediction](SCHEDULERS[path]())
