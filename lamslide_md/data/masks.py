"""Which frames of a window are its context, and how many it has: the task that the flow learns from it."""

import torch
from jaxtyping import Bool
from torch import Tensor

from lamslide_md.config import FlowSettings

ContextMask = Bool[Tensor, " frames"]


def forward(settings: FlowSettings) -> ContextMask:
    """Simulation forwards in time: the first frames are the context."""
    return torch.arange(settings.n_forward) < settings.n_known


def context_frames(n_known: int) -> ContextMask:
    """Mask of a window's context frames alone."""
    return torch.ones(n_known, dtype=torch.bool)


def between(n_frames: int) -> ContextMask:
    """Bridges, of which paths and upsampled trajectories are made: a context frame at each end of `n_frames` others."""
    frames = torch.arange(n_frames + 2)
    return (frames == 0) | (frames == n_frames + 1)


def draw_context(settings: FlowSettings, generator: torch.Generator) -> ContextMask:
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
        Which frames are context.
    """
    longest = settings.n_frames - 2
    if torch.rand((), generator=generator).item() >= settings.bridging or longest < 1:
        return forward(settings)
    return between(int(torch.randint(1, longest + 1, (), generator=generator)))
