"""Which frames of a window are known, and how many it has: the task that the flow learns from it."""

import torch
from jaxtyping import Bool
from torch import Tensor

from lamslide_md.config import FlowSettings

KnownFrames = Bool[Tensor, " frames"]


def forward(settings: FlowSettings) -> KnownFrames:
    """Simulation forwards in time: the first frames are known."""
    return torch.arange(settings.n_forward) < settings.n_known


def context_frames(n_known: int) -> KnownFrames:
    """Mask of a window's context frames alone."""
    return torch.ones(n_known, dtype=torch.bool)


def between(n_frames: int) -> KnownFrames:
    """Bridges, of which paths and upsampled trajectories are made: both ends of `n_frames` unknown frames are known."""
    frames = torch.arange(n_frames + 2)
    return (frames == 0) | (frames == n_frames + 1)


def draw_known(settings: FlowSettings, generator: torch.Generator) -> KnownFrames:
    """Draw the task of a batch: forwards, or with probability `bridging` a bridge of any length that a window holds.

    Parameters
    ----------
    settings
        Frames of a window and how often to bridge.
    generator
        Source of randomness.

    Returns
    -------
    Tensor
        Which frames are known.
    """
    longest = settings.n_frames - 2
    if torch.rand((), generator=generator).item() >= settings.bridging or longest < 1:
        return forward(settings)
    return between(int(torch.randint(1, longest + 1, (), generator=generator)))
