"""`PointModel`: a trained model at work on the points of one system."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lamslide_md.data.batch import Batch
from lamslide_md.sampling.projection import Projection
from lamslide_md.sampling.windows import Correction, Sampling, WindowModel
from lamslide_md.systems.symmetry import Names, canonical
from lamslide_md.systems.system import System
from lamslide_md.training.windows import Series

WINDOWS_AT_ONCE = 64
"""Windows filled as one batch: bounds memory."""


@dataclass(frozen=True)
class PointModel:
    """From known points to batches, through the model, and back to points, in units of the length scale.

    Attributes
    ----------
    model
        Both stages.
    system
        What moves.
    length_scale_nm
        Unit of the points.
    constrain
        Put frames back into the system's constraints.
    """

    model: WindowModel
    system: System
    length_scale_nm: float
    constrain: bool = True

    def chain(
        self, known: Float[np.ndarray, "chains known points dim"], sampling: Sampling, first_window: int = 0
    ) -> Iterator[Float[np.ndarray, "chains new points dim"]]:
        """Roll out without end, one window at a time.

        Parameters
        ----------
        known
            Placed and scaled known frames that each chain starts from.
        sampling
            Solver and seed.
        first_window
            Index of the first window, for a chain that continues.

        Yields
        ------
        np.ndarray
            New frames of a window.
        """
        exchanges = self.system.exchanges
        start, names = self._batch(canonical(known, exchanges)).to(self._device), Names(exchanges, known[:, -1])
        windows = self.model.chain(start, sampling, first_window, self._correction())
        for window, positions in enumerate(windows, first_window):
            points, random = self.system.entities.to_points(positions.cpu().numpy()), sampling.names(window)
            for frame in points.swapaxes(0, 1):
                names.follow(frame, random)
            yield points

    def fill(
        self,
        given: Float[np.ndarray, "windows known points dim"],
        known: Bool[Tensor, " frames"],
        sampling: Sampling,
        turn: int = 0,
    ) -> Float[np.ndarray, "windows frames points dim"]:
        """Fill windows between their known frames.

        Parameters
        ----------
        given
            Placed and scaled known frames of every window, in their order.
        known
            Which frames of a window they are.
        sampling
            Solver and seed.
        turn
            Fills with other noise in every turn.

        Returns
        -------
        np.ndarray
            Whole windows, known frames as given.
        """
        correct, exchanges = self._correction(), self.system.exchanges
        n_batches = -(-len(given) // WINDOWS_AT_ONCE)
        points = np.empty((len(given), len(known), *given.shape[2:]), dtype=np.float32)
        points[:, known.numpy()] = given
        for i, first in enumerate(range(0, len(given), WINDOWS_AT_ONCE)):
            some = slice(first, first + WINDOWS_AT_ONCE)
            batch = self._batch(canonical(given[some], exchanges)).to(self._device)
            window = turn * n_batches + i
            new = self.model.fill(batch, known.to(self._device), sampling, window, correct)
            points[some, ~known.numpy()] = self.system.entities.to_points(new.cpu().numpy())
            names, random = Names(exchanges, given[some, 0]), sampling.names(window)
            for frame, told in zip(points[some].swapaxes(0, 1), known.tolist(), strict=True):
                if told:
                    names = Names(exchanges, frame)
                else:
                    names.follow(frame, random)
        return points

    @property
    def _device(self) -> torch.device:
        return next(self.model.flow.parameters()).device

    def _batch(self, frames: Float[np.ndarray, "windows frames points dim"]) -> Batch:
        series = Series(self.system.entities, frames.astype(np.float32).reshape(-1, *frames.shape[2:]))
        return series.batch(np.arange(len(series.points)).reshape(frames.shape[:2]))

    def _correction(self) -> Correction | None:
        """What is done to new frames before they are carried on, in slots and length scales."""
        steps = [step for step in (self._projection(), self._tidying()) if step is not None]

        def correct(positions: Tensor) -> Tensor:
            for step in steps:
                positions = step(positions)
            return positions

        return correct if steps else None

    def _tidying(self) -> Correction | None:
        """Give canonical names, and put in place what was put together of pieces."""
        entities, exchanges, placement = self.system.entities, self.system.exchanges, self.model.placement

        def tidy(positions: Tensor) -> Tensor:
            points = canonical(entities.to_points(positions.cpu().numpy()), exchanges)
            if placement == "local":
                points = self.system.place(points.reshape(-1, *points.shape[2:]), placement).reshape(points.shape)
            return torch.from_numpy(entities.to_entities(points)).to(positions)

        return tidy if exchanges or placement == "local" else None

    def _projection(self) -> Correction | None:
        entities, held = self.system.entities, self.system.constraints
        if not self.constrain or not len(held.pairs) + len(held.centres):
            return None
        place = entities.entity_of_point * entities.n_slots + entities.slot_of_point

        def told(array: np.ndarray) -> Tensor:
            tensor = torch.from_numpy(array)
            return (tensor.float() if tensor.is_floating_point() else tensor).to(self._device)

        projection = Projection(
            told(place[held.pairs]),
            told(held.lower_nm / self.length_scale_nm),
            told(held.upper_nm / self.length_scale_nm),
            told(place[held.centres]),
            told(held.signs.astype(float)),
        )

        def project(positions: Tensor) -> Tensor:
            return projection.project(positions.flatten(0, 1).flatten(1, 2)).view_as(positions)

        return project
