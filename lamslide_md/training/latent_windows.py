"""`LatentWindows`: training windows as the second stage sees them."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lamslide_md.config import Settings
from lamslide_md.data.batch import Batch
from lamslide_md.data.masks import draw_context
from lamslide_md.data.stored_frames import StoredFrames
from lamslide_md.frames import from_settings
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.shares import Share
from lamslide_md.training.autoencoder_stage import prepare
from lamslide_md.training.windows import SystemDataset, Windows

Latents = Float[Tensor, "batch frames tokens channels"]

ENCODE_FRAMES = 4096
"""Frames encoded at once: bounds memory."""


class LatentWindows:
    """Encoded training windows: from memory where the encoding of a frame never changes, else encoded when drawn.

    Parameters
    ----------
    autoencoder
        Frozen first stage.
    datasets
        Trajectories.
    settings
        Augmentation and placement, which may forbid the memory, and the windows.
    """

    def __init__(self, autoencoder: Autoencoder, datasets: list[SystemDataset], settings: Settings) -> None:
        self.autoencoder, self.settings = autoencoder, settings
        self.device = autoencoder.pool.embeddings.device
        self.windows = Windows(datasets, settings.flow.n_frames)
        augmented = settings.autoencoder.identifiers == "random" or settings.autoencoder.rotate
        self.transform = from_settings(settings.placement).windows
        self.fixed = not augmented and self.transform.cacheable
        self.encoded = [self._encode_all(s) for s in datasets] if self.fixed else []

    @torch.no_grad()
    def _encode_all(self, dataset: SystemDataset) -> Float[Tensor, "frames tokens channels"] | StoredFrames:
        chunks = np.array_split(np.arange(len(dataset.points)), -(-len(dataset.points) // ENCODE_FRAMES))
        batches = (dataset.batch(c[:, None]) for c in chunks)
        seen = (self.transform.apply(batch.to(self.device)) for batch in batches)
        encoded = (self.autoencoder.encode(batch)[:, 0] for batch in seen)
        if isinstance(dataset.points, StoredFrames):
            return dataset.points.sibling(part.cpu().numpy() for part in encoded)
        return torch.cat(list(encoded))

    def _latents(self, i: int, frames: Int[np.ndarray, "windows frames"]) -> Latents:
        own = self.encoded[i]
        if isinstance(own, StoredFrames):
            return torch.from_numpy(own[frames]).to(self.device)
        return own[torch.from_numpy(frames).to(self.device)]

    def draw(
        self, batch_size: int, generator: torch.Generator
    ) -> tuple[Bool[Tensor, " frames"], Int[np.ndarray, " windows"]]:
        """Draw a batch of windows, with as many frames in each: of shorter windows there are more.

        Parameters
        ----------
        batch_size
            Of the longest windows.
        generator
            Source of randomness.

        Returns
        -------
        Tensor
            Which frames will be context.
        np.ndarray
            Which windows.
        """
        own = self.settings.flow
        context = draw_context(own, generator)
        return context, self.windows.draw(max(1, batch_size * own.n_frames // len(context)), generator)

    @torch.no_grad()
    def encode(
        self,
        index: Int[np.ndarray, " windows"],
        context: Bool[Tensor, " frames"],
        generator: torch.Generator,
        share: Share,
        with_batch: bool = False,
    ) -> tuple[Latents, Batch | None]:
        """Encode the beginnings of windows by index; some of them run backwards, if the settings say so.

        Parameters
        ----------
        index
            Which windows.
        context
            Which frames will be context, and how many frames are wanted.
        generator
            Source of the augmentation.
        share
            Of which windows the latents are wanted.
        with_batch
            Also return the windows themselves, for losses on decoded positions.

        Returns
        -------
        Latents
            Of the own windows, one identifier assignment for each whole window; ordered as in `Windows.batch`.
        Batch or None
            All windows.
        """
        backwards = torch.zeros(len(index), dtype=torch.bool)
        if self.settings.flow.reverse_time:
            backwards = torch.rand(len(index), generator=generator) < 0.5
        if not self.fixed:
            batch = self._batch(index, len(context), backwards)
            batch = self.transform.apply(batch, context, generator)
            batch = prepare(batch, self.autoencoder, self.settings.autoencoder, generator).to(self.device)
            return self.autoencoder.encode(share.part(batch)), batch
        groups = self.windows.frames_of(share.part(self.windows.ordered(index)))
        latents = torch.cat([self._latents(i, frames[:, : len(context)]) for i, frames in groups])
        back = share.part(backwards).to(self.device)[:, None, None, None]
        latents = torch.where(back, latents.flip(1), latents)
        if not with_batch:
            return latents, None
        return latents, self.transform.apply(self._batch(index, len(context), backwards).to(self.device))

    def pairs(
        self, lag: int, n_pairs: int, generator: torch.Generator
    ) -> tuple[Latents, Int[np.ndarray, " pairs"]] | None:
        """Draw two frames a lag apart, further than windows reach.

        Parameters
        ----------
        lag
            Frames of the model between them.
        n_pairs
            At most so many.
        generator
            Source of randomness.

        Returns
        -------
        Latents
            Of both frames.
        np.ndarray
            The dataset that each pair is of. None instead of both where frames look different in every window, or no
            trajectory is so long.
        """
        longest = max(max(s.lengths or (len(s.points),)) // s.frame_stride for s in self.windows.datasets)
        if not self.fixed or longest <= lag + 1:
            return None
        windows = Windows(self.windows.datasets, lag + 1)
        index = windows.draw(min(n_pairs, len(windows)), generator)
        ends = [self._latents(i, frames[:, [0, -1]]) for i, frames in windows.frames_of(index)]
        return torch.cat(ends), np.sort(windows.owners(index))

    def _batch(self, index: Int[np.ndarray, " windows"], n_frames: int, backwards: Bool[Tensor, " windows"]) -> Batch:
        batch = self.windows.batch(index, n_frames)
        back = backwards[:, None, None, None, None]
        return batch.with_positions(torch.where(back, batch.positions.flip(1), batch.positions))
