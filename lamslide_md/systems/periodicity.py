"""Boxes: nearest images, neighbours through the faces, and whether a box is one."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import cKDTree

SMALLEST_BOX_NM = 0.5
"""A box with faces nearer than this cannot hold a molecule and its image: such a box is a placeholder."""

OVERLAP_NM = 0.05
"""No two atoms are so near: a box through whose faces they are is none."""

Cells = Float[np.ndarray, "*frames 3 3"]


def face_distances_nm(cells: Cells) -> Float[np.ndarray, "*frames 3"]:
    """Distances between the opposite faces of boxes, nm."""
    return 1.0 / np.linalg.norm(np.linalg.inv(cells.astype(np.float64)), axis=-2)


def usable_boxes(cells: Cells | None, n_frames: int) -> Bool[np.ndarray, " frames"]:
    """Tell in which frames a box is there, finite and large enough for a molecule."""
    usable = np.zeros(n_frames, dtype=bool)
    if cells is not None:
        there = np.isfinite(cells).all(axis=(1, 2))
        there[there] = np.abs(np.linalg.det(cells[there].astype(np.float64))) > 0
        usable[there] = face_distances_nm(cells[there]).min(axis=1) >= SMALLEST_BOX_NM
    return usable


def usable_box(cells: Cells | None) -> bool:
    """Tell whether boxes are there, finite and large enough for a molecule, in all frames."""
    return cells is not None and bool(usable_boxes(cells, len(cells)).all())


def images(vectors_nm: Float[np.ndarray, "frames vectors 3"], cells: Cells) -> Int[np.ndarray, "frames vectors 3"]:
    """Box vectors, as whole numbers, to take off vectors to make them those to the nearest image.

    The nearest image is found for certain where it is nearer than half of the distance between the faces.
    """
    inverse = np.linalg.inv(cells.astype(np.float64))
    return np.rint(vectors_nm.astype(np.float64) @ inverse).astype(int)


def minimum_image(
    vectors_nm: Float[np.ndarray, "frames vectors 3"], cells: Cells | None
) -> Float[np.ndarray, "frames vectors 3"]:
    """Vectors to the nearest image, nm; the vectors themselves where there is no box."""
    vectors_nm = vectors_nm.astype(np.float64)
    return vectors_nm if cells is None else vectors_nm - images(vectors_nm, cells) @ cells.astype(np.float64)


def neighbour_pairs(
    positions_nm: Float[np.ndarray, "atoms 3"], cutoff_nm: float, cell: Cells | None = None
) -> Int[np.ndarray, "pairs 2"]:
    """Pairs of atoms nearer than a cutoff, through the faces of a box, too: linear in the atoms.

    Parameters
    ----------
    positions_nm
        Of one frame, nm.
    cutoff_nm
        Largest distance, nm.
    cell
        Box vectors as rows, nm; None without a box.

    Returns
    -------
    np.ndarray
        Indices, the lower first, each pair once.
    """
    positions = positions_nm.astype(np.float64)
    if cell is None:
        return np.sort(cKDTree(positions).query_pairs(cutoff_nm, output_type="ndarray"), axis=1).reshape(-1, 2)
    cell = cell.astype(np.float64)
    inside = positions @ np.linalg.inv(cell) % 1.0
    near = cutoff_nm / face_distances_nm(cell)
    points, owners = [inside], [np.arange(len(positions))]
    for axis in range(3):
        # Ghosts of ghosts fill the edges and corners.
        all_points, all_owners = np.concatenate(points), np.concatenate(owners)
        for shift, chosen in ((1.0, all_points[:, axis] < near[axis]), (-1.0, all_points[:, axis] > 1 - near[axis])):
            ghosts = all_points[chosen]
            ghosts[:, axis] += shift
            points.append(ghosts)
            owners.append(all_owners[chosen])
    owner = np.concatenate(owners)
    pairs = cKDTree(np.concatenate(points) @ cell).query_pairs(cutoff_nm, output_type="ndarray")
    pairs = np.sort(owner[pairs[(pairs < len(positions)).any(axis=1)]], axis=1)
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0).reshape(-1, 2)


def overlaps(positions_nm: Float[np.ndarray, "atoms 3"], cell: Cells) -> bool:
    """Tell whether atoms are within each other through the faces of a box, which then is a placeholder."""
    n_through = len(neighbour_pairs(positions_nm, OVERLAP_NM, cell))
    return n_through > len(neighbour_pairs(positions_nm, OVERLAP_NM))
