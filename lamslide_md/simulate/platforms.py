"""Which OpenMM platform, and how many threads."""

import os
from dataclasses import dataclass

import openmm
from openmm import unit

from lamslide_md.errors import InputError
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.systems import PreparedSystem

GPU = ("CUDA", "OpenCL", "HIP")
REFERENCE_LIMIT = 3000
"""Particles beyond which the Reference platform is not timed: at 1,800 in water it has a tenth of the CPU's speed."""


@dataclass(frozen=True)
class PlatformChoice:
    """A platform and its threads, with the speed that was measured.

    Attributes
    ----------
    name
        OpenMM's name of the platform.
    n_threads
        CPU threads of one replicate.
    ns_per_day
        Measured speed of one replicate, ns/day; NaN where none was measured.
    """

    name: str
    n_threads: int = 1
    ns_per_day: float = float("nan")

    def __str__(self) -> str:
        threads = (
            f", {self.n_threads} thread{'s' if self.n_threads > 1 else ''}" if self.name in ("CPU", "Reference") else ""
        )
        speed = f": {self.ns_per_day:.0f} ns/day" if self.ns_per_day == self.ns_per_day else ""
        return f"{self.name}{threads}{speed}"


def usable_cores() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_platforms() -> list[str]:
    """Names of the platforms OpenMM has loaded here."""
    return [openmm.Platform.getPlatform(index).getName() for index in range(openmm.Platform.getNumPlatforms())]


def parse_platform(text: str) -> PlatformChoice:
    """Understand a platform as a user writes it: `Reference`, `CPU`, `CPU:2` (threads), `CUDA`.

    Parameters
    ----------
    text
        Name, and threads after a colon.

    Returns
    -------
    PlatformChoice
        The choice, not timed.

    Raises
    ------
    InputError
        If this machine has no such platform or the threads are no positive number.
    """
    name, _, threads = text.partition(":")
    known = {known.lower(): known for known in available_platforms()}
    if name.lower() not in known:
        raise InputError(f"platform {name!r} is not available here; use {', '.join(known.values())}, as in CPU:2")
    # `isdecimal` holds for digits of all scripts, and `int` reads them; a few of them are enough for any machine.
    if threads and not (threads.isdecimal() and len(threads) < 5 and int(threads) > 0):
        raise InputError(f"platform {text!r}: {threads!r} is no number of threads; use {known[name.lower()]}:2")
    return PlatformChoice(known[name.lower()], int(threads) if threads else 1)


def make_context(
    prepared: PreparedSystem, settings: SimulationSettings, platform: PlatformChoice, seed: int
) -> openmm.Context:
    """Set a system up for integration on a platform.

    Parameters
    ----------
    prepared
        System and start positions.
    settings
        Temperature, friction, time step.
    platform
        Where it runs.
    seed
        Seed of the integrator's noise and of every random force; above 0, as OpenMM takes 0 for "any".

    Returns
    -------
    openmm.Context
        With the start positions set.

    Raises
    ------
    InputError
        If OpenMM cannot set it up there.
    """
    integrator = openmm.LangevinMiddleIntegrator(
        settings.temperature_K * unit.kelvin,
        settings.friction_per_ps / unit.picosecond,
        settings.timestep_ps * unit.picosecond,
    )
    integrator.setRandomNumberSeed(seed)
    for force in prepared.system.getForces():
        if hasattr(force, "setRandomNumberSeed"):
            force.setRandomNumberSeed(seed)
    properties = {"Threads": str(platform.n_threads)} if platform.name == "CPU" else {}
    if platform.name in GPU:
        properties["Precision"] = "mixed"
    try:
        context = openmm.Context(
            prepared.system, integrator, openmm.Platform.getPlatformByName(platform.name), properties
        )
    except openmm.OpenMMException as error:
        raise InputError(
            f"{prepared.name} cannot run on platform {platform}: {error}; choose another platform"
        ) from error
    context.setPositions(prepared.positions_nm)
    return context
