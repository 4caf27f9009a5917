"""`FlowMap`: the end of the flow's path in one evaluation, learned from the flow."""

import torch
from jaxtyping import Float
from torch import Tensor

from lamslide_md.flow.low_rank_prior import Prior
from lamslide_md.flow.prior import ContextMask, Latents
from lamslide_md.models.flow_network import FlowNetwork, NetworkSizes

TRUSTED_ERROR = 0.1
"""Relative squared error up to which frames are drawn by the map where nobody asks for something else."""


class FlowMap(FlowNetwork):
    """A `FlowNetwork` that predicts where the flow's path ends, from its noise or from on the way.

    Parameters
    ----------
    sizes
        Of the network.

    Attributes
    ----------
    error
        Squared error on windows that it was not trained on, relative to the variance of what the flow draws beside the
        prior's mean.

    References
    ----------
    Luhman and Luhman, arXiv 2101.02388, regression on pairs of noise and sample of a teacher.
    """

    error: Tensor

    def __init__(self, sizes: NetworkSizes) -> None:
        super().__init__(sizes)
        self.register_buffer("error", torch.ones(()))

    @property
    def is_trusted(self) -> bool:
        """Whether it is as good as the flow for most purposes."""
        return float(self.error) <= TRUSTED_ERROR

    def training_step(
        self,
        state: Latents,
        tau: Float[Tensor, " batch"],
        conditioning: Latents,
        context: ContextMask,
        prior: Prior,
        bfloat16: bool = False,
    ) -> Latents:
        """Predict, in the terms of the flow's interpolant and perhaps in bfloat16; see `FlowNetwork.predicted`."""
        with torch.autocast(state.device.type, torch.bfloat16, enabled=bfloat16):
            output = self.predicted(state, tau, conditioning, context, prior)
        return output.to(state)
