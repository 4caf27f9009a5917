"""`LatentFlow`, the second stage: a flow on windows of latents, given their context frames."""

from itertools import zip_longest

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lamslide_md.choices import Tokens
from lamslide_md.flow.interpolant import Interpolant
from lamslide_md.flow.low_rank_prior import Prior
from lamslide_md.flow.prior import ContextMask, Latents
from lamslide_md.flow.solvers import Dynamics, Solver
from lamslide_md.models.attention import ModulatedBlock
from lamslide_md.models.flow_terms import FlowOutput
from lamslide_md.models.flow_time import FlowTimeEmbedding
from lamslide_md.models.flow_tokens import FlowTokens
from lamslide_md.models.neighbourhoods import Neighbourhoods
from lamslide_md.shares import normal


class LatentFlow(nn.Module):
    """Transformer over the latents of a frame and the frames of a window, with its interpolant and prior.

    Parameters
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
    interpolant
        Path and meaning of the output.
    prior
        Where the flow starts from.
    tokens
        What is one token; see `FlowTokens`.
    whitened
        Whether the network also reads states in units of the prior's noise, and writes its prediction in these: small
        motion, as a peptide plane that turns over, is as large there as that of a loop.
    code_width
        Channels of a code for each token, by which the levels treat it in its own way; 0: all are treated alike.

    References
    ----------
    LaM-SLidE, arXiv 2502.12128, second stage.
    """

    latent_mean: Tensor
    latent_scale: Tensor

    def __init__(
        self,
        n_latents: int,
        n_channels: int,
        n_frames: int,
        width: int,
        depth: int,
        n_heads: int,
        interpolant: Interpolant,
        prior: Prior,
        tokens: Tokens = "latents",
        whitened: bool = False,
        code_width: int = 0,
    ) -> None:
        super().__init__()
        self.n_frames, self.interpolant, self.prior = n_frames, interpolant, prior
        self.register_buffer("latent_mean", torch.zeros(n_latents, n_channels))
        self.register_buffer("latent_scale", torch.ones(()))
        self.tokens = FlowTokens(tokens, n_latents, n_channels, n_frames)
        n_tokens, n_features = self.tokens.n_tokens, self.tokens.n_features
        self.embed_state = nn.Linear(n_features, width)
        # Their names are those in model files.
        self.embed_told = nn.Linear(n_features, width)
        self.embed_white = nn.Linear(n_features, width) if whitened else None
        self.embed_known = nn.Linear(2 * n_frames, width) if tokens == "windows" else nn.Embedding(2, width)
        self.latent_places = nn.Parameter(0.02 * torch.randn(n_tokens, width))
        self.neighbourhoods = Neighbourhoods(n_tokens, width)
        self.codes = (
            nn.Parameter(torch.randn(n_tokens + self.neighbourhoods.n_global, code_width)) if code_width else None
        )
        self.embed_tau = FlowTimeEmbedding(width)
        n_across, n_along = (depth if n_tokens > 1 else 0), (depth if tokens != "windows" else 0)
        self.over_latents = nn.ModuleList(
            ModulatedBlock(width, n_heads, rotary=False, code_width=code_width) for _ in range(n_across)
        )
        self.over_frames = nn.ModuleList(ModulatedBlock(width, n_heads, rotary=True) for _ in range(n_along))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.out = nn.Linear(width, n_features)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def standardise(self, latents: Latents) -> Latents:
        """Shift and scale latents of the autoencoder to zero mean and unit variance over the training data."""
        return (latents - self.latent_mean) / self.latent_scale

    def restore(self, standardised: Latents) -> Latents:
        """Undo `standardise`."""
        return standardised * self.latent_scale + self.latent_mean

    def forward(
        self, state: Latents, tau: Float[Tensor, " batch"], conditioning: Latents, context: ContextMask
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

        Returns
        -------
        Tensor
            The prediction; meaningless on context frames.
        """
        places = self.latent_places + self.embed_known(self.tokens.flags(context)).view(-1, 1, self.out.in_features)
        x = self.embed_state(self.tokens.join(state)) + self.embed_told(self.tokens.join(conditioning)) + places
        if self.embed_white is not None:
            with torch.autocast(state.device.type, enabled=False):
                white = self.prior.whiten(state - conditioning, context)
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
            return self.prior.colour(out.to(state), context)

    def training_step(
        self,
        latents: Latents,
        context: ContextMask,
        tau: Float[Tensor, " batch"],
        generator: torch.Generator | None,
        known_noise: float = 0.0,
        bfloat16: bool = False,
    ) -> FlowOutput:
        """Draw noise for a training window and compare the network's prediction with the truth.

        Parameters
        ----------
        latents
            Window of the autoencoder's latents.
        context
            Which frames are context.
        tau
            Flow time of each sample.
        generator
            Source of the noise, on the CPU.
        known_noise
            Standard deviation of noise on the context frames: those that a chain continues from are not exact, either.
        bfloat16
            The network multiplies its matrices in bfloat16; prior, path and weights stay in single precision.

        Returns
        -------
        FlowOutput
            Prediction and target; equal on context frames.
        """
        data = given = self.standardise(latents)
        if known_noise:
            given = data + known_noise * normal(data.shape, generator).to(data)
        mean, conditioning = self.prior.mean(given, context), self.prior.condition(given, context)
        noise, target_mask = self.prior.sample_noise(data, context, generator), ~context[:, None, None]
        residual = (data - mean) * target_mask
        state = self.interpolant.state(residual, noise, tau)
        with torch.autocast(data.device.type, torch.bfloat16, enabled=bfloat16):
            output = self(mean * target_mask + state, tau, conditioning, context)
        prediction = output.to(data) * target_mask
        implied = self.interpolant.to_data(prediction, state, tau) * target_mask + mean
        target = self.interpolant.target(residual, noise, tau)
        return FlowOutput(prediction, target, torch.where(target_mask, implied, data), tau)

    @torch.no_grad()
    def sample(self, latents: Latents, context: ContextMask, solver: Solver, generator: torch.Generator) -> Latents:
        """Draw the target frames of windows given their context frames.

        Parameters
        ----------
        latents
            Windows of the autoencoder's latents; target frames may hold anything finite.
        context
            Which frames are context.
        solver
            How noise is carried to data.
        generator
            Source of the noise, on the CPU, so that every device draws the same.

        Returns
        -------
        Tensor
            The windows, context frames unchanged.
        """
        given = self.standardise(latents)
        target_mask = ~context[:, None, None]
        mean, conditioning = self.prior.mean(given, context), self.prior.condition(given, context)

        def predict(state: Latents, tau: Float[Tensor, " batch"]) -> Latents:
            return self(mean * target_mask + state, tau, conditioning, context) * target_mask

        def noise() -> Latents:
            return self.prior.sample_noise(given, context, generator)

        residual = solver.solve(Dynamics(self.interpolant, predict, noise))
        return torch.where(target_mask, self.restore(mean + residual), latents)
