"""`IdentifierPool`: the embeddings by which an entity is written into and asked back from the latent space."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lamslide_md.choices import Assignment
from lamslide_md.errors import InputError

MAX_DIM = 256
"""Dimensions of an embedding that are of use: the networks project them to fewer channels. A square of them is also the
largest matrix that is orthogonalised, which takes the cube of its size."""


class IdentifierPool(nn.Module):
    """Frozen orthonormal embeddings, and injective assignments of entities to them.

    With more identifiers than dimensions no orthonormal set exists; the embeddings are then the rows of a random
    orthonormal frame in the larger space, scaled to unit norm, and only nearly orthogonal. More than `MAX_DIM` are
    several orthonormal sets, one after another, each at a random angle to the others.

    Parameters
    ----------
    size
        Number of identifiers, at least the number of entities of any system.
    dim
        Dimensions of an embedding.
    seed
        Seed of the random rotation of the embeddings.

    References
    ----------
    LaM-SLidE, arXiv 2502.12128, identifier pool.
    """

    embeddings: Tensor

    def __init__(self, size: int, dim: int, seed: int = 0) -> None:
        super().__init__()
        self.size, self.dim = size, dim
        generator = torch.Generator().manual_seed(seed)
        side = max(min(size, MAX_DIM), dim)
        squares = [torch.linalg.qr(torch.randn(side, side, generator=generator))[0] for _ in range(-(-size // side))]
        parts = [square[:size, :dim] for square in squares]
        self.register_buffer("embeddings", torch.cat([part / part.norm(dim=1, keepdim=True) for part in parts])[:size])

    def forward(self, identifiers: Int[Tensor, "*batch"]) -> Float[Tensor, "*batch dim"]:
        """Look up the embeddings of identifiers."""
        return self.embeddings[identifiers]

    def assign(
        self, n_samples: int, n_entities: int, assignment: Assignment, generator: torch.Generator | None = None
    ) -> Int[Tensor, "samples entities"]:
        """Assign identifiers to entities, no identifier twice in a sample.

        Parameters
        ----------
        n_samples
            Number of independent assignments.
        n_entities
            Number of entities of each sample.
        assignment
            ``canonical``: entity i has identifier i. ``random``: a fresh random subset in random order per sample.
        generator
            Source of randomness, on the CPU.

        Returns
        -------
        Tensor
            Indices into the pool.

        Raises
        ------
        InputError
            If there are more entities than identifiers: no injective assignment exists.
        """
        if n_entities > self.size:
            raise InputError(
                f"{n_entities} entities cannot be told apart by {self.size} identifiers; "
                f"train with n_identifiers >= {n_entities} or group atoms into fewer entities"
            )
        if assignment == "canonical":
            return torch.arange(n_entities).expand(n_samples, -1)
        order = torch.rand(n_samples, self.size, generator=generator).argsort(dim=1)
        return order[:, :n_entities]
