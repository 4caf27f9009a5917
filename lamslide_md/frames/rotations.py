"""Rotations that bring points nearest to others."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


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


def axes_through(
    back: Float[Tensor, "*points 3"], middle: Float[Tensor, "*points 3"], ahead: Float[Tensor, "*points 3"]
) -> Float[Tensor, "*points 3 3"]:
    """Axes that three points span, by Gram and Schmidt.

    Parameters
    ----------
    back
        In the plane of the first two axes.
    middle
        Where the axes start.
    ahead
        On the first axis.

    Returns
    -------
    Tensor
        The axes as columns, right-handed.
    """
    first = functional.normalize(ahead - middle, dim=-1)
    second = back - middle
    second = functional.normalize(second - (second * first).sum(dim=-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)
