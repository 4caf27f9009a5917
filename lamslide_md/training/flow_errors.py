"""`FlowErrors`: how errors of latents are weighed, in the training of the flow and of its map."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from lamslide_md.config import FlowSettings
from lamslide_md.flow.low_rank_prior import Prior
from lamslide_md.flow.prior import ContextMask, Latents


@dataclass(frozen=True)
class FlowErrors:
    """Mean squared error of latents, of the same in units of the prior, and along slow coordinates.

    Attributes
    ----------
    prior
        In whose units errors count, too, if the settings say so.
    settings
        Weights.
    slow
        Projection of flat latents on their slow coordinates; None: these weigh no more than others.
    """

    prior: Prior
    settings: FlowSettings
    slow: Float[Tensor, "features slow"] | None

    def mean(self, errors: Latents, context: ContextMask) -> Tensor:
        """Weigh and sum up errors, which are zero on context frames."""
        total = errors.square().mean()
        if self.settings.whitened:
            total = total + self.prior.whiten(errors, context)[:, ~context].square().mean()
        if self.slow is not None:
            along = (errors.flatten(2) @ self.slow).square().sum(dim=-1).mean()
            total = total + self.settings.slow_weight * along
        return total
