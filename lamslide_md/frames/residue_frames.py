"""`ResidueFrames`: each residue of a chain, with the ends of its neighbours, as its own backbone sees it; and back."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.data.slots import ALPHA, CARBONYL, N_SHARED, NITROGEN, OF_AFTER, OF_BEFORE
from lamslide_md.frames.base import Context, Fitted, FrameTransform
from lamslide_md.frames.rotations import axes_through, best_rotation

Positions = Float[Tensor, "batch frames entities slots 3"]
Seen = Float[Tensor, "batch frames entities seen 3"]


@dataclass(frozen=True)
class ResidueFrames(FrameTransform):
    """Sees every residue of a chain in a frame of reference of its own.

    With its own atoms, a residue is shown C-alpha, C and O of the one before it, and N and C-alpha of the one after it,
    in the frame of reference of its own N, C-alpha and C: what is seen does not depend on how the chain is bent
    elsewhere. Neighbours share the five atoms of their peptide bond, by which they are joined again; where they do not
    agree on the place of a shared atom, it is in the middle. The joined chain stands as its first residue does.

    References
    ----------
    Frames of residues: Jumper et al., Nature 596 (2021) 583.
    """

    extra_slots = N_SHARED
    pairs_within_entities = True
    keeps_orientation = False

    def fit(
        self, batch: Batch, context: Context | None = None, generator: torch.Generator | None = None
    ) -> "FittedResidues":
        """Note which atoms there are."""
        return FittedResidues(batch.slot_mask)


@dataclass(frozen=True)
class FittedResidues(Fitted):
    """Windows of chains, residue by residue, and joined again.

    Attributes
    ----------
    slot_mask
        Of the residues.
    """

    slot_mask: Bool[Tensor, "batch entities slots"]

    def transform(self, batch: Batch) -> Batch:
        """Express every residue in its own frame of reference; the slots of shared atoms come last."""
        seen = _with_neighbours(batch.positions)
        mask = self._seen_mask
        back, middle, ahead = self._frame_atoms(mask).unbind(-1)
        rows = torch.arange(mask.shape[0], device=mask.device)[:, None]
        columns = torch.arange(mask.shape[1], device=mask.device)

        def at(slot: Int[Tensor, "batch entities"]) -> Float[Tensor, "batch entities frames 3"]:
            return seen[rows, :, columns, slot]

        origin = at(middle)
        axes = axes_through(at(back), origin, at(ahead)).transpose(1, 2)
        local = (seen - origin.transpose(1, 2)[:, :, :, None]) @ axes
        return replace(batch, positions=local * mask[:, None, :, :, None], slot_mask=mask)

    def inverse(self, positions: Seen) -> Positions:
        """Join residues, in the frame of reference of the first one."""
        n_own = self.slot_mask.shape[-1]
        before, after = _shared_slots(n_own)
        one, other = positions[:, :, :-1, after], positions[:, :, 1:, before]
        mask = self._seen_mask
        both = (mask[:, :-1, after] & mask[:, 1:, before])[:, None, :, :, None].to(positions)
        turns, moves = _fit(other, one, both)
        placed = [positions[:, :, 0]]
        turn, move = torch.eye(3).to(positions).expand(*positions.shape[:2], 3, 3), positions.new_zeros(())
        for i in range(positions.shape[2] - 1):
            move = (moves[:, :, i] @ turn) + move
            turn = turns[:, :, i] @ turn
            placed.append(positions[:, :, i + 1] @ turn + move)
        return self._agreed(torch.stack(placed, dim=2))

    @property
    def _seen_mask(self) -> Bool[Tensor, "batch entities seen"]:
        """What every residue is shown; of padding nothing, though there may be a residue before it."""
        seen = _with_neighbours(self.slot_mask[:, None, ..., None])[:, 0, ..., 0]
        return seen & self.slot_mask.any(dim=-1, keepdim=True)

    def _frame_atoms(self, mask: Bool[Tensor, "batch entities seen"]) -> Int[Tensor, "batch entities 3"]:
        """Find the three consecutive backbone atoms that every residue is seen from: its own, if it has three."""
        n_own = self.slot_mask.shape[-1]
        path = torch.tensor([n_own, n_own + 1, NITROGEN, ALPHA, CARBONYL, n_own + 3, n_own + 4], device=mask.device)
        threes = torch.stack([path[i : i + 3] for i in (2, 3, 1, 0, 4)])
        complete = mask[:, :, threes].all(dim=-1)
        return threes[complete.float().argmax(dim=-1)]

    def _agreed(self, placed: Seen) -> Positions:
        """Average over the residues that share an atom."""
        n_own = self.slot_mask.shape[-1]
        mask = self._seen_mask[:, None, :, :, None].expand_as(placed).to(placed)
        total, count = (placed * mask)[..., :n_own, :].clone(), mask[..., :n_own, :].clone()
        shared, counted = (placed * mask)[..., n_own:, :], mask[..., n_own:, :]
        for of_all, of_shared in ((total, shared), (count, counted)):
            of_all[:, :, :-1, OF_BEFORE] += of_shared[:, :, 1:, : len(OF_BEFORE)]
            of_all[:, :, 1:, OF_AFTER] += of_shared[:, :, :-1, len(OF_BEFORE) :]
        return total / count.clamp(min=1)


def _shared_slots(n_own: int) -> tuple[list[int], list[int]]:
    """Slots of the atoms of a peptide bond as the residue after it is shown them, and the one before it."""
    last = n_own + len(OF_BEFORE)
    return [*range(n_own, last), *OF_AFTER], [*OF_BEFORE, *range(last, last + len(OF_AFTER))]


def _with_neighbours(slots: Tensor) -> Tensor:
    """Join slots of every residue with the shared ones of its neighbours; zero where there is none."""
    before, after = (torch.zeros_like(slots[..., : len(some), :]) for some in (OF_BEFORE, OF_AFTER))
    before[:, :, 1:] = slots[:, :, :-1, OF_BEFORE]
    after[:, :, :-1] = slots[:, :, 1:, OF_AFTER]
    return torch.cat([slots, before, after], dim=-2)


def _fit(points: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Find rotations and shifts of least squared deviation: points @ rotation + shift is nearest to the target."""
    total = weight.sum(dim=-2, keepdim=True).clamp(min=1)
    own_mean, mean = ((x * weight).sum(dim=-2, keepdim=True) / total for x in (points, target))
    turn = best_rotation((points - own_mean) * weight, target - mean)
    return turn, mean - own_mean @ turn
