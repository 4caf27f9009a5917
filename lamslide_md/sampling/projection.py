"""`Projection`: put frames back into what their constraints allow, as molecular dynamics does with bonds."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lamslide_md.sampling.contacts import Contacts, NearPairs
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
"""Of all centres; those that share points one after the other."""

MAX_ROUNDS = 30
"""Of centres and distances in turn: mending distances may turn a centre over again, in one frame of thousands."""

PAIRS_AT_ONCE = 1_000_000
"""Of all frames that are projected at once: bounds memory."""


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
    contacts
        Points of which all other pairs keep apart.

    References
    ----------
    Ryckaert, Ciccotti and Berendsen, J. Comput. Phys. 23 (1977) 327.
    """

    pairs: Int[Tensor, "pairs 2"]
    lower: Float[Tensor, " pairs"]
    upper: Float[Tensor, " pairs"]
    centres: Int[Tensor, "centres 4"]
    signs: Float[Tensor, " centres"]
    contacts: Contacts | None = None

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
        if not len(points):
            return points.clone()
        return torch.cat(
            [self._projected(part) for part in points.split(max(1, PAIRS_AT_ONCE // (len(self.pairs) + 1)))]
        )

    def _projected(self, points: Float[Tensor, "frames points dim"]) -> Float[Tensor, "frames points dim"]:
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
            for apart in self._apart:
                row, which = wrong[:, apart].nonzero(as_tuple=True)
                if len(row):
                    place = rows[row, None], self.centres[apart[which]]
                    points[place] = self._raise(points[place], self.signs[apart[which]])
        return points

    @cached_property
    def _apart(self) -> list[Int[Tensor, " some"]]:
        """Centres that share no points and turn at once; those that share some keep their order."""
        turns: list[list[int]] = []
        turn_of: dict[int, int] = {}
        for index, points in enumerate(self.centres.tolist()):
            turn = max(turn_of.get(point, -1) for point in points) + 1
            turn_of |= dict.fromkeys(points, turn)
            if turn == len(turns):
                turns.append([])
            turns[turn].append(index)
        return [torch.tensor(some, device=self.centres.device) for some in turns]

    def _raise(self, four: Float[Tensor, "some 4 dim"], sign: Float[Tensor, " some"]) -> Float[Tensor, "some 4 dim"]:
        """Move centres and their three along the gradient of their volume."""
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
        """Move pairs into their ranges; only those with a point that has just moved are looked at again."""
        points = points.clone(memory_format=torch.contiguous_format)
        near = None if self.contacts is None else NearPairs(self.contacts, points)
        lower, upper, margin = self._ends
        flat, n_points = points.view(-1, points.shape[-1]), points.shape[1]
        moved = torch.ones(points.shape[:2], dtype=torch.bool, device=points.device)
        for _ in range(MAX_ITERATIONS):
            frame, pairs, rule = self._touched(moved, near)
            first, second = (frame * n_points + pairs[:, end] for end in (0, 1))
            apart = flat[first] - flat[second]
            distance = apart.norm(dim=-1).clamp(min=1e-9)
            violated = (distance - distance.clamp(lower[rule], upper[rule])).abs() > TOLERANCE * distance
            some = violated.nonzero().flatten()
            if not len(some):
                break
            first, second, rule, apart, distance = first[some], second[some], rule[some], apart[some], distance[some]
            excess = distance - distance.clamp(lower[rule] + margin[rule], upper[rule] - margin[rule])
            # Of each point of each frame, so that a pair is not held back by others that are as they should be.
            asked = torch.ones_like(distance)
            degree = flat.new_zeros(len(flat)).index_add_(0, first, asked).index_add_(0, second, asked)
            damping = (RELAXATION / (degree[first] + degree[second]).clamp(min=1)).clamp(max=0.5)
            step = (damping * excess / distance)[:, None] * apart
            _add(flat, first, -step)
            _add(flat, second, step)
            moved = torch.zeros_like(moved)
            moved.view(-1)[first] = moved.view(-1)[second] = True
            if near is not None:
                near.follow(points)
        return points

    @cached_property
    def _ends(self) -> tuple[Float[Tensor, " rules"], Float[Tensor, " rules"], Float[Tensor, " rules"]]:
        """Ends of the ranges of the pairs, last those of contacts, and how far inside of them a pair is sent."""
        lower, upper = self.lower, self.upper
        if self.contacts is not None:
            lower = torch.cat([lower, lower.new_tensor([self.contacts.distance])])
            upper = torch.cat([upper, upper.new_tensor([torch.inf])])
        # No more than a share of the distance, so that ranges of any size leave points where they can be counted.
        margin = INSIDE * torch.minimum(upper - lower, lower)
        return lower, upper, margin.where(upper.isfinite(), 0.0)

    def _touched(
        self, moved: Bool[Tensor, "frames points"], near: NearPairs | None
    ) -> tuple[Int[Tensor, " touched"], Int[Tensor, "touched 2"], Int[Tensor, " touched"]]:
        """Frame, points and place among the ends of every pair of which a point has moved."""
        rows = moved.any(dim=1).nonzero().flatten()
        first, second = self.pairs.T
        some = moved[rows]
        row, rule = (some[:, first] | some[:, second]).nonzero(as_tuple=True)
        frame, pairs = rows[row], self.pairs[rule]
        if near is None:
            return frame, pairs, rule
        which = (moved[near.frame, near.pairs[:, 0]] | moved[near.frame, near.pairs[:, 1]]).nonzero().flatten()
        return (
            torch.cat([frame, near.frame[which]]),
            torch.cat([pairs, near.pairs[which]]),
            torch.cat([rule, torch.full_like(which, len(self.pairs))]),
        )


def _add(points: Float[Tensor, "points dim"], where: Int[Tensor, " pairs"], steps: Float[Tensor, "pairs dim"]) -> None:
    """Add to points, number by number: torch adds single numbers ten times as fast as rows."""
    dim = points.shape[1]
    places = dim * where[:, None] + torch.arange(dim, device=where.device)
    points.view(-1).index_add_(0, places.flatten(), steps.flatten())
