"""Constants, and conversion between physical times, used at every public boundary, and counts of frames."""

from lamslide_md.errors import InputError

RELATIVE_TOLERANCE = 1e-3
"""Times read from trajectory files are single precision: 1e-3 of one frame interval is a whole number of frames."""

GAS_CONSTANT_KJ_PER_MOL_K = 0.00831446261815324
KJ_PER_KCAL = 4.184
ANGSTROM_PER_NM = 10.0


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
    if not (0 < duration_ps < float("inf") and 0 < frame_interval_ps < float("inf")):
        raise InputError(
            f"{what} {duration_ps:g} ps and frame interval {frame_interval_ps:g} ps must both be positive and finite"
        )
    ratio = duration_ps / frame_interval_ps
    n_frames = round(ratio)
    if n_frames < 1 or abs(ratio - n_frames) > RELATIVE_TOLERANCE * max(1.0, ratio):
        near = max(1, n_frames) * frame_interval_ps
        raise InputError(
            f"{what} {duration_ps:g} ps is not a whole number of frames of {frame_interval_ps:g} ps; use {near:g} ps"
        )
    return n_frames
