"""Chiral centres: which atoms they are, by names and by the bond graph, and on which side of it frames are."""

from collections.abc import Iterable

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int

from lamslide_md.systems.atom_graphs import refined_colours
from lamslide_md.systems.volumes import PEPTIDE_CENTRE, relative_volumes

CENTRE_ELEMENTS = ("C", "Si", "P", "S")
"""What keeps its chirality; nitrogen inverts."""
MIN_VOLUME = 0.2
"""Least mean triple product of the directions of three bonds at a centre; it is 0.77 at sp3 carbon, 0 in a plane."""


def named_centres(topology: md.Topology) -> Int[np.ndarray, "centres 4"]:
    """C-alpha with N, C and C-beta of every residue that has them by name."""
    centres = []
    for residue in topology.residues:
        index = {atom.name: atom.index for atom in residue.atoms}
        if set(PEPTIDE_CENTRE) <= set(index):
            centres.append([index[name] for name in PEPTIDE_CENTRE])
    return np.array(centres, dtype=int).reshape(-1, 4)


def graph_centres(topology: md.Topology, bonds: Int[np.ndarray, "bonds 2"]) -> Int[np.ndarray, "centres 4"]:
    """Atoms with three or four different neighbours, and three of these; whether they are flat is not asked.

    Neighbours are different where the bond graph with its elements is not the same seen from them (not where they
    differ by chirality alone). Hydrogens may be missing: a centre with three heavy neighbours may have one.

    Parameters
    ----------
    topology
        Topology of the atoms.
    bonds
        Bonded pairs.

    Returns
    -------
    np.ndarray
        Centre and three of its neighbours, heavy ones first.
    """
    elements = ["" if atom.element is None else atom.element.symbol for atom in topology.atoms]
    neighbours: list[list[int]] = [[] for _ in elements]
    for one, other in bonds.tolist():
        neighbours[one].append(other)
        neighbours[other].append(one)
    classes = refined_colours(elements, bonds)
    centres = []
    for atom, bonded in enumerate(neighbours):
        different = len({classes[other] for other in bonded}) == len(bonded)
        if elements[atom] in CENTRE_ELEMENTS and len(bonded) in (3, 4) and different:
            heavy_first = sorted(bonded, key=lambda other: (elements[other] == "H", other))
            centres.append([atom, *heavy_first[:3]])
    return np.array(centres, dtype=int).reshape(-1, 4)


def find_centres(
    topology: md.Topology, bonds: Int[np.ndarray, "bonds 2"], parts_nm: Iterable[Float[np.ndarray, "_ atoms 3"]]
) -> tuple[Int[np.ndarray, "centres 4"], Float[np.ndarray, " centres"]]:
    """Find the chiral centres of the reference, and their chirality.

    Parameters
    ----------
    topology
        Topology of the atoms.
    bonds
        Bonded pairs.
    parts_nm
        Frames of the reference in parts, nm, gone through once.

    Returns
    -------
    tuple of np.ndarray
        C-alphas by name with the sign of the majority of frames; then all others by the graph which have one sign in
        every frame and are not flat.
    """
    named, others = named_centres(topology), graph_centres(topology, bonds)
    others = others[~np.isin(others[:, 0], named[:, 0])]
    n_frames, sums, signs, volumes = 0, np.zeros(len(named)), np.zeros(len(others)), np.zeros(len(others))
    for part in parts_nm:
        of_others = relative_volumes(part, others)
        n_frames += len(part)
        sums += np.sign(relative_volumes(part, named)).sum(axis=0)
        signs += np.sign(of_others).sum(axis=0)
        volumes += of_others.sum(axis=0)
    kept = (np.abs(signs) == n_frames) & (np.abs(volumes) > MIN_VOLUME * n_frames)
    return np.concatenate([named, others[kept]]), np.concatenate([np.sign(sums), np.sign(signs)[kept]])
