"""Which frames of a window are known, and how many it has: the task that the flow learns from it."""

import torch
from jaxtyping import Bool
from torch import Tensor

from lamslide_md.training.presets import FlowSettings

KnownFrames = Bool[Tensor, " frames"]


def forward(settings: FlowSettings) -> KnownFrames:
    """Simulation forwards in time: the first frames are known."""
    return torch.arange(settings.n_forward) < settings.n_known


def between(settings: FlowSettings, n_frames: int) -> KnownFrames:
    """Paths between two ends: the first frames are known, and one more after `n_frames` unknown ones."""
    frames = torch.arange(settings.n_known + n_frames + 1)
    return (frames < settings.n_known) | (frames == settings.n_known + n_frames)


def spaced(factor: int, n_gaps: int) -> KnownFrames:
    """Upsampling: every `factor`-th frame is known, from the first to the end of the last of `n_gaps` gaps."""
    return torch.arange(n_gaps * factor + 1) % factor == 0


def draw_known(settings: FlowSettings, generator: torch.Generator) -> KnownFrames:
    """Draw the known frames of a batch: forwards, or with probability `bridging` of either kind between known frames.

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

    def at_most(n: int) -> int:
        return int(torch.randint(1, n + 1, (), generator=generator))

    kind = torch.rand((), generator=generator).item()
    longest = settings.n_frames - settings.n_known - 1
    if kind >= settings.bridging or longest < 1:
        return forward(settings)
    if kind < settings.bridging / 2:
        return between(settings, at_most(longest))
    factor = 1 + at_most(settings.n_frames - 2)
    return spaced(factor, at_most((settings.n_frames - 1) // factor))
