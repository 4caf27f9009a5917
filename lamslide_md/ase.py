"""`LatentDynamics`: a surrogate as an ASE dynamics."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator
from ase.md.md import MolecularDynamics

from lamslide_md.errors import InputError
from lamslide_md.io.ase_atoms import NM_PER_ANGSTROM
from lamslide_md.sampling.atom_matching import NAME, match_atoms
from lamslide_md.sampling.settings import Sampling
from lamslide_md.sampling.stepping import Stepper
from lamslide_md.surrogate import Surrogate

INFO_KEY = "lamslide"
"""Where the state of the chain stands in `atoms.info`."""


class NoEnergies(Calculator):
    """Stands where no calculator is: a surrogate samples positions, it has neither energies nor forces."""

    name = "lamslide (positions only)"
    implemented_properties: list[str] = []  # noqa: RUF012 - ASE's own name and type


class LatentDynamics(MolecularDynamics):
    """Runs a surrogate like any dynamics of ASE; one step is one frame of the surrogate.

    `attach`, `insert_observer`, `run`, `irun`, `nsteps`, `trajectory`, `append_trajectory`, `logfile` and the context
    manager are ASE's. What differs:

    - **Atoms.** They are matched with the model's in any order, by residue and name, or else by elements and bonds,
      which is noted. A model of heavy atoms given
      hydrogens drops them: `dyn.atoms` then is a new `Atoms` without them, and the atoms passed in stay as they are.
      Otherwise `dyn.atoms` is the object passed in. Hydrogens are not rebuilt here, as where they go depends on a force
      field: `lamslide_md.openmm.refine` rebuilds those of chosen frames with one.
    - **Place.** A surrogate learns internal motion only: the molecule stays where and as it was oriented at the start.
      A periodic box is kept and not used.
    - **Momenta, energies, forces.** There are none: momenta are removed, and asking for an energy raises ASE's
      `PropertyNotImplementedError`. A calculator of your own on the atoms stays, and works when you ask it.
    - **Moving atoms yourself**, between steps, starts a new window from the moved positions.
    - **Restart.** The surrogate makes windows of frames, and `atoms.info["lamslide"]` holds which window a frame is of.
      From the last frame of a `.traj` or an extended xyz file, the same model, solver and seed go on with the frames
      that would have come; they are the same as long as the same machine does the same arithmetic. With another seed,
      or from a structure without that entry, a new chain starts at that frame. With `append_trajectory=True` the start
      frame is in the file already, so observers are first called after the first step, as in ASE's optimisers.

    Parameters
    ----------
    atoms
        Where to start; names and residues are those that ASE reads from a PDB file.
    surrogate
        A model, or the path of a `.lamslide` file; one context frame.
    trajectory
        File or ASE trajectory that gets a frame every `loginterval` steps.
    logfile
        File, path or "-" that gets time and frame rate every `loginterval` steps.
    loginterval
        Steps between two entries of trajectory and logfile.
    append_trajectory
        Go on in an existing trajectory instead of replacing it.
    solver
        How windows are drawn; see `Sampling`.
    n_solver_steps
        Steps of the solver in each window; see `Sampling`.
    seed
        Same seed, same frames, on the same machine.
    constrain
        Put frames back into what the training data has never left; see `Sampling`.
    **kwargs
        Others of ASE's dynamics, such as `comm`.

    Raises
    ------
    InputError
        If the atoms do not match the model's, are constrained, or cannot be a structure of it.
    """

    def __init__(
        self,
        atoms: Atoms,
        surrogate: Surrogate | str | Path,
        trajectory: Any = None,  # noqa: ANN401 - a path or any of ASE's writers
        logfile: Any = None,  # noqa: ANN401 - a path, "-" or anything one can write to
        loginterval: int = 1,
        *,
        append_trajectory: bool = False,
        solver: str | None = None,
        n_solver_steps: int | None = None,
        seed: int = 0,
        constrain: bool = True,
        **kwargs: Any,  # noqa: ANN401 - handed on
    ) -> None:
        if not isinstance(surrogate, Surrogate):
            surrogate = Surrogate.load(surrogate)
        if atoms.constraints:
            raise InputError("the atoms are constrained, which a surrogate cannot honour; atoms.set_constraint() frees")
        match = match_atoms(atoms, surrogate)
        chain = Stepper(surrogate, match.system, Sampling(solver, n_solver_steps, seed, constrain))
        points_nm = match.points_nm(atoms)
        if not chain.resume(atoms.info.get(INFO_KEY, {}), points_nm):
            surrogate.resolver.check_start(points_nm[None], match.system, NAME)
            chain.start(points_nm)
        if len(match.index) < len(atoms):
            kept = np.sort(match.index)
            atoms = atoms[kept]
            match = type(match)(match.system, np.searchsorted(kept, match.index))
        if atoms.calc is None:
            atoms.calc = NoEnergies()
        self.surrogate, self._match, self._chain, self._seed = surrogate, match, chain, seed
        continues = append_trajectory and isinstance(trajectory, str | Path) and Path(trajectory).exists()
        self._start_is_written = continues and Path(trajectory).stat().st_size > 0
        super().__init__(
            atoms,
            surrogate.frame_interval_ps * 1000 * units.fs,
            trajectory=trajectory,
            loginterval=loginterval,
            append_trajectory=append_trajectory,
            **kwargs,
        )
        atoms.arrays.pop("momenta", None)
        self._given = atoms.positions.copy()
        self._note_state()
        if logfile is not None:
            self._begun_s, self._log = time.monotonic(), self.openfile(logfile, self.comm, mode="a")
            self.attach(self._log_line, loginterval)

    def todict(self) -> dict[str, Any]:
        """Describe the run; ASE writes it into trajectories."""
        return {
            "type": "molecular-dynamics",
            "md-type": type(self).__name__,
            "timestep": self.dt,
            "temperature_K": self.surrogate.temperature_K,
            "seed": self._seed,
        }

    def irun(self, steps: int = 50) -> Iterator[bool]:
        """Run as a generator.

        Parameters
        ----------
        steps
            Frames to make.

        Yields
        ------
        bool
            Whether all steps are done; first before the first step, as ASE's dynamics do.
        """
        # ASE's own asks for forces before and after each step.
        self.max_steps = self.nsteps + steps
        if self.nsteps == 0 and not self._start_is_written:
            self.call_observers()
        yield self.nsteps == self.max_steps
        while self.nsteps < self.max_steps:
            self.step()
            self.nsteps += 1
            self.call_observers()
            yield self.nsteps == self.max_steps

    def step(self) -> None:
        """Make the next frame."""
        if not np.array_equal(self.atoms.positions, self._given):
            points_nm = self._match.points_nm(self.atoms)
            self.surrogate.resolver.check_start(points_nm[None], self._match.system, NAME)
            self._chain.start(points_nm)
        self.atoms.positions[self._match.index] = self._chain.step() / NM_PER_ANGSTROM
        self._given = self.atoms.positions.copy()
        self._note_state()

    def _note_state(self) -> None:
        self.atoms.info[INFO_KEY] = {"atoms": self._match.to_dict(), **self._chain.state()}

    def _log_line(self) -> None:
        if self.nsteps == 0 or (self._start_is_written and self.nsteps == 1):
            self._log.write(f"{'Time[ps]':>12} {'Frame':>10} {'Frames/s':>10}\n")
        elapsed_s = time.monotonic() - self._begun_s
        rate = f"{self.nsteps / elapsed_s:10.1f}" if self.nsteps and elapsed_s > 0 else f"{'-':>10}"
        time_ps = self.nsteps * self.surrogate.frame_interval_ps
        self._log.write(f"{time_ps:12.3f} {self.nsteps:10d} {rate}\n")
        self._log.flush()
