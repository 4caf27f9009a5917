"""`FlowTokens`: what the network of the flow takes as one token."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from lamslide_md.choices import Tokens

Latents = Float[Tensor, "batch frames tokens channels"]
Rows = Float[Tensor, "batch rows places features"]


@dataclass(frozen=True)
class FlowTokens:
    """Windows of latents as tokens, and back.

    Attributes
    ----------
    kind
        What is one token: each latent of each frame; the latents of a frame, side by side (``frames``), a wider network
        for the same cost; or a latent in all frames of the window (``windows``), for which nothing is paid twice.
    n_latents
        Of a frame.
    n_channels
        Of a latent.
    n_frames
        Of the longest window.
    """

    kind: Tokens
    n_latents: int
    n_channels: int
    n_frames: int

    @property
    def n_tokens(self) -> int:
        """Tokens of a row."""
        return 1 if self.kind == "frames" else self.n_latents

    @property
    def n_features(self) -> int:
        """Numbers of a token."""
        return self.n_channels * {"latents": 1, "frames": self.n_latents, "windows": self.n_frames}[self.kind]

    def join(self, latents: Latents) -> Rows:
        """Join what is one token; frames that a shorter window lacks are zero."""
        if self.kind != "windows":
            return latents.reshape(*latents.shape[:2], self.n_tokens, -1)
        whole = functional.pad(latents, (0, 0, 0, 0, 0, self.n_frames - latents.shape[1]))
        return whole.transpose(1, 2).flatten(2)[:, None]

    def split(self, tokens: Rows, n_frames: int) -> Latents:
        """Undo `join`."""
        if self.kind != "windows":
            return tokens.reshape(len(tokens), n_frames, self.n_latents, self.n_channels)
        return tokens[:, 0].unflatten(-1, (self.n_frames, -1)).transpose(1, 2)[:, :n_frames]

    def flags(self, context: Bool[Tensor, " frames"]) -> Tensor:
        """Tell which frames are context: an index for each, or 0 and 1 for tokens of whole windows.

        Parameters
        ----------
        context
            Which frames are.

        Returns
        -------
        Tensor
            For tokens of whole windows, also which frames a shorter window has at all.
        """
        if self.kind != "windows":
            return context.long()
        return functional.pad(torch.stack([context, ~context]).float(), (0, self.n_frames - len(context))).flatten()
