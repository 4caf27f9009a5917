"""`Stepper`: one chain of a surrogate, frame by frame, that can be continued from any of its frames."""

from dataclasses import astuple
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from lamslide_md.errors import InputError
from lamslide_md.frames.base import Fitted
from lamslide_md.models.weights import weights_digest
from lamslide_md.sampling.chain_state import ChainState
from lamslide_md.sampling.settings import Sampling
from lamslide_md.sampling.trained_model import TrainedModel
from lamslide_md.systems.batches import batch_of, points_of
from lamslide_md.systems.system import System

Points = Float[np.ndarray, "points dim"]

SAME_FRAME_NM = 1e-4
"""A frame nearer than this to what was rolled out is that frame: formats round positions."""


class Stepper:
    """Rolls out one chain in the place and orientation of its start.

    What the chain goes on from is the `ChainState` of the present window, and the number of frames taken from it.

    Parameters
    ----------
    surrogate
        With one context frame.
    system
        Which of its systems moves.
    sampling
        How windows are drawn.

    Raises
    ------
    InputError
        If the model needs several context frames.
    """

    def __init__(self, surrogate: TrainedModel, system: System, sampling: Sampling) -> None:
        if surrogate.settings.flow.n_known != 1:
            raise InputError(
                f"this model continues {surrogate.settings.flow.n_known} context frames, one structure is only one; "
                "use Surrogate.rollout with a trajectory as its start"
            )
        sampling = sampling.chosen(surrogate.flow.map)
        self._propagator = surrogate.propagator(system, sampling)
        self._system, self._scale_nm, self._seed = system, surrogate.length_scale_nm, sampling.seed
        weights = weights_digest(surrogate.autoencoder, surrogate.flow)
        self._made_by = [weights, *astuple(sampling)]
        self._state = ChainState(np.zeros((1, 1, system.entities.n_points, 3), dtype=np.float32), -1, sampling.seed)
        self._next: ChainState | None = None
        self._frames: Float[np.ndarray, "frames points dim"] = self._state.context[0, :0]
        self._taken = 0
        self._turn, self._centre = np.eye(3), np.zeros(3)

    def start(self, points_nm: Points) -> None:
        """Begin at a frame; a chain that has run before goes on with noise it has not used."""
        batch = batch_of(self._system.entities, points_nm[None, None].astype(np.float64))
        fitted = self._system.transform(self._propagator.frame).parts[-1].fit(batch)
        self._turn, self._centre = _rotation_and_shift(fitted)
        placed = points_of(self._system.entities, fitted.transform(batch).positions) / self._scale_nm
        self._begin(ChainState(placed.astype(np.float32), self._state.window + 1, self._seed))

    def resume(self, state: dict[str, Any], points_nm: Points) -> bool:
        """Go on from a state, if it is one of this model, solver and seed, and the frame is the one it was saved with.

        Parameters
        ----------
        state
            From `state`.
        points_nm
            The frame it was saved with.

        Returns
        -------
        bool
            Whether the chain goes on as if it had not stopped; if not, nothing has changed.
        """
        if state.get("made_by") != self._made_by:
            return False
        before = self._turn, self._centre, self._state
        self._turn, self._centre = np.array(state["turn"]), np.array(state["centre_nm"])
        self._begin(ChainState(np.array(state["known"], dtype=np.float32)[None, None], state["window"], self._seed))
        last = self._state.context[0, 0]
        if state["place"]:
            self._draw_window()
            self._taken = state["place"]
            last = self._frames[self._taken - 1]
        if np.abs(self._located(last) - points_nm).max() < SAME_FRAME_NM:
            return True
        self._turn, self._centre, state_before = before
        self._begin(state_before)
        return False

    def state(self) -> dict[str, Any]:
        """JSON-able state after the frame given last."""
        return {
            "made_by": self._made_by,
            "window": self._state.window,
            "place": self._taken,
            # Nine digits are a single-precision number to the bit.
            "known": [[float(f"{x:.9g}") for x in point] for point in self._state.context[0, 0]],
            "turn": self._turn.tolist(),
            "centre_nm": self._centre.tolist(),
        }

    def step(self) -> Points:
        """Give the next frame, nm."""
        if self._taken == len(self._frames):
            if self._next is not None:
                self._state = self._next
            self._draw_window()
        self._taken += 1
        return self._located(self._frames[self._taken - 1])

    def _begin(self, state: ChainState) -> None:
        self._state, self._next, self._frames, self._taken = state, None, state.context[0, :0], 0

    def _draw_window(self) -> None:
        frames, self._next = self._propagator.step(self._state)
        self._frames, self._taken = frames[0], 0

    def _located(self, points: Points) -> Points:
        """From the model's place, orientation and length scale to those of the start, nm."""
        return points.astype(np.float64) * self._scale_nm @ self._turn.T + self._centre


def _rotation_and_shift(fitted: Fitted) -> tuple[Float[np.ndarray, "3 3"], Float[np.ndarray, " 3"]]:
    """Rotation and shift by which placed points are led back: those of the unit vectors and the origin tell."""
    corners = torch.cat([torch.zeros(1, 3), torch.eye(3)]).double()[None, None, :, None]
    origin, *axes = fitted.inverse(corners)[0, 0, :, 0].numpy()
    return np.stack([axis - origin for axis in axes], axis=1), origin
