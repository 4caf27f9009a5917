"""`LowRankPrior`: the Gaussian prior of many latents, of which few components move together."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lamslide_md.flow.linked_tokens import LinkedTokens
from lamslide_md.flow.prior import (
    RELATIVE_FLOOR,
    ContextMask,
    GaussianPrior,
    Latents,
    WhitePrior,
    conditional,
    on_targets,
)
from lamslide_md.shares import normal

DENSE_FEATURES = 512
"""Numbers of a latent frame up to which all their covariances are kept, which are as many as their square."""

DENSE_FEATURES_OF_SHORT, DENSE_WINDOW = 1024, 8192
"""The same of windows that hold no more than so many numbers: their covariances are inverted as one matrix."""

LEAST_UNIT = 1e-4
"""Mean variance of latents, whose scale is one, in which units of the tokens are found, at least: below its floor half
precision has no numbers left."""

RANK = 128
"""Leading principal components whose covariances with one another are kept."""

RANK_OF_MANY, MANY = 40, 128
"""The same of more than so many tokens: they are stored for every token, and would be a third of a model's file."""

MOST_SAMPLES = 5000
"""Windows by which units of the tokens are found: bounds memory."""

Leading = Float[Tensor, "batch frames 1 rank"]

N_CORRECTIONS = 20
"""Rounds in which variances are raised by what they lose where the rest is kept out of the leading components."""

MOST_RAISED = 100.0
"""By which an axis that lies almost among the leading components is raised; by more, rounding would be."""

POWER_ITERATIONS = 4
"""Of the randomised principal component analysis."""


class LowRankPrior(nn.Module):
    """Gaussian process of the leading principal components, and one of its own for every axis of a token in the rest.

    The leading components have all their covariances between frames, as in `GaussianPrior`. What they leave of a token
    is turned to its own principal axes; there, every axis is a process that only remembers itself. Cost and memory grow
    linearly with the tokens.

    Parameters
    ----------
    n_frames
        Frames of the longest window.
    n_tokens
        Of one latent frame.
    n_channels
        Of a token.
    linked
        Whether `whiten` and `colour` will be asked for.

    References
    ----------
    Halko, Martinsson and Tropp, SIAM Rev. 53 (2011) 217, randomised principal components.
    """

    half_precision = ("basis", "axes")
    centre: Tensor
    basis: Tensor
    axes: Tensor
    rest: Tensor

    def __init__(self, n_frames: int, n_tokens: int, n_channels: int, linked: bool = False) -> None:
        super().__init__()
        n_features = n_tokens * n_channels
        rank = min(RANK if n_tokens <= MANY else RANK_OF_MANY, n_features)
        self.leading = GaussianPrior(n_frames, rank)
        self.register_buffer("centre", torch.zeros(n_features))
        self.register_buffer("basis", torch.eye(n_features, rank))
        self.register_buffer("axes", torch.eye(n_channels).repeat(n_tokens, 1, 1))
        rest = torch.zeros(n_frames, n_tokens, n_channels)
        rest[0] = 1.0
        self.register_buffer("rest", rest)
        self.linked = LinkedTokens(n_tokens, n_channels) if linked else None
        self._given: dict[tuple[bool, ...], tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def fit(self, windows: Float[Tensor, "windows frames tokens channels"], reversible: bool) -> None:
        """Estimate the components and the covariances between frames; see `GaussianPrior.fit`."""
        self._given.clear()
        flat = windows.flatten(2)
        self.centre.copy_(flat.mean(dim=(0, 1)))
        self.basis.copy_(leading_components((flat - self.centre.to(flat)).flatten(0, 1), self.basis.shape[1]).half())
        leading, rest = self._split(windows)
        self.leading.fit(leading, reversible)
        covariance = torch.einsum("wftc,wftd->tcd", rest, rest) / (rest.shape[0] * rest.shape[1])
        self.axes.copy_(torch.linalg.eigh(covariance).eigenvectors.half())
        turned = torch.einsum("wftc,tcd->wftd", rest, self.axes.to(rest))
        n_frames = turned.shape[1]
        for k in range(n_frames):
            self.rest[k] = (turned[:, : n_frames - k] * turned[:, k:]).mean(dim=(0, 1))
        self.rest.mul_(self._raised(self.rest[0]) / self.rest[0].clamp(min=torch.finfo(torch.float32).tiny))
        if self.linked is not None:
            pairs, context = windows[:MOST_SAMPLES, :2], torch.tensor([True, False])
            residual = pairs[:, 1] - self.mean(pairs, context)[:, 1]
            self.linked.fit(residual, RELATIVE_FLOOR * max(float(pairs.var()), LEAST_UNIT))

    def mean(self, latents: Latents, context: ContextMask) -> Latents:
        """Conditional mean given the context frames; the context frames themselves where they are."""
        gain, _ = self._conditional(context)
        leading, rest = self._split(latents[:, context])
        padded = leading.new_zeros(len(latents), len(context), 1, leading.shape[-1])
        padded[:, context] = leading
        means = self.leading.mean(padded, context)[:, ~context]
        turned = torch.einsum("bkti,tij->bktj", rest, self.axes.to(rest))
        predicted = torch.einsum("tjuk,bktj->butj", gain.to(rest), turned)
        out = latents.clone()
        out[:, ~context] = self._joined(means, predicted)
        return out

    def condition(self, latents: Latents, context: ContextMask) -> Latents:
        """Conditioning of the network: the conditional mean."""
        return self.mean(latents, context)

    def sample_noise(self, latents: Latents, context: ContextMask, generator: torch.Generator | None) -> Latents:
        """Draw noise with the conditional covariance, of the shape of the latents; zero on context frames."""
        _, root = self._conditional(context)
        n_target = int((~context).sum())
        whole = latents.new_zeros(len(latents), len(context), 1, self.basis.shape[1])
        leading = self.leading.sample_noise(whole, context, generator)[:, ~context]
        white = normal((len(latents), n_target, *latents.shape[2:]), generator).to(latents)
        turned = torch.einsum("tjuv,bvtj->butj", root.to(white), white)
        out = torch.zeros_like(latents)
        # Without the mean: `_joined` gives positions, noise is about zero.
        out[:, ~context] = self._joined(leading, turned) - self.centre.to(latents).view(latents.shape[2:])
        return out

    def colour(self, white: Latents, context: ContextMask) -> Latents:
        """Undo `whiten`."""
        return on_targets(white, context, self._linked().colour)

    def whiten(self, residual: Latents, context: ContextMask) -> Latents:
        """Residuals from the conditional mean in units of what neighbours leave open; see `LinkedTokens`."""
        return on_targets(residual, context, self._linked().whiten)

    def _linked(self) -> LinkedTokens:
        assert self.linked is not None, "the prior was made without units"
        return self.linked

    def _raised(self, wanted: Float[Tensor, "tokens channels"]) -> Float[Tensor, "tokens channels"]:
        """Variances of the axes of which the wanted ones are left without the leading components."""
        basis = torch.einsum("tij,tik->tjk", self.axes, self.basis.unflatten(0, wanted.shape)).flatten(0, 1)
        aim = wanted.flatten().clamp(min=0)
        raised = aim.clone()
        for _ in range(N_CORRECTIONS):
            within = basis.T @ (raised[:, None] * basis)
            left = raised * (1 - 2 * basis.square().sum(dim=1)) + ((basis @ within) * basis).sum(dim=1)
            raised = raised * (aim / left.clamp(min=1e-3 * aim + torch.finfo(aim.dtype).tiny)).clamp(max=10)
            raised = torch.minimum(raised, MOST_RAISED * aim)
        return raised.view(wanted.shape)

    def _split(self, latents: Latents) -> tuple[Leading, Latents]:
        """Leading components as one token, and what they leave."""
        flat = latents.flatten(2) - self.centre.to(latents)
        leading = flat @ self.basis.to(latents)
        return leading[:, :, None], (flat - leading @ self.basis.T.to(latents)).view(latents.shape)

    def _joined(self, leading: Leading, turned: Latents) -> Latents:
        """Undo `_split` and the turn to the tokens' axes; the rest has no part in the leading components."""
        basis = self.basis.to(leading)
        rest = torch.einsum("butj,tij->buti", turned, self.axes.to(turned)).flatten(2)
        rest = rest - (rest @ basis) @ basis.T
        return (leading.flatten(2) @ basis.T + rest + self.centre.to(leading)).view(turned.shape)

    def _conditional(self, context: ContextMask) -> tuple[Tensor, Tensor]:
        """Gain and Cholesky factor of every axis: tokens, channels, frames, frames."""
        key = tuple(context.tolist())
        if key not in self._given:
            n, known = len(context), context.cpu()
            lag = (torch.arange(n)[:, None] - torch.arange(n)).abs()
            own = self.rest.cpu().double().permute(1, 2, 0)
            own = own / own[..., :1].clamp(min=torch.finfo(torch.float64).tiny)
            values, vectors = torch.linalg.eigh(own[..., lag])
            c = (vectors * values.clamp(min=RELATIVE_FLOOR)[..., None, :]) @ vectors.mT
            gain, root = conditional(c, known)
            scale = self.rest[0].cpu().double().clamp(min=0).sqrt()
            device = self.rest.device
            self._given[key] = gain.float().to(device), (root * scale[..., None, None]).float().to(device)
        return self._given[key]


def keeps_all(n_frames: int, n_features: int) -> bool:
    """Tell whether all covariances of windows of so many frames are kept."""
    most = DENSE_FEATURES_OF_SHORT if n_frames * n_features <= DENSE_WINDOW else DENSE_FEATURES
    return n_features <= most


Prior = WhitePrior | GaussianPrior | LowRankPrior


def leading_components(samples: Float[Tensor, "samples features"], rank: int) -> Float[Tensor, "features rank"]:
    """Orthonormal directions of the largest variance, by a randomised decomposition.

    Parameters
    ----------
    samples
        Centred.
    rank
        How many directions; no more than features.

    Returns
    -------
    Tensor
        As columns, the largest first; fewer samples than directions are made up for by orthogonal ones.
    """
    n_samples, n_features = samples.shape
    known = min(rank, n_samples, n_features)
    _, _, found = torch.svd_lowrank(samples, q=known, niter=POWER_ITERATIONS)
    if known == rank:
        return found
    return torch.linalg.qr(torch.cat([found, torch.eye(n_features)[:, : rank - known].to(found)], dim=1)).Q
