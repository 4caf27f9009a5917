"""What shows that molecules stand apart only because a periodic box has put them there."""

from collections.abc import Sequence

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.errors import note
from lamslide_md.systems.periodicity import neighbour_pairs

CONTACT_NM = 0.45
"""Molecules with atoms nearer than this are in contact."""

SAMPLED_FRAMES = 40
"""Frames in which contacts are looked for."""

FAR_NM, FAR_BEYOND = 1.0, 20.0
"""A step longer than this, and than so many times the median step, is none that the molecule made."""

Pair = tuple[int, int]


def contacts(
    positions_nm: Float[np.ndarray, "atoms 3"], molecules: Sequence[np.ndarray], cell: np.ndarray | None
) -> set[Pair]:
    """Pairs of molecules in contact in a frame, through the faces of a box if there is one; the lower index first."""
    belongs = np.full(len(positions_nm), -1)
    for index, molecule in enumerate(molecules):
        belongs[molecule] = index
    pairs = np.sort(belongs[neighbour_pairs(positions_nm, CONTACT_NM, cell)], axis=1)
    pairs = pairs[(pairs[:, 0] >= 0) & (pairs[:, 0] != pairs[:, 1])]
    return {(int(one), int(other)) for one, other in np.unique(pairs, axis=0)}


def sampled(n_frames: int) -> list[int]:
    """Frames in which contacts are looked for."""
    return np.unique(np.linspace(0, n_frames - 1, SAMPLED_FRAMES).astype(int)).tolist()


def called(topology: md.Topology, molecule: np.ndarray) -> str:
    """Name a molecule by its residues."""
    residues = list(dict.fromkeys(topology.atom(int(index)).residue for index in molecule))
    return str(residues[0]) if len(residues) == 1 else f"{residues[0]}-...-{residues[-1]}"


def touching_images(
    positions_nm: Float[np.ndarray, "frames atoms 3"], cells: np.ndarray, molecules: Sequence[np.ndarray]
) -> dict[Pair, int]:
    """Pairs of molecules that touch through a face and not where they stand, and in how many of the sampled frames."""
    found: dict[Pair, int] = {}
    for f in sampled(len(positions_nm)):
        for pair in contacts(positions_nm[f], molecules, cells[f]) - contacts(positions_nm[f], molecules, None):
            found[pair] = found.get(pair, 0) + 1
    return found


def tell_jumps(
    positions_nm: Float[np.ndarray, "frames atoms 3"],
    molecules: Sequence[np.ndarray],
    topology: md.Topology,
    name: str,
    first_frame: int,
) -> bool:
    """Note a molecule that leaps against the first one, in a file without a box.

    Parameters
    ----------
    positions_nm
        Frames that follow each other, nm.
    molecules
        Atoms of each.
    topology
        Names them.
    name
        Of the file.
    first_frame
        Index of the first frame in the file.

    Returns
    -------
    bool
        Whether there was one.
    """
    centres = np.stack([positions_nm[:, molecule].mean(axis=1, dtype=np.float64) for molecule in molecules], axis=1)
    steps = np.linalg.norm(np.diff(centres - centres[:, :1], axis=0), axis=-1)
    if len(steps) < 3:
        return False
    usual = np.median(steps, axis=0)
    leaps = np.argwhere(steps > np.maximum(FAR_NM, FAR_BEYOND * usual))
    if len(leaps):
        frame, own = leaps[0].tolist()
        note(
            f"{name}: {called(topology, molecules[own])} moves by {steps[frame, own]:.3g} nm against "
            f"{called(topology, molecules[0])} from frame {first_frame + frame} to {first_frame + frame + 1}, by "
            f"{usual[own]:.2g} nm in most: it looks wrapped into a box that the file does not hold; image it with its "
            "box first"
        )
    return len(leaps) > 0
