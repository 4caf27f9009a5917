"""Attention and the transformer blocks that both stages are built from."""

import functools

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from lamslide_md.models.dot_products import attend
from lamslide_md.models.neighbourhoods import Blocks


def rotate(x: Float[Tensor, "*batch frames channels"]) -> Float[Tensor, "*batch frames channels"]:
    """Turn pairs of channels by angles proportional to the frame index (rotary positions, arXiv 2104.09864)."""
    n_frames, channels = x.shape[-2:]
    cos, sin = _turns(n_frames, channels // 2, x.device, x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


@functools.lru_cache(maxsize=64)
def _turns(n_frames: int, n_pairs: int, device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Cosines and sines of all frames and pairs of channels; of the time of a short window they would take a sixth."""
    rates = torch.exp(-torch.arange(n_pairs, device=device) * (torch.log(torch.tensor(1000.0)) / n_pairs))
    angles = torch.arange(n_frames, device=device)[:, None] * rates
    return angles.cos().to(dtype), angles.sin().to(dtype)


class CrossAttention(nn.Module):
    """Queries read from a context: attention with query-key normalisation, then an MLP, both with residuals.

    Parameters
    ----------
    width
        Channels of queries and context.
    n_heads
        Attention heads; divides the width.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_query, self.norm_context = nn.LayerNorm(width), nn.LayerNorm(width)
        self.to_query, self.to_key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.norm_q, self.norm_k = (nn.LayerNorm(width // n_heads, bias=False) for _ in range(2))
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(
        self,
        query: Float[Tensor, "batch queries width"],
        context: Float[Tensor, "batch keys width"],
        mask: Bool[Tensor, "batch keys"] | None = None,
    ) -> Float[Tensor, "batch queries width"]:
        """Read from the context where the mask is True."""
        k, v = self.to_key_value(self.norm_context(context)).chunk(2, dim=-1)
        q, k, v = (
            t.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for t in (self.to_query(self.norm_query(query)), k, v)
        )
        read = functional.scaled_dot_product_attention(
            self.norm_q(q), self.norm_k(k), v, attn_mask=None if mask is None else mask[:, None, None, :]
        )
        query = query + self.out(read.transpose(1, 2).flatten(2))
        return query + self.mlp(query)


class SelfAttention(nn.Module):
    """Tokens read from one another: a `CrossAttention` whose context is its query.

    Parameters
    ----------
    width
        Channels of a token.
    n_heads
        Attention heads; divides the width.
    """

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.block = CrossAttention(width, n_heads)

    def forward(self, tokens: Float[Tensor, "batch tokens width"]) -> Float[Tensor, "batch tokens width"]:
        """Mix the tokens."""
        return self.block(tokens, tokens)


class ModulatedBlock(nn.Module):
    """Attention along the second-to-last axis with a parallel MLP, modulated by a condition and gated from zero.

    Scale, shift and gate come from the condition (adaptive layer norm, arXiv 2212.09748); the gate starts at zero, so
    that a new block is the identity.

    Parameters
    ----------
    width
        Channels of a token.
    n_heads
        Attention heads; divides the width.
    rotary
        Whether the axis is ordered, so that positions along it are encoded by rotation.
    code_width
        Channels of what is told apart along the axis; see `forward`.
    """

    def __init__(self, width: int, n_heads: int, rotary: bool, code_width: int = 0) -> None:
        super().__init__()
        self.n_heads, self.rotary, self.width = n_heads, rotary, width
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(width, 3 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        self.to_qkv, self.from_read = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.to_hidden, self.from_hidden = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.norm_q, self.norm_k = (nn.LayerNorm(width // n_heads, bias=False) for _ in range(2))
        self.of_code = nn.Linear(code_width, 5 * width) if code_width else None
        if self.of_code is not None:
            nn.init.zeros_(self.of_code.weight)
            nn.init.zeros_(self.of_code.bias)

    def forward(
        self,
        x: Float[Tensor, "batch rows axis width"],
        condition: Float[Tensor, "batch width"],
        blocks: Blocks | None = None,
        codes: Float[Tensor, "axis code"] | None = None,
    ) -> Float[Tensor, "batch rows axis width"]:
        """Mix the tokens along the axis of each row, all of them or those of a block.

        Parameters
        ----------
        x
            Tokens.
        condition
            Of each sample.
        blocks
            Which tokens attend to which; None: all to all.
        codes
            By which places along the axis modulate scale, shift, gate and hidden channels, each in its own way.

        Returns
        -------
        Tensor
            Tokens that have read from one another.
        """
        scale, shift, gate = self.modulation(condition)[:, None, None, :].chunk(3, dim=-1)
        gain = None
        if self.of_code is not None and codes is not None:
            own_scale, own_shift, own_gate, gain = self.of_code(codes).split(
                [self.width] * 3 + [2 * self.width], dim=-1
            )
            scale, shift, gate = scale + own_scale, shift + own_shift, gate + own_gate
        h = torch.addcmul(shift, self.norm(x), 1 + scale)
        q, k, v = (t.unflatten(-1, (self.n_heads, -1)) for t in self.to_qkv(h).chunk(3, dim=-1))
        q, k = self.norm_q(q), self.norm_k(k)
        if blocks is None:
            q, k, v = q.transpose(2, 3), k.transpose(2, 3), v.transpose(2, 3)
            if self.rotary:
                q, k = rotate(q), rotate(k)
            read = attend(q, k, v).transpose(2, 3).flatten(3)
        else:
            read = blocks.attend(q, k, v).flatten(3)
        hidden = self.to_hidden(h)
        update = self.from_read(read) + self.from_hidden(
            functional.gelu(hidden if gain is None else torch.addcmul(hidden, hidden, gain))
        )
        return torch.addcmul(x, gate, update)
