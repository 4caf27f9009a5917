"""`FlowNetwork`: the transformer that reads a window on the way from noise to data."""

from dataclasses import dataclass
from itertools import zip_longest

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lamslide_md.choices import Tokens
from lamslide_md.flow.low_rank_prior import Prior
from lamslide_md.flow.prior import ContextMask, Latents
from lamslide_md.models.attention import ModulatedBlock
from lamslide_md.models.flow_time import FlowTimeEmbedding
from lamslide_md.models.flow_tokens import FlowTokens
from lamslide_md.models.neighbourhoods import Neighbourhoods


@dataclass(frozen=True)
class NetworkSizes:
    """Sizes of a `FlowNetwork`, and what its tokens are.

    Attributes
    ----------
    n_latents
        Tokens of one latent frame.
    n_channels
        Channels of a token.
    n_frames
        Frames of the longest window; as many as the mask of context frames has are worked on.
    width
        Channels inside the transformer.
    depth
        Levels; each attends over the latents of a frame, then over the frames of a latent, where there are both.
    n_heads
        Attention heads; divides the width.
    tokens
        What is one token; see `FlowTokens`.
    whitened
        Whether the network also reads states in units of the prior's noise, and writes its prediction in these: small
        motion, as a peptide plane that turns over, is as large there as that of a loop.
    code_width
        Channels of a code for each token, by which the levels treat it in its own way; 0: all are treated alike.
    """

    n_latents: int
    n_channels: int
    n_frames: int
    width: int
    depth: int
    n_heads: int
    tokens: Tokens = "latents"
    whitened: bool = False
    code_width: int = 0


class FlowNetwork(nn.Module):
    """Transformer over the latents of a frame and the frames of a window.

    Parameters
    ----------
    sizes
        Of all its parts.
    prior
        Kept with the network, before its own weights as in model files; None: by another network.
    """

    def __init__(self, sizes: NetworkSizes, prior: Prior | None = None) -> None:
        super().__init__()
        width, n_heads, code_width = sizes.width, sizes.n_heads, sizes.code_width
        self.n_frames = sizes.n_frames
        if prior is not None:
            self.prior = prior
        self.tokens = FlowTokens(sizes.tokens, sizes.n_latents, sizes.n_channels, sizes.n_frames)
        n_tokens, n_features = self.tokens.n_tokens, self.tokens.n_features
        self.embed_state = nn.Linear(n_features, width)
        # Their names are those in model files.
        self.embed_told = nn.Linear(n_features, width)
        self.embed_white = nn.Linear(n_features, width) if sizes.whitened else None
        self.embed_known = nn.Linear(2 * sizes.n_frames, width) if sizes.tokens == "windows" else nn.Embedding(2, width)
        self.latent_places = nn.Parameter(0.02 * torch.randn(n_tokens, width))
        self.neighbourhoods = Neighbourhoods(n_tokens, width)
        self.codes = (
            nn.Parameter(torch.randn(n_tokens + self.neighbourhoods.n_global, code_width)) if code_width else None
        )
        self.embed_tau = FlowTimeEmbedding(width)
        n_across, n_along = (sizes.depth if n_tokens > 1 else 0), (sizes.depth if sizes.tokens != "windows" else 0)
        self.over_latents = nn.ModuleList(
            ModulatedBlock(width, n_heads, rotary=False, code_width=code_width) for _ in range(n_across)
        )
        self.over_frames = nn.ModuleList(ModulatedBlock(width, n_heads, rotary=True) for _ in range(n_along))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.out = nn.Linear(width, n_features)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def predicted(
        self, state: Latents, tau: Float[Tensor, " batch"], conditioning: Latents, context: ContextMask, prior: Prior
    ) -> Latents:
        """Predict velocity, data or noise of a window.

        Parameters
        ----------
        state
            Interpolated window, standardised latents.
        tau
            Flow time of each sample.
        conditioning
            Context frames, and the prior's guess elsewhere.
        context
            Which frames are context.
        prior
            In whose units the network reads and writes, if it does.

        Returns
        -------
        Tensor
            The prediction; meaningless on context frames.
        """
        places = self.latent_places + self.embed_known(self.tokens.flags(context)).view(-1, 1, self.out.in_features)
        x = self.embed_state(self.tokens.join(state)) + self.embed_told(self.tokens.join(conditioning)) + places
        if self.embed_white is not None:
            with torch.autocast(state.device.type, enabled=False):
                white = prior.whiten(state - conditioning, context)
            x = x + self.embed_white(self.tokens.join(white))
        x, condition = self.neighbourhoods.with_global(x), self.embed_tau(tau)
        for level, (over_latents, over_frames) in enumerate(zip_longest(self.over_latents, self.over_frames)):
            if over_latents is not None:
                x = over_latents(x, condition, self.neighbourhoods.blocks(level), self.codes)
            if over_frames is not None:
                x = over_frames(x.transpose(1, 2), condition).transpose(1, 2)
        out = self.tokens.split(self.out(self.norm(x[:, :, : self.tokens.n_tokens])), state.shape[1])
        if self.embed_white is None:
            return out
        with torch.autocast(state.device.type, enabled=False):
            return prior.colour(out.to(state), context)
