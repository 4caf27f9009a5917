"""The fastest platform for a system, chosen by timing what is there."""

from collections.abc import Sequence

from lamslide_md.errors import InputError, note
from lamslide_md.simulate.platform_trials import OWN, PlatformFailure, time_apart, time_platform
from lamslide_md.simulate.platforms import REFERENCE_LIMIT, PlatformChoice, available_platforms, usable_cores
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.systems import PreparedSystem


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
