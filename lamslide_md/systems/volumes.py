"""Signed volumes of centres, by which their chirality is told; arrays and tensors alike, and so without torch."""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

PEPTIDE_CENTRE = ("CA", "N", "C", "CB")
"""Names of the C-alpha of an amino acid and of three that are bonded to it; their volume is positive in L."""


def signed_volumes(
    points: Float[Any, "frames points 3"], centres: Int[Any, "centres 4"]
) -> tuple[Float[Any, "frames centres"], Float[Any, "frames centres"]]:
    """Signed volume (a - centre) . [(b - centre) x (c - centre)]; positive for L amino acids with N, C, C-beta.

    Parameters
    ----------
    points
        NumPy array or tensor, in any unit.
    centres
        A point and three that are bonded to it, a, b and c; of the same kind of array.

    Returns
    -------
    tuple
        The volumes, and the products of the lengths of the three bonds, both in the cube of the unit.
    """
    middle = points[:, centres[:, 0]]
    a, b, c = (points[:, centres[:, column]] - middle for column in (1, 2, 3))
    (a1, a2, a3), (b1, b2, b3), (c1, c2, c3) = ([arm[..., axis] for axis in range(3)] for arm in (a, b, c))
    volume = a1 * (b2 * c3 - b3 * c2) + a2 * (b3 * c1 - b1 * c3) + a3 * (b1 * c2 - b2 * c1)
    squares = (a1 * a1 + a2 * a2 + a3 * a3, b1 * b1 + b2 * b2 + b3 * b3, c1 * c1 + c2 * c2 + c3 * c3)
    return volume, squares[0] ** 0.5 * squares[1] ** 0.5 * squares[2] ** 0.5


def relative_volumes(
    points: Float[np.ndarray, "frames points 3"], centres: Int[np.ndarray, "centres 4"]
) -> Float[np.ndarray, "frames centres"]:
    """Signed volume that the three neighbours of each centre span with it.

    Parameters
    ----------
    points
        In any unit.
    centres
        A point and three that are bonded to it.

    Returns
    -------
    np.ndarray
        Relative to the product of the three bonds: 0 in a plane, 0.77 in a tetrahedron; 0 where a bond has no length.
    """
    volume, bonds = signed_volumes(points, centres)
    return volume / np.where(bonds > 0, bonds, 1.0)
