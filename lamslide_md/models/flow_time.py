"""How the network of the flow is told the flow time."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FlowTimeEmbedding(nn.Module):
    """Sines and cosines of flow time at several rates, then an MLP.

    Parameters
    ----------
    width
        Channels of the embedding.
    """

    rates: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("rates", torch.exp(torch.linspace(0.0, 5.0, 32)))
        self.mlp = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())

    def forward(self, tau: Float[Tensor, " batch"]) -> Float[Tensor, "batch width"]:
        """Embed flow times in [0, 1]."""
        angles = tau[:, None] * self.rates
        return self.mlp(torch.cat([angles.sin(), angles.cos()], dim=1))
