"""`Sampling`: how windows are drawn, as users say it."""

from dataclasses import dataclass, replace
from typing import SupportsIndex, TypedDict

import numpy as np

from lamslide_md.errors import InputError, option
from lamslide_md.flow.dynamics import Solver
from lamslide_md.flow.solvers import DEFAULT_SOLVER, MAP_SOLVER, solver_of
from lamslide_md.models.flow_map import FlowMap
from lamslide_md.units import MOST_COUNT, MOST_SEED, check_count

MOST_SOLVER_STEPS = 100_000


@dataclass(frozen=True)
class Sampling:
    """How windows are drawn, whether for a rollout, a path, an upsampled trajectory or a forecast.

    Attributes
    ----------
    solver
        ``map`` (two evaluations of the network, of models that have one), ``euler``, ``heun``, ``dopri5`` (chooses its
        own steps), ``sde``, ``ddim`` or ``dpm``. None: the map, if the model has one that is as good, else ``heun``.
    n_solver_steps
        Steps of the solver in each window; ``dopri5`` does without. None: 2 of the map, 5 of the others.
    seed
        Of the noise: same seed, same frames, on the same machine.
    constrain
        Put frames back into what the training data has never left, as constraints do in molecular dynamics: the ranges
        of distances that hardly change (bonds, angles, planar groups), atoms that do not overlap, and the handedness of
        chiral centres. Frames that keep all of these are not touched.

    Raises
    ------
    InputError
        If there is no such solver, or it is to take less than one step.
    """

    solver: str | None = None
    n_solver_steps: int | None = None
    seed: int = 0
    constrain: bool = True

    def __post_init__(self) -> None:
        check_count("seed", self.seed, 0, MOST_SEED)
        if self.n_solver_steps is not None:
            check_count("n_solver_steps", self.n_solver_steps, 1, MOST_SOLVER_STEPS)
        if not isinstance(self.constrain, (bool, np.bool_)):
            raise InputError(f"{option('constrain')}={self.constrain!r} must be True or False")
        self.make_solver()

    def make_solver(self) -> Solver:
        """Make the solver that the name stands for."""
        return solver_of(DEFAULT_SOLVER if self.solver is None else self.solver, self.n_solver_steps)

    def chosen(self, flow_map: FlowMap | None) -> "Sampling":
        """Choose what was left open.

        Parameters
        ----------
        flow_map
            Of the model; None if it has none.

        Returns
        -------
        Sampling
            With a solver and its number of steps.

        Raises
        ------
        InputError
            If a map is asked for that is not there.
        """
        if self.solver == MAP_SOLVER and flow_map is None:
            raise InputError(
                f"{option('solver')}={MAP_SOLVER}: this model has no map; leave the solver out, or learn one with "
                "distil"
            )
        usual = MAP_SOLVER if flow_map is not None and flow_map.is_trusted else DEFAULT_SOLVER
        own = replace(self, solver=self.solver or usual)
        return replace(own, n_solver_steps=own.make_solver().n_steps)


class SamplingOptions(TypedDict, total=False):
    """The fields of `Sampling` as keyword arguments, each of which may be left out."""

    solver: str | None
    n_solver_steps: int | None
    seed: int
    constrain: bool


def check_whole(**counts: object) -> None:
    """Refuse a number of frames, chains or the like that is no whole number.

    Parameters
    ----------
    **counts
        By the name of the parameter.

    Raises
    ------
    InputError
        Naming the first that is none.
    """
    for name, count in counts.items():
        if isinstance(count, (bool, np.bool_)) or not isinstance(count, SupportsIndex):
            raise InputError(f"{option(name)}={count!r} must be a whole number")
        if abs(count.__index__()) > MOST_COUNT:
            raise InputError(f"{option(name)} must be at most {MOST_COUNT:g}; ask for fewer")
