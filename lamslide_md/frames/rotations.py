"""Rotations that bring points nearest to others."""

import torch
from jaxtyping import Float
from torch import Tensor


def in_double(positions: Tensor) -> Tensor:
    """Double precision, where the device has it."""
    return positions.float() if positions.device.type == "mps" else positions.double()


def best_rotation(
    points: Float[Tensor, "*frames points dim"], target: Float[Tensor, "*frames points dim"]
) -> Float[Tensor, "*frames dim dim"]:
    """Find the rotations of least squared deviation: points @ rotation is nearest to the target.

    Parameters
    ----------
    points
        Frames about their mean positions; a point that does not count is zero.
    target
        The same of what they are turned onto.

    Returns
    -------
    Tensor
        Proper rotations: nothing is mirrored.

    References
    ----------
    Kabsch, Acta Cryst. A 32 (1976) 922, by singular value decomposition, which always converges.
    """
    u, _, vt = torch.linalg.svd(points.transpose(-1, -2) @ target)
    sign = torch.sign(torch.linalg.det(u @ vt))
    return torch.cat([u[..., :-1], u[..., -1:] * sign[..., None, None]], dim=-1) @ vt
