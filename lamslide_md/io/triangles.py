"""Symmetric matrices as they are stored: one triangle, row by row."""

import torch
from jaxtyping import Float
from torch import Tensor

Matrices = Float[Tensor, "*matrices n n"]
Triangles = Float[Tensor, "*matrices numbers"]


def triangles_of(matrices: Matrices) -> Triangles | None:
    """Upper triangles of matrices, or None if one of them is not symmetric to the last bit."""
    if not torch.equal(matrices, matrices.mT):
        return None
    rows, columns = torch.triu_indices(*matrices.shape[-2:])
    return matrices[..., rows, columns]


def from_triangles(triangles: Triangles, n: int) -> Matrices:
    """Make matrices whole again.

    Parameters
    ----------
    triangles
        Their upper ones.
    n
        Rows of a matrix.

    Returns
    -------
    Tensor
        Symmetric.

    Raises
    ------
    ValueError
        If the triangles are not of so many rows.
    """
    if triangles.shape[-1] != n * (n + 1) // 2:
        raise ValueError(f"triangles of {triangles.shape[-1]} numbers are none of {n} rows")
    rows, columns = torch.triu_indices(n, n)
    matrices = triangles.new_empty(*triangles.shape[:-1], n, n)
    matrices[..., rows, columns] = triangles
    matrices[..., columns, rows] = triangles
    return matrices
