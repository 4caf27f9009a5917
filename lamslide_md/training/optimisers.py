"""Muon for hidden matrices, AdamW for the rest."""

import torch
from torch import nn

from lamslide_md.config import NumberType, Optimisation
from lamslide_md.training.muon import Muon

SMALLEST_MATRIX = 32
"""Matrices with a shorter side are left to AdamW: their singular values are few."""


def build_optimisers(
    network: nn.Module, settings: Optimisation, number_type: NumberType
) -> list[torch.optim.Optimizer]:
    """Divide the trainable parameters of a network between the two optimisers.

    Muon makes every update of a matrix orthogonal, so that rare directions are learned as fast as common ones; its
    learning rate is matched to AdamW's. It halves the steps that the first stage needs (docs/decisions/optimiser.md).

    Parameters
    ----------
    network
        Its `nn.Linear` weights are the matrices.
    settings
        Learning rate and weight decay.
    number_type
        Of Muon's iteration.

    Returns
    -------
    list of Optimizer
        Together they hold every trainable parameter once.
    """
    weights = [
        m.weight for m in network.modules() if isinstance(m, nn.Linear) and min(m.weight.shape) >= SMALLEST_MATRIX
    ]
    matrices = [w for w in weights if w.requires_grad] if settings.matrices == "muon" else []
    taken = {id(w) for w in matrices}
    rest = [p for p in network.parameters() if p.requires_grad and id(p) not in taken]
    rate, decay = settings.learning_rate, settings.weight_decay
    adamw = torch.optim.AdamW(rest, lr=rate, weight_decay=decay, betas=(0.9, 0.99))
    if not matrices:
        return [adamw]
    return [Muon(matrices, lr=rate, weight_decay=decay, number_type=number_type), adamw]


def set_rate(optimisers: list[torch.optim.Optimizer], settings: Optimisation, step: int, factor: float) -> None:
    """Set the learning rate of a step: linear warm-up, a plateau, linear decay to zero.

    Parameters
    ----------
    optimisers
        Of one network.
    settings
        Learning rate, steps, warm-up and plateau.
    step
        Steps that are done.
    factor
        Part of it that is left after the training has diverged.
    """
    fraction, plateau = step / settings.n_steps, settings.constant_fraction
    decay = 1.0 if fraction < plateau else (1 - fraction) / (1 - plateau)
    relative = min(1.0, (step + 1) / settings.warmup_steps) * decay
    for group in (group for optimiser in optimisers for group in optimiser.param_groups):
        group["lr"] = settings.learning_rate * factor * relative
