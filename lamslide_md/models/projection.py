"""`Projection`: put frames back into what their constraints allow, as molecular dynamics does with bonds."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

TOLERANCE = 1e-3
"""Violation, relative to the distance, that is let be."""

RELAXATION = 1.6
"""Over-relaxation of the Jacobi iteration; 1 moves each point by the mean of what its violated pairs ask for."""

MAX_ITERATIONS = 200
"""Of the distances; frames without violations leave the iteration."""

FLAT = 0.1
"""Volume, relative to the product of the three bonds (0.77 in a tetrahedron), below which a centre is turned over."""

RAISED = 0.2
"""Volume that a mirrored centre has at least, so that it does not turn over again."""

MAX_ROUNDS = 30
"""Of centres and distances in turn: mending distances may turn a centre over again, in one frame of thousands."""


@dataclass(frozen=True)
class Projection:
    """Ranges of distances between pairs of points, and the hands of centres.

    Distances: each iteration moves both points of every violated pair along their line by half of the violation,
    damped by the number of violated pairs that a point belongs to (Jacobi iteration of SHAKE's equations with
    inequality constraints). A centre that is on the wrong side of the plane of its three neighbours is mirrored in it,
    which changes none of its bonds; one that lies in the plane is raised. Frames without violations are left exactly as
    they are.

    Attributes
    ----------
    pairs
        Indices of points.
    lower, upper
        Ends of the range, in units of the positions; the upper end may be infinite.
    centres
        A point and three bonded to it; in three dimensions only.
    signs
        Of their volumes.

    References
    ----------
    Ryckaert, Ciccotti and Berendsen, J. Comput. Phys. 23 (1977) 327.
    """

    pairs: Int[Tensor, "pairs 2"]
    lower: Float[Tensor, " pairs"]
    upper: Float[Tensor, " pairs"]
    centres: Int[Tensor, "centres 4"]
    signs: Float[Tensor, " centres"]

    def project(self, points: Float[Tensor, "frames points dim"]) -> Float[Tensor, "frames points dim"]:
        """Move points as little as the constraints ask for.

        Parameters
        ----------
        points
            Frames.

        Returns
        -------
        Tensor
            Frames that keep the constraints, as far as the iterations reach.
        """
        points = points.clone()
        rows = torch.arange(len(points), device=points.device)
        wrong = self._turned_over(points)
        for _ in range(MAX_ROUNDS):
            points[rows] = self._into_ranges(self._mirror(points[rows], wrong))
            wrong = self._turned_over(points[rows])
            some = wrong.any(dim=1)
            if not some.any():
                break
            rows, wrong = rows[some], wrong[some]
        return points

    def _turned_over(self, points: Float[Tensor, "frames points dim"]) -> Bool[Tensor, "frames centres"]:
        if not len(self.centres):
            return torch.zeros(len(points), 0, dtype=torch.bool, device=points.device)
        centre, *neighbours = (points[:, column] for column in self.centres.T)
        arms = torch.stack(neighbours) - centre
        volume = (arms[0] * torch.linalg.cross(arms[1], arms[2])).sum(dim=-1) * self.signs
        return volume < FLAT * arms.norm(dim=-1).prod(dim=0)

    def _mirror(
        self, points: Float[Tensor, "frames points dim"], wrong: Bool[Tensor, "frames centres"]
    ) -> Float[Tensor, "frames points dim"]:
        """Put the centres that are turned over on their side, one after the other."""
        for which in wrong.any(dim=0).nonzero().flatten():
            rows = wrong[:, which].nonzero().flatten()
            centre, first, second, third = (points[rows, column] for column in self.centres[which])
            normal = torch.linalg.cross(second - first, third - first)
            area = normal.norm(dim=-1, keepdim=True).clamp(min=1e-9)
            height = -((centre - first) * normal).sum(dim=-1, keepdim=True) / area
            bonds = torch.stack([first - centre, second - centre, third - centre]).norm(dim=-1).prod(dim=0)[:, None]
            # Neighbours on a line span no plane above which a volume could be had: a bond's length is high enough.
            raised = torch.minimum(RAISED * bonds / area, bonds ** (1 / 3))
            wanted = self.signs[which] * torch.maximum(height.abs(), raised)
            points = points.index_put((rows, self.centres[which, 0]), centre + (height - wanted) * normal / area)
        return points

    def _into_ranges(self, points: Float[Tensor, "frames points dim"]) -> Float[Tensor, "frames points dim"]:
        if not len(self.pairs):
            return points
        first, second = self.pairs.T
        points = points.clone()
        rows = torch.arange(len(points), device=points.device)
        for _ in range(MAX_ITERATIONS):
            moving = points[rows]
            apart = moving[:, first] - moving[:, second]
            distance = apart.norm(dim=-1).clamp(min=1e-9)
            excess = distance - torch.minimum(torch.maximum(distance, self.lower), self.upper)
            violated = excess.abs() > TOLERANCE * distance
            some = violated.any(dim=1)
            if not some.any():
                break
            rows, moving, apart = rows[some], moving[some], apart[some]
            # Of each point of each frame, so that a pair is not held back by others that are as they should be.
            asked = violated[some].to(points)
            degree = points.new_zeros(moving.shape[:2]).index_add_(1, first, asked).index_add_(1, second, asked)
            damping = (RELAXATION / (degree[:, first] + degree[:, second]).clamp(min=1)).clamp(max=0.5)
            step = (asked * damping * excess[some] / distance[some])[..., None] * apart
            points[rows] = moving.index_add(1, first, step, alpha=-1).index_add(1, second, step)
        return points
