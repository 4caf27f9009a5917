"""The fastest platform for a system, chosen by timing what is there."""

import pickle
import subprocess
import time
from collections.abc import Sequence

import openmm

from lamslide_md.errors import InputError, note
from lamslide_md.io.parents import ending, message_in, running
from lamslide_md.simulate.platforms import (
    REFERENCE_LIMIT,
    PlatformChoice,
    available_platforms,
    make_context,
    usable_cores,
)
from lamslide_md.simulate.progress import speed_ns_per_day
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.systems import PreparedSystem

OWN = ("Reference", "CPU")
"""Platforms without a driver, which is what may end the process or hang."""
PATIENCE_S = 180.0
"""Compiling kernels for the first time takes up to a minute."""


class PlatformFailure(InputError):
    """A platform ends the process that uses it, or hangs."""


def time_platforms(
    prepared: PreparedSystem,
    settings: SimulationSettings,
    *,
    n_cores: int | None = None,
    seconds: float = 0.5,
    platforms: Sequence[PlatformChoice] | None = None,
) -> list[PlatformChoice]:
    """Measure the speed of every platform here on the system itself.

    One with a driver is timed in another process; where that crashes or hangs, it is left out with a note.

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
            here = choice.name in OWN
            timed.append((time_platform if here else time_apart)(prepared, settings, choice, seconds))
        except PlatformFailure as error:
            note(f"{error}; it is left out")
            reasons.append(str(error))
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


def time_platform(
    prepared: PreparedSystem, settings: SimulationSettings, choice: PlatformChoice, seconds: float
) -> PlatformChoice:
    """Measure the speed of a platform, in this process.

    Parameters
    ----------
    prepared
        System to run.
    settings
        Time step and the like.
    choice
        The platform.
    seconds
        Time given to it, s.

    Returns
    -------
    PlatformChoice
        With its speed.

    Raises
    ------
    InputError
        If OpenMM cannot set the system up there.
    """
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


def time_apart(
    prepared: PreparedSystem,
    settings: SimulationSettings,
    choice: PlatformChoice,
    seconds: float,
    *,
    patience_s: float = PATIENCE_S,
) -> PlatformChoice:
    """Measure the speed of a platform in another process; in this one where no other can be had.

    Parameters
    ----------
    prepared
        System to run.
    settings
        Time step and the like.
    choice
        The platform.
    seconds
        Time given to it, s.
    patience_s
        How long the process may take in all, s.

    Returns
    -------
    PlatformChoice
        With its speed.

    Raises
    ------
    InputError
        If OpenMM cannot set the system up there.
    PlatformFailure
        If the process crashes or hangs.
    """
    try:
        task = pickle.dumps((prepared, settings, choice, seconds))
        ended = subprocess.run(
            running("lamslide_md.simulate.trial"),
            input=task,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PlatformFailure(f"platform {choice.name} does not answer within {patience_s:g} s") from None
    except (pickle.PicklingError, AttributeError, TypeError, OSError):
        # A system that cannot be sent, such as one with a function of the user's, or no process to send it to.
        return time_platform(prepared, settings, choice, seconds)
    said = {key: value for line in ended.stdout.splitlines() for key, value in message_in(line).items()}
    if "error" in said:
        raise InputError(str(said["error"]))
    if "ns_per_day" in said:
        return PlatformChoice(choice.name, choice.n_threads, float(said["ns_per_day"]))
    if ended.returncode >= 0 and "ready" not in said:
        return time_platform(prepared, settings, choice, seconds)
    raise PlatformFailure(f"platform {choice.name} crashes: the process that tried it {ending(ended.returncode)}")
