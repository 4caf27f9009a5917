"""The gate for coordinates: what a file may silently carry wrong is refused here, before anything is learnt from it."""

from functools import cached_property

import mdtraj as md
import numpy as np
from scipy.spatial import cKDTree

from lamslide_md.errors import InputError, option
from lamslide_md.systems.bond_finding import LONGEST_BOND_NM, alternates, longest_bonds_nm
from lamslide_md.systems.elements import ORGANIC
from lamslide_md.systems.periodicity import neighbour_pairs

MEDIAN_BOND_NM = (0.08, 0.20)
"""O-H to C-Br: the median of a frame lies inside unless lengths have another unit or atoms another order."""

SAME_PLACE_NM = 0.005
"""Atoms nearer than this are at one place, even in a file whose lengths are too short by ten."""

FARTHEST_NM = 1e5
"""An xtc stores NaN as -2,147,483 nm: coordinates beyond this are no positions."""


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


class KnownBonds:
    """The bonds of a topology and how long they may be, which is the same for every chunk of a file.

    Parameters
    ----------
    topology
        Atoms and bonds.
    """

    def __init__(self, topology: md.Topology) -> None:
        self.topology, self.pairs = topology, bond_pairs(topology)

    @cached_property
    def longest_nm(self) -> np.ndarray:
        """Longest lengths that pass for bonds, nm."""
        return longest_bonds_nm(self.topology, self.pairs)

    @cached_property
    def are_organic(self) -> bool:
        """Whether most bonds are between light elements, by which the median is judged."""
        light = np.array([atom.element.symbol in ORGANIC for atom in self.topology.atoms])
        return bool(light[self.pairs].all(axis=1).mean() > 0.5)


def check_bonds(
    trajectory: md.Trajectory, source: str, first_frame: int = 0, *, bonds: KnownBonds | None = None
) -> None:
    """Refuse frames whose bonds cannot be bonds: another atom order, another unit of length, or a broken molecule.

    Parameters
    ----------
    trajectory
        Whole molecules, nm. A topology without bonds passes.
    source
        File name for the message.
    first_frame
        Index in the file of the first frame given.
    bonds
        Those of the trajectory's topology, where they are known.

    Raises
    ------
    InputError
        If a bond is longer than 0.25 nm or the median bond of a frame lies outside 0.08-0.20 nm.
    """
    bonds = bonds or KnownBonds(trajectory.topology)
    pairs = bonds.pairs
    lengths = np.linalg.norm(trajectory.xyz[:, pairs[:, 0]] - trajectory.xyz[:, pairs[:, 1]], axis=-1)
    if lengths.size == 0:
        return
    excess, median = lengths - bonds.longest_nm, np.median(lengths, axis=1)
    low, high = MEDIAN_BOND_NM
    if not bonds.are_organic:
        high = np.inf
    bad = (excess > 0).any(axis=1) | (median < low) | (median > high)
    if not bad.any():
        return
    frame = int(np.argmax(bad))
    worst = int(excess[frame].argmax())
    longest = lengths[frame, worst]
    first, second = (str(trajectory.topology.atom(int(index))) for index in pairs[worst])
    measured = (
        f"{source}: in frame {first_frame + frame} the median bond is {median[frame]:.3g} nm and the longest, "
        f"{first} to {second}, {longest:.3g} nm"
    )
    if low <= median[frame] / 10 <= high and longest / 10 <= LONGEST_BOND_NM:
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
    unchecked = option("check_bonds=False")
    raise InputError(f"{measured}; {cause}{f' (coarse-grained beads: {unchecked})' if unchecked else ''}")


def check_unit(trajectory: md.Trajectory, source: str) -> None:
    """Refuse coordinates in another unit, where no two atoms are bonded that could tell.

    Parameters
    ----------
    trajectory
        Frames, nm.
    source
        File name for the message.

    Raises
    ------
    InputError
        If the nearest neighbours of most atoms are as far apart as bonded atoms are in Å, or ten times too near.
    """
    light = [atom.index for atom in trajectory.topology.atoms if atom.element.symbol in ORGANIC]
    if len(light) < 3:
        return
    nearest = cKDTree(trajectory.xyz[0, light]).query(trajectory.xyz[0, light], k=2)[0][:, 1]
    middle, (low, high) = float(np.median(nearest)), MEDIAN_BOND_NM
    found = f"{source}: no two atoms are bonded, their nearest neighbours are {middle:.3g} nm away"
    if 10 * low <= middle <= 10 * high:
        raise InputError(f"{found}; these look like Å taken for nm: divide the coordinates by 10")
    if middle < low / 2:
        raise InputError(f"{found}; lengths are too short by ten: multiply the coordinates by 10")


def check_places(trajectory: md.Trajectory, source: str) -> None:
    """Refuse a first frame in which atoms stand at one place.

    Parameters
    ----------
    trajectory
        Frames, nm.
    source
        File name for the message.

    Raises
    ------
    InputError
        If two atoms that are neither virtual sites nor alternate locations are nearer than 0.005 nm.
    """
    real = np.array([atom.element not in (None, md.element.virtual) for atom in trajectory.topology.atoms])
    real[alternates(trajectory.topology)] = False
    pairs = neighbour_pairs(trajectory.xyz[0], SAME_PLACE_NM)
    pairs = pairs[real[pairs].all(axis=1)]
    if len(pairs):
        one, other = (trajectory.topology.atom(int(index)) for index in pairs[0])
        raise InputError(
            f"{source}: in frame 0 {one} and {other} are at one place ({len(pairs)} such pairs among "
            f"{trajectory.n_atoms} atoms); were coordinates left out, or structures laid over each other?"
        )


def check_is_molecular(topology: md.Topology, source: str) -> None:
    """Refuse crystals of ions and metals, whose atoms have no bonds that could tell.

    Parameters
    ----------
    topology
        With all bonds, of a periodic system.
    source
        File name for the message.

    Raises
    ------
    InputError
        If most atoms are metals, or ions without bonds.
    """
    bound = np.zeros(topology.n_atoms, dtype=bool)
    bound[bond_pairs(topology)] = True
    inorganic = np.array([not (atom.element and atom.element.symbol in ORGANIC) for atom in topology.atoms])
    halide = np.array([bool(atom.element) and atom.element.symbol in ("F", "Cl", "Br", "I") for atom in topology.atoms])
    if (inorganic | (halide & ~bound)).mean() > 0.5 and any(
        atom.element and atom.element.symbol not in ("VS", "He", "Ne", "Ar", "Kr", "Xe") for atom in topology.atoms
    ):
        raise InputError(
            f"{source} is a periodic box of metal or salt; periodic solids and slabs are not supported: a surrogate "
            "learns molecules in open space"
        )
