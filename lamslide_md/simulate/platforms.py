"""Which OpenMM platform, and how many threads: chosen by timing what is there."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import openmm
from openmm import unit

from lamslide_md.errors import InputError
from lamslide_md.simulate.progress import speed_ns_per_day
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


def time_platforms(
    prepared: PreparedSystem,
    settings: SimulationSettings,
    *,
    n_cores: int | None = None,
    seconds: float = 0.5,
    platforms: Sequence[PlatformChoice] | None = None,
) -> list[PlatformChoice]:
    """Measure the speed of every platform here on the system itself.

    Parameters
    ----------
    prepared
        System to run.
    settings
        Time step and the like.
    n_cores
        Cores one replicate may use; all usable ones when left out.
    seconds
        Time given to each candidate, s.
    platforms
        Candidates; when left out every platform that has a chance, the CPU one with 1 thread and with all cores.

    Returns
    -------
    list of PlatformChoice
        The fastest first.

    Raises
    ------
    InputError
        If no candidate can run the system.
    """
    cores = n_cores or usable_cores()
    if platforms is None:
        names = available_platforms()
        if prepared.system.getNumParticles() > REFERENCE_LIMIT and names != ["Reference"]:
            names.remove("Reference")
        platforms = [PlatformChoice(name) for name in names]
        if cores > 1 and any(choice.name == "CPU" for choice in platforms):
            platforms.append(PlatformChoice("CPU", cores))
    timed, reasons = [], []
    for choice in platforms:
        try:
            timed.append(_timed(prepared, settings, choice, seconds))
        except InputError as error:
            reasons.append(str(error))
    if not timed:
        raise InputError(f"{prepared.name} runs on no platform: {'; '.join(reasons)}")
    return sorted(timed, key=lambda choice: -choice.ns_per_day)


def choose_platform(
    prepared: PreparedSystem, settings: SimulationSettings, *, n_cores: int | None = None, seconds: float = 0.5
) -> PlatformChoice:
    """Time the platforms and take the fastest; the Reference platform where it is as fast within 10 %.

    Only on the Reference platform is a trajectory the same, bit by bit, when it is run again or continued.

    Parameters
    ----------
    prepared
        System to run.
    settings
        Time step and the like.
    n_cores
        Cores one replicate may use; all usable ones when left out.
    seconds
        Time given to each candidate, s.

    Returns
    -------
    PlatformChoice
        The choice with its measured speed.

    Raises
    ------
    InputError
        If no platform can run the system.
    """
    timed = time_platforms(prepared, settings, n_cores=n_cores, seconds=seconds)
    reproducible = [choice for choice in timed if choice.name == "Reference"]
    if reproducible and reproducible[0].ns_per_day >= 0.9 * timed[0].ns_per_day:
        return reproducible[0]
    return timed[0]


def _timed(
    prepared: PreparedSystem, settings: SimulationSettings, choice: PlatformChoice, seconds: float
) -> PlatformChoice:
    context = make_context(prepared, settings, choice, seed=1)
    # A short minimisation keeps a strained start from flying apart, and compiles the kernels before the clock starts.
    openmm.LocalEnergyMinimizer.minimize(context, maxIterations=10)
    integrator = context.getIntegrator()
    integrator.step(1)
    n_steps, batch = 0, 1
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        integrator.step(batch)
        # Queued GPU kernels are waited for.
        context.getState(energy=True)
        n_steps, batch = n_steps + batch, min(2 * batch, 1000)
    ns_per_day = speed_ns_per_day(n_steps * settings.timestep_ps, elapsed)
    return PlatformChoice(choice.name, choice.n_threads, ns_per_day)
