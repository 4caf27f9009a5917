"""`Sampling`: how windows are drawn, as users say it."""

from dataclasses import dataclass

from lamslide_md.flow.solvers import DEFAULT_SOLVER, DEFAULT_STEPS, Solver, solver_of


@dataclass(frozen=True)
class Sampling:
    """How windows are drawn; refused at once where it is impossible.

    Attributes
    ----------
    solver
        ``euler``, ``heun``, ``dopri5`` (chooses its own steps) or ``sde``.
    n_solver_steps
        Steps of the fixed-step solvers in each window.
    seed
        Of the noise.
    """

    solver: str = DEFAULT_SOLVER
    n_solver_steps: int = DEFAULT_STEPS
    seed: int = 0

    def __post_init__(self) -> None:
        self.make_solver()

    def make_solver(self) -> Solver:
        """Make the solver that the name stands for."""
        return solver_of(self.solver, self.n_solver_steps)
