"""Settings of a reference simulation, and their fingerprint."""

import json
import math
from dataclasses import asdict, dataclass, fields
from numbers import Real

from lamslide_md.errors import InputError, option
from lamslide_md.hashing import sha256_of
from lamslide_md.units import MOST_K, MOST_PS, whole_frames

IMPLICIT = ("obc2", "gbn2", "vacuum")
EXPLICIT = ("tip3pfb", "opc")
CHOICES = {"solvent": IMPLICIT + EXPLICIT, "constraints": ("HBonds", "AllBonds", "none")}

NOT_PHYSICAL = ("length_ps", "checkpoint_interval_ps")
"""These decide how much is simulated and how often it is saved, not what: a run may be continued with others."""


@dataclass(frozen=True)
class SimulationSettings:
    """How a molecule is simulated; one replicate differs from another by its seed only.

    Attributes
    ----------
    length_ps
        Length of the trajectory, equilibration not counted, ps.
    frame_interval_ps
        Time between two frames, ps.
    temperature_K
        Temperature of thermostat and of the first velocities, K.
    friction_per_ps
        Friction of the Langevin middle integrator, 1/ps.
    timestep_fs
        Time step, fs.
    constraints
        Bonds of fixed length: `HBonds`, `AllBonds` or `none`.
    hydrogen_mass_amu
        Mass of hydrogens, taken from the atom they are bonded to, amu.
    solvent
        `obc2`, `gbn2`: generalised Born; `tip3pfb`, `opc`: explicit water; or `vacuum`.
    solvent_dielectric
        Relative permittivity of the generalised-Born solvent, 1.
    equilibration_ps
        Simulated after minimisation and discarded, ps.
    checkpoint_interval_ps
        At most so much is lost when the run is killed, ps.
    padding_nm
        Least distance of the solute from its periodic images at the start, explicit water only, nm.
    salt_molar
        Concentration of NaCl beside neutralising ions, explicit water only, mol/l.
    pressure_bar
        Pressure of the barostat, explicit water only, bar.
    """

    length_ps: float = 20_000.0
    frame_interval_ps: float = 1.0
    temperature_K: float = 350.0
    friction_per_ps: float = 1.0
    timestep_fs: float = 4.0
    constraints: str = "HBonds"
    hydrogen_mass_amu: float = 3.0
    solvent: str = "obc2"
    solvent_dielectric: float = 78.5
    equilibration_ps: float = 200.0
    checkpoint_interval_ps: float = 100.0
    padding_nm: float = 1.2
    salt_molar: float = 0.15
    pressure_bar: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, called = getattr(self, field.name), option(field.name)
            if isinstance(field.default, float) and (isinstance(value, bool) or not isinstance(value, Real)):
                raise InputError(f"{called}={value!r} must be a number")
            if isinstance(field.default, float):
                may_be_zero = field.name in ("equilibration_ps", "salt_molar")
                if not math.isfinite(value) or value < 0 or (value == 0 and not may_be_zero):
                    raise InputError(f"{called}={value:g} must be {'at least' if may_be_zero else 'above'} 0")
                if value > (most := MOST_K if field.name == "temperature_K" else MOST_PS):
                    raise InputError(f"{called}={value:g} must be at most {most:g}")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise InputError(f"{option(name)}={getattr(self, name)!r} is unknown; use {', '.join(choices)}")
        _ = self.n_frames, self.steps_per_frame
        if self.equilibration_ps:
            whole_frames(self.equilibration_ps, self.timestep_ps, f"{option('equilibration_ps')} (in time steps)")

    @property
    def timestep_ps(self) -> float:
        """Time step in ps."""
        return self.timestep_fs * 1e-3

    @property
    def n_frames(self) -> int:
        """Frames of the whole trajectory."""
        return whole_frames(self.length_ps, self.frame_interval_ps, option("length_ps"))

    @property
    def steps_per_frame(self) -> int:
        """Time steps between two frames."""
        return whole_frames(self.frame_interval_ps, self.timestep_ps, f"{option('frame_interval_ps')} (in time steps)")

    @property
    def equilibration_steps(self) -> int:
        """Time steps of the equilibration."""
        return round(self.equilibration_ps / self.timestep_ps)

    @property
    def frames_per_checkpoint(self) -> int:
        """Frames between two checkpoints, at least 1."""
        return max(1, int(self.checkpoint_interval_ps / self.frame_interval_ps))

    @property
    def is_explicit(self) -> bool:
        """Whether the solvent is made of water molecules."""
        return self.solvent in EXPLICIT

    def physical(self) -> dict[str, float | str]:
        """Return the settings that decide what is simulated, by name."""
        kept = {name: value for name, value in asdict(self).items() if name not in NOT_PHYSICAL}
        return {name: value if isinstance(value, str) else float(value) for name, value in kept.items()}


def fingerprint(*parts: object) -> str:
    """Hash of settings, seeds and texts: equal for equal content, on any machine.

    Parameters
    ----------
    *parts
        Anything JSON can hold.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    return sha256_of([json.dumps(parts, sort_keys=True).encode()])[:16]
