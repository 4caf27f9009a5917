"""`LatentWindows`: training windows as the second stage sees them."""

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.data.windows import Series, Windows
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.training.autoencoder_stage import prepare
from lamslide_md.training.presets import AutoencoderSettings

Latents = Float[Tensor, "batch frames tokens channels"]

ENCODE_FRAMES = 4096
"""Frames encoded at once: bounds memory."""


class LatentWindows:
    """Encoded training windows: from memory where the encoding of a frame never changes, else encoded when drawn.

    Parameters
    ----------
    autoencoder
        Frozen first stage.
    series
        Trajectories.
    settings
        Of the first stage: augmentation forbids the memory.
    n_frames
        Frames of a window.
    """

    def __init__(
        self, autoencoder: Autoencoder, series: list[Series], settings: AutoencoderSettings, n_frames: int
    ) -> None:
        self.autoencoder, self.settings = autoencoder, settings
        self.device = next(autoencoder.parameters()).device
        self.windows = Windows(series, n_frames)
        self.fixed = settings.identifiers == "canonical" and not settings.rotate
        self.encoded = [self._encode_all(s) for s in series] if self.fixed else []

    @torch.no_grad()
    def _encode_all(self, series: Series) -> Float[Tensor, "frames tokens channels"]:
        chunks = np.array_split(np.arange(len(series.points)), -(-len(series.points) // ENCODE_FRAMES))
        return torch.cat([self.autoencoder.encode(series.batch(c[:, None]).to(self.device))[:, 0] for c in chunks])

    @torch.no_grad()
    def encode(
        self, index: Int[np.ndarray, " windows"], generator: torch.Generator, with_batch: bool = False
    ) -> tuple[Latents, Batch | None]:
        """Encode windows by index.

        Parameters
        ----------
        index
            Which windows.
        generator
            Source of the augmentation.
        with_batch
            Also return the windows themselves, for losses on decoded positions.

        Returns
        -------
        Latents
            One identifier assignment for each whole window; ordered as in `Windows.batch`.
        Batch or None
            The windows.
        """
        if not self.fixed:
            batch = prepare(self.windows.batch(index), self.autoencoder, self.settings, generator).to(self.device)
            return self.autoencoder.encode(batch), batch
        groups = self.windows.frames_of(index)
        latents = torch.cat([self.encoded[i][torch.from_numpy(frames).to(self.device)] for i, frames in groups])
        return latents, self.windows.batch(index).to(self.device) if with_batch else None
