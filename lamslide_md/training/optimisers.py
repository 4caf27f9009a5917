"""Muon for hidden matrices, AdamW for the rest."""

import torch
from torch import nn

from lamslide_md.training.presets import Optimisation

SMALLEST_MATRIX = 32
"""Matrices with a shorter side are left to AdamW: their singular values are few."""


def build_optimisers(network: nn.Module, settings: Optimisation) -> list[torch.optim.Optimizer]:
    """Divide the trainable parameters of a network between the two optimisers.

    Muon makes every update of a matrix orthogonal, so that rare directions are learned as fast as common ones; its
    learning rate is matched to AdamW's. It halves the steps that the first stage needs (docs/decisions/optimiser.md).

    Parameters
    ----------
    network
        Its `nn.Linear` weights are the matrices.
    settings
        Learning rate and weight decay.

    Returns
    -------
    list of Optimizer
        Together they hold every trainable parameter once.

    References
    ----------
    Jordan et al., Muon: an optimizer for hidden layers in neural networks (2024); Liu et al., arXiv 2502.16982.
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
    return [torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"), adamw]
