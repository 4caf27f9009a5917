"""Arrays in JSON."""

from typing import Any

import numpy as np


def decimals(array: np.ndarray) -> list[Any]:
    """Nested lists of the shortest decimals that give single-precision numbers back: JSON would write doubles.

    Parameters
    ----------
    array
        Of any shape; what is not single precision is rounded to it.

    Returns
    -------
    list
        Of Python's floats.
    """
    return array.astype(np.float32).astype(np.str_).astype(np.float64).tolist()
