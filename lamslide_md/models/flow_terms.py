"""`FlowTerms`: what the training of the flow compares."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

Latents = Float[Tensor, "batch frames tokens channels"]


@dataclass(frozen=True)
class FlowOutput:
    """One training sample of the flow: what the network said and what it should have said.

    Attributes
    ----------
    prediction, target
        In the interpolant's own terms (velocity, data or noise), of standardised latents.
    data
        The window that the prediction implies, standardised latents.
    tau
        Flow time of each sample.
    """

    prediction: Latents
    target: Latents
    data: Latents
    tau: Float[Tensor, " batch"]
