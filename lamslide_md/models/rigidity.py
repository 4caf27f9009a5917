"""`Rigidity`: put distances that must not change back into their range, as constraints do in molecular dynamics."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

TOLERANCE = 1e-3
"""Violation, relative to the distance, that is let be."""

RELAXATION = 1.6
"""Over-relaxation of the Jacobi iteration; 1 moves as if all pairs of a point were violated together."""


@dataclass(frozen=True)
class Rigidity:
    """Ranges of distances between pairs of points.

    Each iteration moves both points of every violated pair along their line by half of the violation, damped by the
    number of pairs that a point belongs to (Jacobi iteration of SHAKE's equations with inequality constraints).

    Attributes
    ----------
    pairs
        Indices of points.
    lower, upper
        Ends of the range, in units of the positions.
    n_iterations
        At most so many; frames without violations are left exactly as they are.

    References
    ----------
    Ryckaert, Ciccotti and Berendsen, J. Comput. Phys. 23 (1977) 327.
    """

    pairs: Int[Tensor, "pairs 2"]
    lower: Float[Tensor, " pairs"]
    upper: Float[Tensor, " pairs"]
    n_iterations: int = 100

    def project(self, points: Float[Tensor, "frames points dim"]) -> Float[Tensor, "frames points dim"]:
        """Move points as little as the ranges ask for.

        Parameters
        ----------
        points
            Frames.

        Returns
        -------
        Tensor
            Frames whose rigid distances lie in their ranges, as far as the iterations reach.
        """
        if not len(self.pairs):
            return points
        first, second = self.pairs.T
        degree = torch.bincount(self.pairs.flatten(), minlength=points.shape[1]).to(points)
        damping = (RELAXATION / (degree[first] + degree[second])).clamp(max=0.5)
        points = points.clone()
        rows = torch.arange(len(points), device=points.device)
        for _ in range(self.n_iterations):
            moving = points[rows]
            apart = moving[:, first] - moving[:, second]
            distance = apart.norm(dim=-1).clamp(min=1e-9)
            excess = distance - torch.minimum(torch.maximum(distance, self.lower), self.upper)
            violated = (excess.abs() > TOLERANCE * distance).any(dim=1)
            if not violated.any():
                break
            rows, excess, apart, distance = rows[violated], excess[violated], apart[violated], distance[violated]
            step = (damping * excess / distance)[..., None] * apart
            change = torch.zeros_like(points[rows])
            change.index_add_(1, first, -step)
            change.index_add_(1, second, step)
            points[rows] = points[rows] + change
        return points
