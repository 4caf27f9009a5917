"""Interpolants between noise and data: the path, and what a network's prediction means along it."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lamslide_md.choices import Prediction

Latents = Float[Tensor, "batch frames tokens channels"]
FlowTimes = Float[Tensor, " batch"]


class Path(ABC):
    """Coefficients of o = alpha(tau) data + sigma(tau) noise; alpha is 0 at tau = 0, sigma is 0 at tau = 1."""

    @abstractmethod
    def alpha(self, tau: FlowTimes) -> FlowTimes:
        """Weight of the data."""

    @abstractmethod
    def sigma(self, tau: FlowTimes) -> FlowTimes:
        """Weight of the noise."""

    @abstractmethod
    def alpha_rate(self, tau: FlowTimes) -> FlowTimes:
        """Derivative of alpha."""

    @abstractmethod
    def sigma_rate(self, tau: FlowTimes) -> FlowTimes:
        """Derivative of sigma."""


@dataclass(frozen=True)
class LinearPath(Path):
    """alpha = tau, sigma = 1 - tau (arXiv 2210.02747)."""

    def alpha(self, tau: FlowTimes) -> FlowTimes:
        """Weight of the data."""
        return tau

    def sigma(self, tau: FlowTimes) -> FlowTimes:
        """Weight of the noise."""
        return 1 - tau

    def alpha_rate(self, tau: FlowTimes) -> FlowTimes:
        """Derivative of alpha."""
        return torch.ones_like(tau)

    def sigma_rate(self, tau: FlowTimes) -> FlowTimes:
        """Derivative of sigma."""
        return -torch.ones_like(tau)


@dataclass(frozen=True)
class TrigonometricPath(Path):
    """alpha = sin(pi tau / 2), sigma = cos(pi tau / 2): the variance-preserving GVP path (arXiv 2401.08740)."""

    def alpha(self, tau: FlowTimes) -> FlowTimes:
        """Weight of the data."""
        return torch.sin(torch.pi / 2 * tau)

    def sigma(self, tau: FlowTimes) -> FlowTimes:
        """Weight of the noise."""
        return torch.cos(torch.pi / 2 * tau)

    def alpha_rate(self, tau: FlowTimes) -> FlowTimes:
        """Derivative of alpha."""
        return torch.pi / 2 * torch.cos(torch.pi / 2 * tau)

    def sigma_rate(self, tau: FlowTimes) -> FlowTimes:
        """Derivative of sigma."""
        return -torch.pi / 2 * torch.sin(torch.pi / 2 * tau)


@dataclass(frozen=True)
class DiffusionPath(Path):
    """Variance-preserving diffusion with a linear rate, run from noise to data (VP; arXiv 2011.13456).

    With s = 1 - tau: alpha = exp(-(rate_max - rate_min) s^2 / 4 - rate_min s / 2), sigma = sqrt(1 - alpha^2). The data
    keeps a weight of exp(-(rate_max + rate_min) / 4) at tau = 0, 0.7 % by default.

    Attributes
    ----------
    rate_min, rate_max
        Diffusion rate at the data and at the noise.
    """

    rate_min: float = 0.1
    rate_max: float = 20.0

    def _log_alpha(self, tau: FlowTimes) -> FlowTimes:
        s = 1 - tau
        return -(self.rate_max - self.rate_min) * s**2 / 4 - self.rate_min * s / 2

    def alpha(self, tau: FlowTimes) -> FlowTimes:
        """Weight of the data."""
        return torch.exp(self._log_alpha(tau))

    def sigma(self, tau: FlowTimes) -> FlowTimes:
        """Weight of the noise."""
        return torch.sqrt(-torch.expm1(2 * self._log_alpha(tau)))

    def alpha_rate(self, tau: FlowTimes) -> FlowTimes:
        """Derivative of alpha."""
        s = 1 - tau
        return self.alpha(tau) * ((self.rate_max - self.rate_min) * s / 2 + self.rate_min / 2)

    def sigma_rate(self, tau: FlowTimes) -> FlowTimes:
        """Derivative of sigma; unbounded at tau = 1."""
        return -self.alpha(tau) * self.alpha_rate(tau) / self.sigma(tau)


PATHS: dict[str, type[Path]] = {
    "linear": LinearPath,
    "gvp": TrigonometricPath,
    "vp": DiffusionPath,
}
"""Paths by the names that settings use."""


def _wide(values: FlowTimes) -> Float[Tensor, "batch 1 1 1"]:
    return values[:, None, None, None]


@dataclass(frozen=True)
class Interpolant:
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
    path
        Coefficients alpha and sigma.
    prediction
        What the network predicts.

    References
    ----------
    Albergo et al., arXiv 2303.08797; Ma et al., arXiv 2401.08740.
    """

    path: Path
    prediction: Prediction

    @property
    def is_singular(self) -> bool:
        """Whether the velocity divides by alpha or sigma, which vanish at the ends."""
        return self.prediction != "velocity"

    def state(self, data: Latents, noise: Latents, tau: FlowTimes) -> Latents:
        """Interpolate: alpha data + sigma noise."""
        return _wide(self.path.alpha(tau)) * data + _wide(self.path.sigma(tau)) * noise

    def velocity(self, data: Latents, noise: Latents, tau: FlowTimes) -> Latents:
        """Derivative of the state: alpha' data + sigma' noise."""
        return _wide(self.path.alpha_rate(tau)) * data + _wide(self.path.sigma_rate(tau)) * noise

    def target(self, data: Latents, noise: Latents, tau: FlowTimes) -> Latents:
        """What the network should predict for this state."""
        if self.prediction == "velocity":
            return self.velocity(data, noise, tau)
        return data if self.prediction == "data" else noise

    def to_velocity(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Velocity of the probability-flow ODE from the network's output.

        For data prediction v = (sigma'/sigma) state + (alpha' - alpha sigma'/sigma) data, singular at tau = 1; for
        noise prediction v = (alpha'/alpha) state + (sigma' - sigma alpha'/alpha) noise, singular at tau = 0.
        """
        if self.prediction == "velocity":
            return prediction
        alpha, sigma = self.path.alpha(tau), self.path.sigma(tau)
        alpha_rate, sigma_rate = self.path.alpha_rate(tau), self.path.sigma_rate(tau)
        if self.prediction == "data":
            ratio = sigma_rate / sigma
            return _wide(ratio) * state + _wide(alpha_rate - alpha * ratio) * prediction
        ratio = alpha_rate / alpha
        return _wide(ratio) * state + _wide(sigma_rate - sigma * ratio) * prediction

    def to_data(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Data from the network's output: (sigma v - sigma' state) / (alpha' sigma - alpha sigma')."""
        if self.prediction == "data":
            return prediction
        if self.prediction == "noise":
            return (state - _wide(self.path.sigma(tau)) * prediction) / _wide(self.path.alpha(tau))
        sigma, sigma_rate = self.path.sigma(tau), self.path.sigma_rate(tau)
        return (_wide(sigma) * prediction - _wide(sigma_rate) * state) / _wide(self._wronskian(tau))

    def to_noise(self, prediction: Latents, state: Latents, tau: FlowTimes) -> Latents:
        """Noise from the network's output: (alpha' state - alpha v) / (alpha' sigma - alpha sigma')."""
        if self.prediction == "noise":
            return prediction
        if self.prediction == "data":
            return (state - _wide(self.path.alpha(tau)) * prediction) / _wide(self.path.sigma(tau))
        alpha, alpha_rate = self.path.alpha(tau), self.path.alpha_rate(tau)
        return (_wide(alpha_rate) * state - _wide(alpha) * prediction) / _wide(self._wronskian(tau))

    def _wronskian(self, tau: FlowTimes) -> FlowTimes:
        return self.path.alpha_rate(tau) * self.path.sigma(tau) - self.path.alpha(tau) * self.path.sigma_rate(tau)
