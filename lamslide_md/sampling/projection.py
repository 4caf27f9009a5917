"""`Projection`: put frames back into what their constraints allow, as molecular dynamics does with bonds."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lamslide_md.systems.volumes import signed_volumes

TOLERANCE = 1e-3
"""Violation, relative to the distance, that is let be."""

RELAXATION = 1.6
"""Over-relaxation of the Jacobi iteration; 1 moves each point by the mean of what its violated pairs ask for."""

MAX_ITERATIONS = 200
"""Of the distances; frames without violations leave the iteration."""

INSIDE = 0.25
"""Share of its range by which a pair that has left it is sent inside again. At the ends, where MD is in one frame of a
thousand, bonds would pile up."""

FLAT = 0.1
"""Volume, relative to the product of the three bonds (0.77 in a tetrahedron), below which a centre is inverted."""

RAISED = 0.6
"""Volume that such a centre is given; with less, mending distances turns it over again."""

MAX_TURNS = 10
"""Of all centres, one after the other."""

MAX_ROUNDS = 30
"""Of centres and distances in turn: mending distances may turn a centre over again, in one frame of thousands."""


@dataclass(frozen=True)
class Projection:
    """Ranges of distances between pairs of points, and the chirality of centres.

    Distances: each iteration moves both points of every violated pair along their line by half of what the pair lacks
    to be well inside of its range, damped by the number of violated pairs that a point belongs to (Jacobi iteration of
    SHAKE's equations with inequality constraints). Chirality: one on the wrong side of the plane of three neighbours,
    or nearly in it, moves with them along the gradient of the volume that the four span, to the right side. Neither
    shifts or turns the points as a whole. Frames without violations are left exactly as they are.

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
        """Move points to where the constraints allow them to be.

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
        for _ in range(MAX_ROUNDS):
            points[rows] = self._into_ranges(self._turn_over(points[rows]))
            rows = rows[self.inverted(points[rows]).any(dim=1)]
            if not len(rows):
                break
        return points

    def inverted(self, points: Float[Tensor, "frames points dim"]) -> Bool[Tensor, "frames centres"]:
        """Find centres that are on the wrong side of their three, or nearly in their plane.

        Parameters
        ----------
        points
            Frames.

        Returns
        -------
        Tensor
            Whether each is.
        """
        if not len(self.centres):
            return torch.zeros(len(points), 0, dtype=torch.bool, device=points.device)
        volume, bonds = signed_volumes(points, self.centres)
        return volume * self.signs < FLAT * bonds

    def _turn_over(self, points: Float[Tensor, "frames points dim"]) -> Float[Tensor, "frames points dim"]:
        """Give inverted centres their volume back, until all are right at once: those of a carbon share its ends."""
        points = points.clone()
        rows = torch.arange(len(points), device=points.device)
        for _ in range(MAX_TURNS):
            wrong = self.inverted(points[rows])
            some = wrong.any(dim=1)
            if not some.any():
                break
            rows, wrong = rows[some], wrong[some]
            for which in wrong.any(dim=0).nonzero().flatten():
                place = rows[wrong[:, which], None], self.centres[which]
                points[place] = self._raise(points[place], self.signs[which])
        return points

    def _raise(self, four: Float[Tensor, "frames 4 dim"], sign: Float[Tensor, ""]) -> Float[Tensor, "frames 4 dim"]:
        """Move a centre and its three along the gradient of their volume."""
        arms = four[:, 1:] - four[:, :1]
        # Derivatives by the three; that by the centre is minus their sum, so that nothing moves as a whole.
        slopes = torch.linalg.cross(arms.roll(-1, dims=1), arms.roll(-2, dims=1))
        slopes = torch.cat([-slopes.sum(dim=1, keepdim=True), slopes], dim=1)
        bonds = arms.norm(dim=-1).prod(dim=1)
        lack = sign * RAISED * bonds - (arms[:, 0] * slopes[:, 1]).sum(dim=-1)
        step = (lack / slopes.square().sum(dim=(1, 2)).clamp(min=1e-12))[:, None, None] * slopes
        # Where all four are nearly on a line, a straight step would lead far away.
        longest = step.norm(dim=-1).amax(dim=1).clamp(min=1e-9)
        return four + step * (bonds ** (1 / 3) / longest).clamp(max=1)[:, None, None]

    def _into_ranges(self, points: Float[Tensor, "frames points dim"]) -> Float[Tensor, "frames points dim"]:
        if not len(self.pairs):
            return points
        first, second = self.pairs.T
        # No more than a share of the distance, so that ranges of any size leave points where they can be counted.
        margin = INSIDE * torch.minimum(self.upper - self.lower, self.lower)
        margin = margin.where(self.upper.isfinite(), 0.0)
        points = points.clone()
        rows = torch.arange(len(points), device=points.device)
        for _ in range(MAX_ITERATIONS):
            moving = points[rows]
            apart = moving[:, first] - moving[:, second]
            distance = apart.norm(dim=-1).clamp(min=1e-9)
            violated = (distance - distance.clamp(self.lower, self.upper)).abs() > TOLERANCE * distance
            some = violated.any(dim=1)
            if not some.any():
                break
            rows, moving, apart, distance = rows[some], moving[some], apart[some], distance[some]
            excess = distance - distance.clamp(self.lower + margin, self.upper - margin)
            # Of each point of each frame, so that a pair is not held back by others that are as they should be.
            asked = violated[some].to(points)
            degree = points.new_zeros(moving.shape[:2]).index_add_(1, first, asked).index_add_(1, second, asked)
            damping = (RELAXATION / (degree[:, first] + degree[:, second]).clamp(min=1)).clamp(max=0.5)
            step = (asked * damping * excess / distance)[..., None] * apart
            points[rows] = moving.index_add(1, first, step, alpha=-1).index_add(1, second, step)
        return points
