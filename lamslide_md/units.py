"""Constants, and conversion between physical times, used at every public boundary, and counts of frames."""

import math
from numbers import Integral, Real

from lamslide_md.errors import InputError, option

RELATIVE_TOLERANCE = 1e-3
"""Times read from trajectory files are single precision: 1e-3 of one frame interval is a whole number of frames."""

GAS_CONSTANT_KJ_PER_MOL_K = 0.00831446261815324
KJ_PER_KCAL = 4.184
ANGSTROM_PER_NM = 10.0

MOST_PS, MOST_K, MOST_COUNT, MOST_SEED = 1e15, 1e6, 10**12, 2**63 - 1
"""Bounds beyond which a number is a mistake: a quarter of an hour, a nuclear fire, more frames than any disk holds, and
what random generators take."""


def check_quantity(name: str, value: object, most: float, unit: str, *, zero: bool = False) -> None:
    """Refuse a time, temperature or the like that cannot be.

    Parameters
    ----------
    name
        Of the parameter.
    value
        What the user gave.
    most
        Larger ones are mistakes.
    unit
        Of both.
    zero
        Whether it may be zero.

    Raises
    ------
    InputError
        If it is no number, not finite, negative, zero or too large.
    """
    called = option(name)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputError(f"{called}={value!r} must be a number, in {unit}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not (number > 0 or (zero and number == 0)):
        raise InputError(f"{called}={number:g} must be {'at least 0' if zero else 'positive'}")
    if number > most:
        raise InputError(
            f"{called}={number:g} must be {'at least 0' if zero else 'positive'} and at most {most:g} {unit}"
        )


def check_count(name: str, value: object, least: int = 1, most: int = MOST_COUNT) -> None:
    """Refuse a number of things, or a seed, that cannot be.

    Parameters
    ----------
    name
        Of the parameter.
    value
        What the user gave.
    least
        Smaller ones are refused.
    most
        Larger ones are mistakes.

    Raises
    ------
    InputError
        If it is no whole number, or outside these bounds.
    """
    called = option(name)
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputError(f"{called}={value!r} must be a whole number")
    count = int(value)
    if count < least:
        raise InputError(f"{called}={float(max(count, -(10**300))):g} must be at least {least}")
    if count > most:
        raise InputError(f"{called}={float(min(count, 10**300)):.3g} must be at most {most:,}")


def whole_frames(duration_ps: float, frame_interval_ps: float, what: str = "duration") -> int:
    """Count the frames of a duration, refusing one that is not a whole number of frames.

    Parameters
    ----------
    duration_ps
        Physical time, ps.
    frame_interval_ps
        Time between two frames, ps.
    what
        Name of the duration in the error message.

    Returns
    -------
    int
        Number of frames, at least 1.

    Raises
    ------
    InputError
        If the duration is not a positive whole multiple of the frame interval.
    """
    if not (0 < duration_ps <= MOST_PS and 0 < frame_interval_ps <= MOST_PS):
        raise InputError(
            f"{what} {duration_ps:g} ps and frame interval {frame_interval_ps:g} ps must both be positive and at most "
            f"{MOST_PS:g} ps"
        )
    ratio = duration_ps / frame_interval_ps
    if ratio > MOST_COUNT:
        raise InputError(f"{what} {duration_ps:g} ps has more than {MOST_COUNT:g} frames of {frame_interval_ps:g} ps")
    n_frames = round(ratio)
    if n_frames < 1 or abs(ratio - n_frames) > RELATIVE_TOLERANCE * max(1.0, ratio):
        near = max(1, n_frames) * frame_interval_ps
        raise InputError(
            f"{what} {duration_ps:g} ps is not a whole number of frames of {frame_interval_ps:g} ps; use {near:g} ps"
        )
    return n_frames
