"""`Muon`: momentum, every update of a matrix made orthogonal in the number type that the processor is good at."""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor

from lamslide_md.config import NumberType

COEFFICIENTS = (3.4445, -4.775, 2.0315)
"""Of the singular value, its cube and its fifth power in a step of the iteration."""

N_ITERATIONS = 5
SMALLEST_NORM = 1e-7
ADAMW_RMS = 0.2
"""Root mean square of AdamW's updates, to which those of Muon are scaled."""


def newton_schulz(matrix: Float[Tensor, "rows columns"], number_type: NumberType) -> Float[Tensor, "rows columns"]:
    """Bring the singular values of a matrix near to one.

    Parameters
    ----------
    matrix
        Any, but zero.
    number_type
        In which the iteration multiplies.

    Returns
    -------
    Tensor
        Of that number type.
    """
    linear, cubic, quintic = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.to(getattr(torch, number_type))
    x = x.T if tall else x
    x = x / x.norm().clamp(min=SMALLEST_NORM)
    for _ in range(N_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=cubic, alpha=quintic), x, beta=linear)
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Does what `torch.optim.Muon` does at the learning rate matched to AdamW's, but iterates in a type of choice.

    In bfloat16 the two agree to the bit, and each goes on from the other's state.

    Parameters
    ----------
    matrices
        Parameters of two dimensions.
    lr
        Learning rate.
    weight_decay
        Decoupled, as AdamW's.
    momentum
        Share of the earlier direction that is kept, with Nesterov's look ahead.
    number_type
        Of the iteration; ``float32`` where bfloat16 is emulated.

    References
    ----------
    Jordan et al., Muon: an optimizer for hidden layers in neural networks (2024); Liu et al., arXiv 2502.16982.
    """

    def __init__(
        self,
        matrices: Iterable[Tensor],
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        number_type: NumberType = "float32",
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self.number_type: NumberType = number_type

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every matrix that has a gradient.

        Parameters
        ----------
        closure
            Computes the loss anew.

        Returns
        -------
        float or None
            The loss, if there is a closure.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            rate, momentum = float(group["lr"]), group["momentum"]
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(matrix.grad)
                mean = state["momentum_buffer"].lerp_(matrix.grad, 1 - momentum)
                update = newton_schulz(matrix.grad.lerp(mean, momentum), self.number_type)
                matrix.mul_(1 - rate * group["weight_decay"])
                matrix.add_(update, alpha=-rate * ADAMW_RMS * max(matrix.shape) ** 0.5)
        return loss
