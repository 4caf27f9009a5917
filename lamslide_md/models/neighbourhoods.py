"""`Neighbourhoods`: which tokens attend to which where they are too many for all to attend to all."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lamslide_md.models.dot_products import attend

ALL_TO_ALL = 128
"""Tokens up to which all attend to all: there this costs less than blocks with their global tokens."""

BLOCK = 64
"""Tokens of a block, about 12 Angstrom around a residue."""

N_GLOBAL = 8
"""Tokens that attend to all and that all attend to."""

Heads = Float[Tensor, "batch rows places heads channels"]


@dataclass(frozen=True)
class Blocks:
    """A partition of tokens into blocks of equal size, which overlap by the few tokens that are too many.

    Attributes
    ----------
    members
        Tokens of every block.
    home
        Where each token is found among those of all blocks, one after another.
    """

    members: Int[Tensor, "blocks size"]
    home: Int[Tensor, " tokens"]

    def attend(self, query: Heads, key: Heads, value: Heads) -> Heads:
        """Let tokens read from their block and the global tokens, which come last and read from all.

        Parameters
        ----------
        query
            What tokens ask for.
        key
            What they are found by.
        value
            What is read of them.

        Returns
        -------
        Tensor
            What each token has read.
        """
        n_tokens, (n_blocks, _) = len(self.home), self.members.shape

        def in_blocks(all_tokens: Heads, with_global: bool) -> Float[Tensor, "all_blocks heads size channels"]:
            # Of an index, what goes back through `index_select` costs a third.
            own = all_tokens.index_select(2, self.members.flatten()).unflatten(2, self.members.shape)
            if with_global:
                shared = all_tokens[:, :, None, n_tokens:].expand(-1, -1, n_blocks, -1, -1, -1)
                own = torch.cat([own, shared], dim=3)
            return own.flatten(0, 2).transpose(1, 2)

        read = attend(in_blocks(query, False), in_blocks(key, True), in_blocks(value, True))
        own = read.transpose(1, 2).unflatten(0, (*query.shape[:2], n_blocks)).flatten(2, 3).index_select(2, self.home)
        q, k, v = (t.flatten(0, 1).transpose(1, 2) for t in (query[:, :, n_tokens:], key, value))
        of_global = attend(q, k, v)
        return torch.cat([own, of_global.transpose(1, 2).unflatten(0, query.shape[:2])], dim=2)


class Neighbourhoods(nn.Module):
    """Tokens in space, cut into blocks in another way at every level.

    What no block holds together, the cuts of another level or the global tokens bring together. Cost and memory are
    linear in the tokens, save for those few.

    Parameters
    ----------
    n_tokens
        Of a frame; up to `ALL_TO_ALL` all attend to all.
    width
        Channels of a token.

    References
    ----------
    Zaheer et al., arXiv 2007.14062, attention in blocks with global tokens.
    """

    places: Tensor

    def __init__(self, n_tokens: int, width: int) -> None:
        super().__init__()
        self.n_tokens, self.in_blocks = n_tokens, n_tokens > ALL_TO_ALL
        if self.in_blocks:
            along = torch.linspace(0, 1, n_tokens)[:, None]
            self.register_buffer("places", torch.cat([along, torch.zeros(n_tokens, 2)], dim=1))
            self.global_tokens = nn.Parameter(0.02 * torch.randn(N_GLOBAL, width))
        self._blocks: dict[tuple[int, torch.device], Blocks] = {}

    @property
    def n_global(self) -> int:
        """Global tokens, which `with_global` adds."""
        return N_GLOBAL if self.in_blocks else 0

    @torch.no_grad()
    def fit(self, places: Float[Tensor, "tokens 3"]) -> None:
        """Take over where tokens are; until then they are in a row.

        Parameters
        ----------
        places
            In any unit.
        """
        self._blocks.clear()
        if self.in_blocks:
            self.places.copy_(places)

    def blocks(self, level: int) -> Blocks | None:
        """Blocks of a level of the network; None: all attend to all."""
        if not self.in_blocks:
            return None
        key = (level, self.places.device)
        if key not in self._blocks:
            order, n_blocks = _compact_order(self.places.cpu().double().numpy(), level)
            size = -(-self.n_tokens // n_blocks)
            first = np.round(np.linspace(0, self.n_tokens - size, n_blocks)).astype(int)
            members = order[first[:, None] + np.arange(size)]
            home = np.empty(self.n_tokens, dtype=int)
            home[members.ravel()] = np.arange(members.size)
            device = self.places.device
            self._blocks[key] = Blocks(torch.from_numpy(members).to(device), torch.from_numpy(home).to(device))
        return self._blocks[key]

    def with_global(self, x: Float[Tensor, "batch rows tokens width"]) -> Float[Tensor, "batch rows places width"]:
        """Add the global tokens, if there are any."""
        if not self.in_blocks:
            return x
        return torch.cat([x, self.global_tokens.to(x).expand(*x.shape[:2], -1, -1)], dim=2)


def _compact_order(places: Float[np.ndarray, "tokens 3"], level: int) -> tuple[Int[np.ndarray, " tokens"], int]:
    """Order tokens so that those of a block are near each other: halves of halves, cut where they are widest.

    Places are turned before, at each level in another way, so that cuts fall elsewhere.
    """
    turn, _ = np.linalg.qr(np.random.default_rng(level).standard_normal((3, 3)))
    turned = (places - places.mean(axis=0)) @ turn
    n_blocks = -(-len(places) // BLOCK)
    parts = [(np.arange(len(places)), n_blocks)]
    while any(n > 1 for _, n in parts):
        parts = [half for part, n in parts for half in (_halves(turned, part, n) if n > 1 else [(part, n)])]
    return np.concatenate([part for part, _ in parts]), n_blocks


def _halves(
    places: Float[np.ndarray, "tokens 3"], part: Int[np.ndarray, " part"], n_blocks: int
) -> list[tuple[Int[np.ndarray, " half"], int]]:
    own = places[part]
    axis = int(np.argmax(own.max(axis=0) - own.min(axis=0)))
    sorted_part = part[np.argsort(own[:, axis], kind="stable")]
    n_first = n_blocks // 2
    cut = round(len(part) * n_first / n_blocks)
    return [(sorted_part[:cut], n_first), (sorted_part[cut:], n_blocks - n_first)]
