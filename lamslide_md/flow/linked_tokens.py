"""`LinkedTokens`: units in which tokens that follow each other are told from one another."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

SEGMENT = 64
"""Tokens that are linked one after the other: what is coloured takes as many steps, however many tokens there are."""

Targets = Float[Tensor, "batch targets tokens channels"]


class LinkedTokens(nn.Module):
    """A Gaussian chain along the tokens: each is known from the one before, up to what is its own.

    Neighbours along a chain of residues are held together by bonds. In units of what is left of a token once its
    neighbour is known, a bond that is too long, or a peptide plane that has turned, is as large as a loop that sways.
    Cost and memory are linear in the tokens.

    Parameters
    ----------
    n_tokens
        Of one latent frame, in their order along the chain.
    n_channels
        Of a token.
    """

    half_precision = ("link", "root")
    symmetric = ("root",)
    link: Tensor
    root: Tensor

    def __init__(self, n_tokens: int, n_channels: int) -> None:
        super().__init__()
        self.register_buffer("link", torch.zeros(n_tokens, n_channels, n_channels))
        self.register_buffer("root", torch.eye(n_channels).repeat(n_tokens, 1, 1))
        self._inverse: Tensor | None = None

    @torch.no_grad()
    def fit(self, samples: Float[Tensor, "samples tokens channels"], least: float) -> None:
        """Estimate how tokens follow from those before them.

        Parameters
        ----------
        samples
            About zero.
        least
            Variance that no direction has less of.
        """
        own = torch.einsum("ntc,ntd->tcd", samples, samples).double() / len(samples)
        own += least * torch.eye(own.shape[-1]).to(own)
        between = torch.zeros_like(own)
        between[1:] = torch.einsum("ntc,ntd->tcd", samples[:, 1:], samples[:, :-1]).double() / len(samples)
        between[::SEGMENT] = 0
        link = torch.linalg.solve(own.roll(1, dims=0), between.mT).mT
        left = own - link @ between.mT
        values, vectors = torch.linalg.eigh((left + left.mT) / 2)
        self.link.copy_(link.half())
        root = vectors * values.clamp(min=least).sqrt()[:, None] @ vectors.mT
        self.root.copy_(((root + root.mT) / 2).half())
        self._inverse = None

    def whiten(self, tokens: Targets) -> Targets:
        """What each token has of its own, in units of how much that is."""
        if self._inverse is None:
            self._inverse = torch.linalg.inv(self.root.float())
        before = functional.pad(tokens[:, :, :-1], (0, 0, 1, 0))
        own = tokens - torch.einsum("tij,bftj->bfti", self.link.to(tokens), before)
        return torch.einsum("tij,bftj->bfti", self._inverse.to(tokens), own)

    def colour(self, white: Targets) -> Targets:
        """Undo `whiten`, for all segments side by side."""
        n_tokens = white.shape[2]
        n_each = min(SEGMENT, n_tokens)
        more = -n_tokens % n_each
        own = torch.einsum("tij,bftj->bfti", self.root.to(white), white)
        own = functional.pad(own, (0, 0, 0, more)).unflatten(2, (-1, n_each))
        link = functional.pad(self.link.to(white), (0, 0, 0, 0, 0, more)).unflatten(0, (-1, n_each))
        parts = [own[:, :, :, 0]]
        for i in range(1, n_each):
            parts.append(own[:, :, :, i] + torch.einsum("sij,bfsj->bfsi", link[:, i], parts[-1]))
        return torch.stack(parts, dim=3).flatten(2, 3)[:, :, :n_tokens]
