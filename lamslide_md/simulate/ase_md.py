"""Reference MD of small molecules through ASE, with any of its calculators, written as MD17's files are."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ase.units
import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.md.langevin import Langevin

from lamslide_md.errors import InputError
from lamslide_md.io.arrays import read_arrays, write_arrays
from lamslide_md.io.locks import only_writer

OnSteps = Callable[[int, int], None]
"""Called with the steps done and those asked for."""

CHECKPOINT_INTERVAL_S = 30.0
KCAL_PER_MOL = ase.units.kcal / ase.units.mol
"""MD17's unit of energy in eV."""

NAMES = ("R", "E", "F", "z", "frame_interval_ps", "positions", "momenta", "generator", "made_of")
"""Arrays in the file of a simulation and in that from which it goes on."""
MEND = "remove it and simulate anew"


@dataclass(frozen=True)
class AseSettings:
    """A Langevin simulation.

    Attributes
    ----------
    n_steps
        Steps whose frames are kept.
    temperature_K
        Of the thermostat.
    timestep_fs
        Of the integration.
    friction_per_ps
        Of the thermostat.
    n_equilibration_steps
        Steps before the first frame.
    steps_per_frame
        Steps from one frame to the next.
    seed
        Of velocities and thermostat.
    """

    n_steps: int
    temperature_K: float = 500.0
    timestep_fs: float = 0.5
    friction_per_ps: float = 1.0
    n_equilibration_steps: int = 2000
    steps_per_frame: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_steps", "temperature_K", "timestep_fs", "friction_per_ps", "steps_per_frame"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}={getattr(self, name)} must be above 0")
        if self.n_steps % self.steps_per_frame:
            raise InputError(f"{self.n_steps} steps are no whole number of frames of {self.steps_per_frame} steps")

    @property
    def frame_interval_ps(self) -> float:
        """Time between two frames, ps."""
        return self.timestep_fs * self.steps_per_frame / 1000


def xtb_calculator(method: str = "GFN2-xTB") -> Calculator:
    """Make a tight-binding calculator of tblite, an optional package.

    Parameters
    ----------
    method
        Of tblite.

    Returns
    -------
    Calculator
        Of ASE.

    Raises
    ------
    InputError
        If tblite is not installed.
    """
    try:
        from tblite.ase import TBLite
    except ImportError as error:
        raise InputError("xTB needs the package tblite: pip install tblite") from error
    return TBLite(method=method, verbosity=0)


def simulate_ase(
    atoms: Atoms, calculator: Calculator, settings: AseSettings, path: Path, on_steps: OnSteps | None = None
) -> Path:
    """Simulate, going on from the checkpoint of the same simulation if there is one.

    Where forces depend on positions alone, a simulation that was interrupted gives the same bits as one that was not.

    Parameters
    ----------
    atoms
        Start; left as it is.
    calculator
        Of energies and forces.
    settings
        Of the simulation.
    path
        Where to write MD17's arrays (``R`` in Å, ``z``, ``E`` in kcal/mol, ``F`` in kcal/mol/Å), with the frame
        interval in ps and the settings.
    on_steps
        Callback receiving the steps done and the steps wanted.

    Returns
    -------
    Path
        The file; a finished one of the same simulation is left as it is.

    Raises
    ------
    InputError
        If the file or its checkpoint is of another simulation, another process writes it, or energies are not finite;
        what was done until the last checkpoint stays in ``NAME.partial``.
    """
    run = _Run(atoms.copy(), settings, path.with_name(path.name + ".partial"))
    with only_writer(path):
        if path.exists():
            run.check(path)
        else:
            _simulate(run, calculator, path, on_steps)
    return path


def _simulate(run: "_Run", calculator: Calculator, path: Path, on_steps: OnSteps | None) -> None:
    settings = run.settings
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = run.restore()
    run.atoms.calc = calculator
    friction = settings.friction_per_ps / (1000 * ase.units.fs)
    dynamics = Langevin(
        run.atoms,
        settings.timestep_fs * ase.units.fs,
        temperature_K=settings.temperature_K,
        friction=friction,
        fixcm=False,
        rng=rng,
    )
    saved_s = time.monotonic()
    while len(run.frames["R"]) < settings.n_steps // settings.steps_per_frame:
        dynamics.run(settings.steps_per_frame if run.equilibrated else settings.n_equilibration_steps)
        if run.equilibrated:
            run.keep_frame()
        run.equilibrated = True
        if on_steps:
            on_steps(len(run.frames["R"]) * settings.steps_per_frame, settings.n_steps)
        if time.monotonic() - saved_s > CHECKPOINT_INTERVAL_S:
            run.save(run.partial, rng)
            saved_s = time.monotonic()
    run.save(path, rng)
    run.partial.unlink(missing_ok=True)


@dataclass
class _Run:
    """State of a simulation, on disk as numpy arrays."""

    atoms: Atoms
    settings: AseSettings
    partial: Path

    def __post_init__(self) -> None:
        self.equilibrated = False
        self.frames: dict[str, list[Any]] = {"R": [], "E": [], "F": []}
        start = [self.atoms.numbers.tolist(), self.atoms.positions.tolist()]
        self.made_of = json.dumps([asdict(self.settings), start])

    def keep_frame(self) -> None:
        energy = self.atoms.get_potential_energy()
        if not np.isfinite(energy) or not np.isfinite(self.atoms.positions).all():
            kept = f"until the last checkpoint is in {self.partial}" if self.partial.exists() else "is lost"
            raise InputError(
                f"the energy is {energy} eV after {len(self.frames['R'])} frames; shorten the timestep of "
                f"{self.settings.timestep_fs} fs. What was done {kept}"
            )
        self.frames["R"].append(self.atoms.get_positions())
        self.frames["E"].append(energy / KCAL_PER_MOL)
        self.frames["F"].append(self.atoms.get_forces() / KCAL_PER_MOL)

    def restore(self) -> np.random.Generator:
        """Go to the checkpoint, or to the start with velocities drawn from the temperature."""
        rng = np.random.default_rng(self.settings.seed)
        if not self.partial.exists():
            # By hand: ASE 3.29 deprecates the function that earlier versions have.
            widths = np.sqrt(self.atoms.get_masses() * ase.units.kB * self.settings.temperature_K)
            self.atoms.set_momenta(rng.standard_normal((len(self.atoms), 3)) * widths[:, None])
            return rng
        content = self.check(self.partial)
        try:
            self.atoms.set_positions(content["positions"])
            self.atoms.set_momenta(content["momenta"])
            rng.bit_generator.state = json.loads(str(content["generator"]))
            self.frames = {name: list(content[name]) for name in self.frames}
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            raise InputError(f"{self.partial} is damaged ({error}); {MEND}") from error
        self.equilibrated = True
        return rng

    def check(self, path: Path) -> dict[str, np.ndarray]:
        """Read a file of this simulation; refuse that of another one."""
        content = read_arrays(path, "is damaged", MEND, needed=NAMES, plain=NAMES)
        if str(content["made_of"]) != self.made_of:
            raise InputError(f"{path} is of another simulation (settings or start differ); choose another name")
        return content

    def save(self, path: Path, rng: np.random.Generator) -> None:
        """Replace the file, which is either the old or the new one at any moment."""
        write_arrays(
            path,
            R=np.array(self.frames["R"]),
            E=np.array(self.frames["E"]),
            F=np.array(self.frames["F"]),
            z=self.atoms.numbers,
            frame_interval_ps=self.settings.frame_interval_ps,
            positions=self.atoms.positions,
            momenta=self.atoms.get_momenta(),
            generator=json.dumps(rng.bit_generator.state),
            made_of=self.made_of,
        )
