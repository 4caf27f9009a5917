"""Where the flow starts from: white noise, or the best linear model of the latents' own dynamics."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lamslide_md.shares import normal

Latents = Float[Tensor, "batch frames tokens channels"]
Targets = Float[Tensor, "batch targets tokens channels"]
ContextMask = Bool[Tensor, " frames"]

RELATIVE_FLOOR = 1e-4
"""Smallest variance of the Gaussian prior in any direction, relative to the mean variance."""

LEAST_VARIANCE = 1e-12
"""Mean variance of latents, whose scale is one, from which on they are taken to move."""


class WhitePrior(nn.Module):
    """Independent standard normal noise, conditioned on the mean of the context frames (arXiv 2502.12128)."""

    def mean(self, latents: Latents, context: ContextMask) -> Latents:
        """Centre of the noise: zero."""
        return torch.zeros_like(latents)

    def condition(self, latents: Latents, context: ContextMask) -> Latents:
        """Conditioning of the network: the context frames, and their mean elsewhere."""
        fill = latents[:, context].mean(dim=1, keepdim=True)
        return torch.where(context[:, None, None], latents, fill)

    def sample_noise(self, latents: Latents, context: ContextMask, generator: torch.Generator | None) -> Latents:
        """Draw white noise, of the shape of the latents; zero on context frames."""
        white = normal(latents.shape, generator).to(latents)
        return white * ~context[:, None, None]

    def whiten(self, residual: Latents, context: ContextMask) -> Latents:
        """Residuals in units of the noise: as they are."""
        return residual

    def colour(self, white: Latents, context: ContextMask) -> Latents:
        """Undo `whiten`."""
        return white


class GaussianPrior(nn.Module):
    """Gaussian process with the latents' own means and covariances between frames, given the context frames.

    A flow that starts here has nothing to learn where the dynamics is linear: mean, covariance and all two-time
    correlations of the latents are right before the first step of training; what is left are the barriers. With a
    variance-preserving path the velocity of a truly Gaussian process is zero.

    Parameters
    ----------
    n_frames
        Frames of the longest window.
    n_features
        Tokens x channels of one latent frame.
    stationary
        Whether mean and covariances are the same at all times, as in equilibrium; windows that are placed by one of
        their frames are not.

    References
    ----------
    Kollovieh et al., arXiv 2410.03024, flow matching with Gaussian process priors.
    """

    symmetric = ("lagged",)
    centre: Tensor
    lagged: Tensor

    def __init__(self, n_frames: int, n_features: int, stationary: bool = True) -> None:
        super().__init__()
        self.n_frames, self.n_features, self.stationary = n_frames, n_features, stationary
        # Covariances by lag where they depend on nothing else, of whole windows otherwise.
        if stationary:
            self.register_buffer("centre", torch.zeros(n_features))
            white = torch.zeros(n_frames, n_features, n_features)
            white[0] = torch.eye(n_features)
            self.register_buffer("lagged", white)
        else:
            self.register_buffer("centre", torch.zeros(n_frames, n_features))
            self.register_buffer("lagged", torch.eye(n_frames * n_features))
        self._given: dict[tuple[bool, ...], tuple[Tensor, Tensor]] = {}
        self._inverse: dict[tuple[bool, ...], Tensor] = {}

    @torch.no_grad()
    def fit(self, windows: Float[Tensor, "windows frames tokens channels"], reversible: bool) -> None:
        """Estimate mean and lagged covariances.

        Parameters
        ----------
        windows
            Latents of training windows.
        reversible
            Average over both directions of time, which is right for the positions of equilibrium dynamics.
        """
        x = windows.flatten(2).cpu().double()
        self._given.clear()
        self._inverse.clear()
        if not self.stationary:
            self.centre.copy_(x.mean(dim=0))
            x = (x - x.mean(dim=0)).flatten(1)
            self.lagged.copy_(x.T @ x / len(x))
            return
        centre = x.mean(dim=(0, 1))
        x = x - centre
        for k in range(self.n_frames):
            here, later = x[:, : self.n_frames - k].flatten(0, 1), x[:, k:].flatten(0, 1)
            covariance = here.T @ later / len(here)
            self.lagged[k] = (covariance + covariance.T) / 2 if reversible else covariance
        self.centre.copy_(centre)

    def mean(self, latents: Latents, context: ContextMask) -> Latents:
        """Conditional mean given the context frames, which are returned unchanged."""
        gain, _ = self._conditional(context)
        centre = self.centre.to(latents).expand(self.n_frames, -1)[: len(context)]
        flat = latents.flatten(2)
        deviation = (flat[:, context] - centre[context]).flatten(1)
        out = flat.clone()
        out[:, ~context] = (deviation @ gain.T.to(latents)).unflatten(1, (-1, self.n_features)) + centre[~context]
        return out.view(latents.shape)

    def condition(self, latents: Latents, context: ContextMask) -> Latents:
        """Conditioning of the network: the conditional mean."""
        return self.mean(latents, context)

    def sample_noise(self, latents: Latents, context: ContextMask, generator: torch.Generator | None) -> Latents:
        """Draw noise with the conditional covariance, of the shape of the latents; zero on context frames."""
        return self.colour(normal(latents.shape, generator).to(latents), context)

    def colour(self, white: Latents, context: ContextMask) -> Latents:
        """Give white noise the conditional covariance; zero on context frames."""
        _, root = self._conditional(context)
        return on_targets(white, context, lambda targets: _multiplied(targets, root))

    def whiten(self, residual: Latents, context: ContextMask) -> Latents:
        """Residuals from the conditional mean in units of the noise: undo `colour`."""
        key = tuple(context.tolist())
        if key not in self._inverse:
            _, root = self._conditional(context)
            self._inverse[key] = torch.linalg.solve_triangular(root, torch.eye(len(root)).to(root), upper=False)
        return on_targets(residual, context, lambda targets: _multiplied(targets, self._inverse[key]))

    def _covariance(self, n: int) -> Tensor:
        """Covariance of the first n frames of a window, with small and negative eigenvalues raised to a floor."""
        whole = self.lagged.cpu().double()
        if self.stationary:
            lagged = whole
            rows = [[lagged[j - i] if j >= i else lagged[i - j].T for j in range(n)] for i in range(n)]
            whole = torch.cat([torch.cat(row, dim=1) for row in rows])
        whole = whole[: n * self.n_features, : n * self.n_features]
        values, vectors = torch.linalg.eigh(whole)
        # Latents that never move have no variance at all.
        least = RELATIVE_FLOOR * whole.diagonal().mean().clamp(min=LEAST_VARIANCE)
        return (vectors * values.clamp(min=least)) @ vectors.T

    def _conditional(self, context: ContextMask) -> tuple[Tensor, Tensor]:
        """Gain and Cholesky factor of the target frames given the context, kept for each mask of context frames."""
        key = tuple(context.tolist())
        if key not in self._given:
            is_context = context.cpu().repeat_interleave(self.n_features)
            gain, root = conditional(self._covariance(len(context)), is_context)
            self._given[key] = gain.float().to(self.lagged.device), root.float().to(self.lagged.device)
        return self._given[key]


def on_targets(latents: Latents, context: ContextMask, change: Callable[[Targets], Targets]) -> Latents:
    """Change the target frames of windows.

    Parameters
    ----------
    latents
        Windows.
    context
        Which frames are context.
    change
        Is given the target frames alone.

    Returns
    -------
    Tensor
        Windows; zero on context frames.
    """
    out = torch.zeros_like(latents)
    out[:, ~context] = change(latents[:, ~context])
    return out


def _multiplied(targets: Targets, matrix: Float[Tensor, "features features"]) -> Targets:
    """Multiply all numbers of the target frames, as one vector, by a matrix."""
    return (targets.flatten(1) @ matrix.T.to(targets)).view(targets.shape)


def conditional(covariance: Float[Tensor, "*processes n n"], known: Bool[Tensor, " n"]) -> tuple[Tensor, Tensor]:
    """Gain and Cholesky factor of what is not known of Gaussians, given the rest (Schur complement).

    Parameters
    ----------
    covariance
        Of each of them, positive definite.
    known
        Which of their numbers are.

    Returns
    -------
    gain, root
        The first maps deviations of the known numbers to the mean of the others, the second white noise to theirs.
    """
    rows_known, rows_not = covariance[..., known, :], covariance[..., ~known, :]
    between = rows_not[..., known]
    gain = torch.linalg.solve(rows_known[..., known], between.mT).mT
    return gain, torch.linalg.cholesky(rows_not[..., ~known] - gain @ between.mT)
