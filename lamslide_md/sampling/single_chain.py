"""One chain of a surrogate, frame by frame, that can be continued from any of its frames."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.spatial.transform import Rotation

from lamslide_md.choices import ON_REFERENCE
from lamslide_md.errors import InputError
from lamslide_md.models.weights import weights_digest
from lamslide_md.sampling.propagator import PointModel
from lamslide_md.sampling.sampler import Sampler
from lamslide_md.sampling.windows import Sampling, WindowModel
from lamslide_md.systems.system import System

Points = Float[np.ndarray, "points dim"]

SAME_FRAME_NM = 1e-4
"""A frame nearer than this to what was rolled out is that frame: formats round positions."""


class SingleChain:
    """Rolls out one chain in the place and orientation of its start.

    A surrogate makes windows of frames from one known frame and noise drawn with (seed, index of the window). The
    state of a chain is therefore the known frame of the present window, the index of the window, and the place in it.

    Parameters
    ----------
    surrogate
        With one known frame.
    system
        Which of its systems moves.
    solver
        How windows are sampled; see `Surrogate.rollout`.
    n_solver_steps
        Steps of the solver in each window.
    seed
        Same seed, same frames, on the same machine.
    constrain
        Put frames back into what the training data has never left; see `Surrogate.rollout`.

    Raises
    ------
    InputError
        If the model needs several known frames, or a setting is impossible.
    """

    def __init__(
        self,
        surrogate: Sampler,
        system: System,
        solver: str,
        n_solver_steps: int,
        seed: int,
        constrain: bool = True,
    ) -> None:
        self._sampling = Sampling(solver, n_solver_steps, seed)
        if surrogate.settings.flow.n_known != 1:
            raise InputError(
                f"this model continues {surrogate.settings.flow.n_known} known frames, one structure is only one; use "
                "Surrogate.rollout with a trajectory as its start"
            )
        self._surrogate, self._system = surrogate, system
        settings = surrogate.settings
        model = WindowModel(surrogate.autoencoder, surrogate.flow, settings.flow.n_forward, settings.placement)
        self._points = PointModel(model, system, surrogate.length_scale_nm, constrain)
        self._made_by = [
            weights_digest(surrogate.autoencoder, surrogate.flow),
            solver,
            n_solver_steps,
            seed,
            constrain,
        ]
        self._window, self._place = -1, 0
        self._known: Points = np.zeros((0, 3), dtype=np.float32)
        self._turn, self._centre = np.eye(3), np.zeros(3)
        self._frames: Points | Any = self._known
        self._windows: Iterator[np.ndarray] = iter(())

    def start(self, points_nm: Points) -> None:
        """Begin at a frame; a chain that has run before goes on with noise it has not used."""
        placed = self._system.place(points_nm[None].astype(np.float32), self._surrogate.settings.placement)[0]
        middle, middle_placed = (frame.mean(axis=0, dtype=np.float64) for frame in (points_nm, placed))
        turned = self._surrogate.settings.placement in ON_REFERENCE
        onto = Rotation.align_vectors(points_nm - middle, placed - middle_placed)[0] if turned else Rotation.identity()
        self._turn = onto.as_matrix()
        self._centre = middle - self._turn @ middle_placed
        self._begin(placed / np.float32(self._surrogate.length_scale_nm), self._window + 1)

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
        before = self._turn, self._centre, self._window
        self._turn, self._centre = np.array(state["turn"]), np.array(state["centre_nm"])
        self._begin(np.array(state["known"], dtype=np.float32), state["window"])
        if state["place"] == 0:
            same = self._located(self._known)
        else:
            self._next_window()
            self._place = state["place"]
            same = self._located(self._frames[self._place - 1])
        if np.abs(same - points_nm).max() < SAME_FRAME_NM:
            return True
        self._turn, self._centre, self._window = before
        return False

    def state(self) -> dict[str, Any]:
        """JSON-able state after the frame given last."""
        return {
            "made_by": self._made_by,
            "window": self._window,
            "place": self._place,
            # Nine digits are a single-precision number to the bit.
            "known": [[float(f"{x:.9g}") for x in point] for point in self._known],
            "turn": self._turn.tolist(),
            "centre_nm": self._centre.tolist(),
        }

    def step(self) -> Points:
        """Give the next frame, nm."""
        if self._place == len(self._frames):
            if self._place:
                self._known, self._window = self._frames[-1], self._window + 1
            self._next_window()
        self._place += 1
        return self._located(self._frames[self._place - 1])

    def _begin(self, known: Points, window: int) -> None:
        self._known, self._window, self._place = known, window, 0
        self._frames = known[:0]
        self._windows = self._points.chain(known[None, None], self._sampling, window)

    def _next_window(self) -> None:
        self._frames, self._place = next(self._windows)[0], 0

    def _located(self, points: Points) -> Points:
        """From the model's place, orientation and length scale to those of the start, nm."""
        return points.astype(np.float64) * self._surrogate.length_scale_nm @ self._turn.T + self._centre
