"""Times in which no interval is found, and that show all the same that frames are not in order."""

import numpy as np

from lamslide_md.errors import InputError


def check_disorder(source: str, time_ps: np.ndarray, given_ps: float) -> None:
    """Refuse frames that run backwards or stand there twice, whatever interval the caller gives.

    Parameters
    ----------
    source
        File name for the messages.
    time_ps
        Times of successive frames as the file holds them, ps.
    given_ps
        Frame interval the caller gave, ps.

    Raises
    ------
    InputError
        If times fall, or most are not above those before though the interval demands it.
    """
    if not np.issubdtype(time_ps.dtype, np.floating) or len(time_ps) < 2 or not np.isfinite(time_ps).all():
        return
    time = time_ps.astype(np.float64)
    steps = np.diff(time)
    if np.median(steps) < 0:
        raise InputError(
            f"{source}: its times fall, from {time[0]:g} to {time[-1]:g} ps: the frames run backwards; write them in "
            "the order of time"
        )
    rising = steps[steps > 0]
    # Times rounded to whole numbers, say, keep up with the interval all the same.
    behind = np.abs(time - time[0] - given_ps * np.arange(len(time))).max()
    if len(rising) and behind > rising.min():
        raise InputError(
            f"{source}: {int((steps == 0).sum())} of its times are those of the frame before, and {len(time)} frames "
            f"{given_ps:g} ps apart do not end at {time[-1]:g} ps: frames stand there twice; leave the second ones out"
        )
