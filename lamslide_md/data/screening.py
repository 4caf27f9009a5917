"""The gate for coordinates: what a file may silently carry wrong is refused here, before anything is learnt from it."""

import mdtraj as md
import numpy as np

from lamslide_md.errors import InputError

LONGEST_BOND_NM = 0.25
"""No covalent bond of the light elements is longer (S-S 0.21, C-I 0.21)."""

MEDIAN_BOND_NM = (0.08, 0.20)
"""O-H to C-Br: the median of a frame lies inside unless lengths have another unit or atoms another order."""

FARTHEST_NM = 1e5
"""An xtc stores NaN as -2,147,483 nm: coordinates beyond this are no positions."""

SMALLEST_BOX_NM = 0.5
"""A shorter box edge cannot hold a molecule and its image: such a box is a placeholder."""


def check_finite(trajectory: md.Trajectory, source: str, first_frame: int = 0) -> None:
    """Refuse coordinates that are no numbers.

    Parameters
    ----------
    trajectory
        Frames to check, nm.
    source
        File name for the message.
    first_frame
        Index in the file of the first frame given.

    Raises
    ------
    InputError
        If a coordinate is NaN, infinite or so far away that it was one before it was written.
    """
    # A comparison with NaN is false, so one pass finds NaN, infinities and what xtc makes of them.
    bad = ~(np.abs(trajectory.xyz) < FARTHEST_NM).all(axis=(1, 2))
    if bad.any():
        frame = int(np.argmax(bad))
        raise InputError(
            f"{source}: frame {first_frame + frame} has NaN or infinite coordinates ({int(bad.sum())} such frames "
            f"among the {len(bad)} checked); the simulation blew up there: cut the trajectory before that frame"
        )


def bond_lengths(trajectory: md.Trajectory) -> np.ndarray:
    """Lengths of all bonds of the topology, without periodic images.

    Parameters
    ----------
    trajectory
        Frames, nm.

    Returns
    -------
    np.ndarray
        Lengths in nm, shape (frames, bonds).
    """
    pairs = bond_pairs(trajectory.topology)
    return np.linalg.norm(trajectory.xyz[:, pairs[:, 0]] - trajectory.xyz[:, pairs[:, 1]], axis=-1)


def bond_pairs(topology: md.Topology) -> np.ndarray:
    """Atom indices of the bonds between real atoms.

    Parameters
    ----------
    topology
        Atoms and bonds; virtual sites are left out.

    Returns
    -------
    np.ndarray
        Indices, shape (bonds, 2).
    """
    real = [
        (first.index, second.index)
        for first, second in topology.bonds
        if md.element.virtual not in (first.element, second.element)
    ]
    return np.array(real, dtype=int).reshape(-1, 2)


def make_whole(trajectory: md.Trajectory) -> None:
    """Join molecules cut by the periodic box, in place, and drop the box.

    Bonds are followed with the minimum image. That changes nothing where no bond is longer than half a box edge, so the
    meaningless box that some xtc headers carry does no harm. The box is dropped because everything downstream lives in
    open space; kept, it would make mdtraj measure distances to images. Separate molecules are not moved together.

    Parameters
    ----------
    trajectory
        Frames with their box, nm.
    """
    lengths = trajectory.unitcell_lengths
    if lengths is None:
        return
    if np.isfinite(lengths).all() and lengths.min() >= SMALLEST_BOX_NM:
        bonds = bond_lengths(trajectory)
        if bonds.size and bonds.max() > lengths.min() / 2:
            trajectory.make_molecules_whole(inplace=True)
    trajectory.unitcell_vectors = None


def check_bonds(trajectory: md.Trajectory, source: str, first_frame: int = 0) -> None:
    """Refuse frames whose bonds cannot be bonds: another atom order, another unit of length, or a broken molecule.

    Parameters
    ----------
    trajectory
        Whole molecules, nm. A topology without bonds passes.
    source
        File name for the message.
    first_frame
        Index in the file of the first frame given.

    Raises
    ------
    InputError
        If a bond is longer than 0.25 nm or the median bond of a frame lies outside 0.08-0.20 nm.
    """
    lengths = bond_lengths(trajectory)
    if lengths.size == 0:
        return
    longest, median = lengths.max(axis=1), np.median(lengths, axis=1)
    low, high = MEDIAN_BOND_NM
    bad = (longest > LONGEST_BOND_NM) | (median < low) | (median > high)
    if not bad.any():
        return
    frame = int(np.argmax(bad))
    pair = bond_pairs(trajectory.topology)[int(lengths[frame].argmax())]
    first, second = (str(trajectory.topology.atom(int(index))) for index in pair)
    measured = (
        f"{source}: in frame {first_frame + frame} the median bond is {median[frame]:.3g} nm and the longest, "
        f"{first} to {second}, {longest[frame]:.3g} nm"
    )
    if low <= median[frame] / 10 <= high and longest[frame] / 10 <= LONGEST_BOND_NM:
        cause = "these look like Å taken for nm: divide the coordinates by 10"
    elif low <= median[frame] * 10 <= high:
        cause = "lengths are too short by ten: multiply the coordinates by 10"
    elif bad.mean() > 0.5:
        cause = (
            "the topology's atoms have another order than the coordinates, or molecules are cut by a box the file does "
            "not hold: pass the topology the file was written with"
        )
    else:
        cause = (
            "the frames before are sound: a molecule broke or was cut by the box there; cut the trajectory before it"
        )
    raise InputError(f"{measured}; {cause} (coarse-grained beads: check_bonds=False)")
