"""A platform tried: in this process, or in another one where it has a driver, whose crash harms no one then."""

import math
import pickle
import subprocess
import time

import openmm

from lamslide_md.errors import InputError
from lamslide_md.io.parents import ending, has_parent, message_in, running
from lamslide_md.simulate.platforms import PlatformChoice, make_context
from lamslide_md.simulate.progress import speed_ns_per_day
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.systems import PreparedSystem

OWN = ("Reference", "CPU")
"""Platforms without a driver, which is what may end the process or hang."""
TRIAL_S = 0.05
"""Of steps, where only whether a platform works is asked."""
PATIENCE_S = 180.0
"""Compiling kernels for the first time takes up to a minute."""


class PlatformFailure(InputError):
    """A platform ends the process that uses it, or hangs."""


def tried(prepared: PreparedSystem, settings: SimulationSettings, choice: PlatformChoice) -> PlatformChoice:
    """Have another process try a platform with a driver before this one uses it, unless it was timed.

    Parameters
    ----------
    prepared
        System to run.
    settings
        Time step and the like.
    choice
        The platform.

    Returns
    -------
    PlatformChoice
        The same.

    Raises
    ------
    InputError
        If OpenMM cannot set the system up there.
    PlatformFailure
        If the other process crashes or hangs.
    """
    was_timed = not math.isnan(choice.ns_per_day)
    # The crash of a process that works for another one is told there.
    if choice.name in OWN or was_timed or has_parent():
        return choice
    try:
        time_apart(prepared, settings, choice, TRIAL_S)
    except PlatformFailure as error:
        raise PlatformFailure(f"{error}; choose another platform") from None
    return choice


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
