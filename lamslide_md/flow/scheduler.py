"""Schedulers: how much data and how much noise is in the state at each flow time."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

FlowTimes = Float[Tensor, " batch"]


class Scheduler(ABC):
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
class LinearScheduler(Scheduler):
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
class TrigonometricScheduler(Scheduler):
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
class DiffusionScheduler(Scheduler):
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


SCHEDULERS: dict[str, type[Scheduler]] = {
    "linear": LinearScheduler,
    "gvp": TrigonometricScheduler,
    "vp": DiffusionScheduler,
}
"""Schedulers by the names that settings use for paths."""
