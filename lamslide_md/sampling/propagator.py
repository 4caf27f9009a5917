"""`Propagator`: the rollout loop. Whatever goes on, bridges, fills in or drives ASE draws its windows here."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.errors import InputError
from lamslide_md.flow.dynamics import Solver
from lamslide_md.frames import ReferenceFrame
from lamslide_md.frames.base import Positions
from lamslide_md.frames.compose import Compose
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.sampling.chain_state import ChainState, label_stream, noise_stream
from lamslide_md.sampling.contacts import Contacts
from lamslide_md.sampling.projection import Projection
from lamslide_md.shares import Share
from lamslide_md.systems.batches import batch_of, points_of
from lamslide_md.systems.symmetry import LabelTracker
from lamslide_md.systems.system import System

WINDOWS_AT_ONCE = 64
"""Windows filled as one batch: bounds memory."""

FAR = 1000.0
"""Coordinates beyond this many standard deviations of the training data are of a chain that has run away."""

Frames = Float[np.ndarray, "windows _ points dim"]


@dataclass(frozen=True)
class Propagator:
    """Both stages at work on one system. All positions are placed, and in units of the length scale.

    Attributes
    ----------
    autoencoder, flow
        Trained, on the same device.
    n_forward
        Frames of a window that goes forwards, with its context.
    frame
        How the stages see positions.
    system
        What moves.
    length_scale_nm
        Unit of length.
    solver
        How windows are sampled.
    constrain
        Put frames back into the system's constraints.
    share
        Which of all chains `step` is given; None: all.
    """

    autoencoder: Autoencoder
    flow: LatentFlow
    n_forward: int
    frame: ReferenceFrame
    system: System
    length_scale_nm: float
    solver: Solver
    constrain: bool = True
    share: Share | None = None

    def step(self, state: ChainState) -> tuple[Frames, ChainState]:
        """Draw the next window of every chain.

        Target frames are decoded, and encoded anew as the context of the next window: nothing but the state is carried
        from window to window, so that chains go on from it to the same bits.

        Parameters
        ----------
        state
            Where the chains stand.

        Returns
        -------
        frames
            The target frames.
        state
            Where the chains stand after them.
        """
        is_context = torch.arange(self.n_forward) < state.context.shape[1]
        frames = self._draw(state.context, is_context, noise_stream(state.seed, state.window, self.share))
        labels = LabelTracker(self.system.exchanges, state.context[:, -1])
        random = label_stream(state.seed, state.window, self.share)
        for frame in frames.swapaxes(0, 1):
            labels.follow(frame, random)
        return frames, state.after(frames)

    def step_in_groups(self, state: ChainState, n_groups: int) -> tuple[Frames, ChainState]:
        """Draw the next window of every chain, some chains at a time; the frames are those of `step`, to rounding.

        Parameters
        ----------
        state
            Where the chains stand.
        n_groups
            Into how many they are divided, each with the noise that it has among all.

        Returns
        -------
        frames
            The target frames.
        state
            Where the chains stand after them.
        """
        if n_groups == 1:
            return self.step(state)
        n_chains, parts = len(state.context), []
        for rank in range(n_groups):
            share = Share(rank, n_groups, n_chains)
            some = replace(state, context=state.context[share.rows(rank)])
            parts.append(replace(self, share=share).step(some)[0])
        frames = np.concatenate(parts)
        return frames, state.after(frames)

    def fill(self, given: Frames, is_context: Bool[Tensor, " frames"], seed: int, turn: int = 0) -> Frames:
        """Fill windows between their context frames.

        Parameters
        ----------
        given
            Context frames of every window, in their order.
        is_context
            Which frames of a window they are.
        seed
            Of the noise.
        turn
            Fills with other noise in every turn.

        Returns
        -------
        np.ndarray
            Whole windows, context frames as given.
        """
        exchanges, n_batches = self.system.exchanges, -(-len(given) // WINDOWS_AT_ONCE)
        frames = np.empty((len(given), len(is_context), *given.shape[2:]), dtype=np.float32)
        frames[:, is_context.numpy()] = given
        for i, first in enumerate(range(0, len(given), WINDOWS_AT_ONCE)):
            some, window = slice(first, first + WINDOWS_AT_ONCE), turn * n_batches + i
            frames[some, ~is_context.numpy()] = self._draw(given[some], is_context, noise_stream(seed, window))
            labels, random = LabelTracker(exchanges, given[some, 0]), label_stream(seed, window)
            for frame, as_given in zip(frames[some].swapaxes(0, 1), is_context.tolist(), strict=True):
                if as_given:
                    labels = LabelTracker(exchanges, frame)
                else:
                    labels.follow(frame, random)
        return frames

    @torch.no_grad()
    def _draw(self, context: Frames, is_context: Bool[Tensor, " frames"], noise: torch.Generator) -> Frames:
        """Draw the target frames of windows, with canonical labels; only these are copied to the host."""
        device = next(self.flow.parameters()).device
        given = self._labelling.apply(self._batch_of(context).to(device))
        is_context = is_context.to(device)
        fitted = self.frame.windows.fit(given, is_context)
        seen = fitted.transform(given)
        encoded = self.autoencoder.encode(seen)
        latents = encoded.new_zeros(len(encoded), len(is_context), *encoded.shape[2:])
        latents[:, is_context] = encoded
        latents = self.flow.sample(latents, is_context, self.solver, noise)
        positions = fitted.inverse(self.autoencoder.decode(latents[:, ~is_context], seen).positions)
        _refuse_runaway(positions)
        made = given.with_positions(self._projected(positions))
        return points_of(self.system.entities, self.frame.after_inverse(self._of_system).apply(made).positions)

    def _batch_of(self, context: Frames) -> Batch:
        return batch_of(self.system.entities, context.astype(np.float32), self._reference)

    @cached_property
    def _reference(self) -> Float[np.ndarray, "points dim"] | None:
        if not self.frame.needs_reference:
            return None
        reference_nm = self.system.seen(self.system.reference_nm[None], self._of_system.parts[-1])[0]
        return reference_nm / np.float32(self.length_scale_nm)

    @cached_property
    def _of_system(self) -> Compose:
        return self.system.transform(self.frame)

    @cached_property
    def _labelling(self) -> Compose:
        """Canonical labels of context frames, which have their place."""
        return Compose(self._of_system.parts[:-1])

    def _projected(self, positions: Positions) -> Positions:
        if self._projection is None:
            return positions
        return self._projection.project(positions.flatten(0, 1).flatten(1, 2)).view_as(positions)

    @cached_property
    def _projection(self) -> Projection | None:
        places, held = self.system.entities.places, self.system.constraints
        if not self.constrain or not (len(held.pairs) + len(held.centres) or held.contact_nm):
            return None
        device = next(self.flow.parameters()).device

        def on_device(array: np.ndarray) -> Tensor:
            tensor = torch.from_numpy(array)
            return (tensor.float() if tensor.is_floating_point() else tensor).to(device)

        return Projection(
            on_device(places[held.pairs]),
            on_device(held.lower_nm / self.length_scale_nm),
            on_device(held.upper_nm / self.length_scale_nm),
            on_device(places[held.centres]),
            on_device(held.signs.astype(float)),
            Contacts(on_device(places), held.contact_nm / self.length_scale_nm, held.pairs)
            if held.contact_nm
            else None,
        )


def _refuse_runaway(positions: Positions) -> None:
    """Complain where nothing that follows would be of the molecule."""
    lost = ~(positions.abs() < FAR).flatten(1).all(dim=1)
    if lost.any():
        raise InputError(
            f"{int(lost.sum())} of {len(lost)} chains have run away, to coordinates that the training data is nowhere "
            "near. Train the model longer, or start from a frame that is more like its training data"
        )
