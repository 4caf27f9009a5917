"""The bond graph of a topology completed: bonds that its file left out, and bonds that no frame supports.

Readers make bonds from templates of residue names, so residues without a template have none, chains that follow each
other without a gap in the file are bonded, and nucleotides are not bonded to each other. Distances tell which is right.
"""

import mdtraj as md
import numpy as np
from ase.data import covalent_radii
from jaxtyping import Bool, Float, Int
from mdtraj.core.topology import Atom

from lamslide_md.errors import note
from lamslide_md.systems.elements import ORGANIC, is_polymer
from lamslide_md.systems.periodicity import minimum_image, neighbour_pairs
from lamslide_md.systems.topologies import rebuilt, residue_indices

BOND_STRETCH = 1.25
"""Atoms nearer than this times the sum of their covalent radii are bonded: stretching passes, H bonds do not."""

LONGEST_BOND_NM = 0.25
"""No covalent bond of the light elements is longer (S-S 0.21, C-I 0.21)."""

SAMPLED_FRAMES = 10
"""Frames in most of which two atoms must be near to be bonded: one alone may be torn or have a clash."""

SEARCHED_FRAMES = 3
"""Of these, frames in which all near pairs are looked for."""

VALENCE = {"H": 1, "F": 1, "Cl": 4, "Br": 1, "I": 3, "O": 3, "C": 4, "N": 4, "B": 4, "Si": 6, "S": 6, "P": 6}
"""Most neighbours of an atom: nearer ones are kept."""

NEVER_BOUND = frozenset("VS He Ne Ar Kr Xe Rn Li Na K Rb Cs Mg Ca Sr Ba".split())  # noqa: SIM905 - easier to read
"""Virtual sites, noble gases and metals that are ions wherever they stand."""

Pairs = Int[np.ndarray, "_ 2"]
Positions = Float[np.ndarray, "frames atoms 3"]

BLOCK_FRAMES = 1000
"""Whose bonds are measured at once: bounds memory."""


def with_complete_bonds(frames: md.Trajectory, name: str) -> md.Topology:
    """Give a topology the bonds that its frames show, and take away those between residues that no frame supports.

    Parameters
    ----------
    frames
        First frames of the trajectory, nm, with their box if they have one that is to be used.
    name
        Of its file, for notes.

    Returns
    -------
    md.Topology
        The frames' own topology where nothing was missing or wrong, else a copy; its own bonds first, in their order.
    """
    topology = frames.topology
    own = bonds_of(topology)
    chosen = np.unique(np.linspace(0, frames.n_frames - 1, SAMPLED_FRAMES).astype(int))
    cells = None if frames.unitcell_vectors is None else frames.unitcell_vectors[chosen]
    found = found_bonds(topology, frames.xyz[chosen], cells)
    wrong = _unsupported(frames, own)
    kept = own[~wrong]
    surplus = _not_among(found, np.concatenate([kept, own[wrong]]), topology.n_atoms)
    alone = kept[~np.isin(kept, alternates(topology)).any(axis=1)]
    added = _within_valence(topology, alone, found[surplus], frames.xyz[chosen], cells)
    if not wrong.any() and not len(added):
        return topology
    if wrong.any():
        _tell(topology, own[wrong], frames, name)
    if len(added):
        listed = ", ".join(f"{topology.atom(i)} to {topology.atom(j)}" for i, j in added[:3])
        verb = "were found" if not len(own) else "were missing and found"
        note(f"{name}: {len(added)} bonds {verb} by distance ({listed}{', ...' * (len(added) > 3)})")
    return rebuilt(topology, without=set(np.flatnonzero(wrong).tolist()), added=map(tuple, added.tolist()))


def bonds_of(topology: md.Topology) -> Pairs:
    """Indices of bonded atoms, in the order and direction of the topology."""
    return np.array([(one.index, other.index) for one, other in topology.bonds], dtype=int).reshape(-1, 2)


def found_bonds(topology: md.Topology, sample_nm: Positions, cells: np.ndarray | None) -> Pairs:
    """Pairs of atoms that are as near as bonded ones in most of a few frames.

    Parameters
    ----------
    topology
        Names the elements. Lone ions, virtual sites and noble gases bind nothing; metals only within their residue.
    sample_nm
        Frames, nm.
    cells
        Box vectors, nm, shape (frames, 3, 3), or None.

    Returns
    -------
    np.ndarray
        Indices, the lower first, rising.
    """
    radii_nm, light, residues = _radii_nm(topology), _light(topology), residue_indices(topology)
    radii_nm[alternates(topology)] = 0.0
    if not radii_nm.any():
        return np.empty((0, 2), dtype=int)
    searched = np.unique(np.linspace(0, len(sample_nm) - 1, SEARCHED_FRAMES).astype(int))
    cutoff_nm = 2 * BOND_STRETCH * float(radii_nm.max())
    near = [neighbour_pairs(sample_nm[f], cutoff_nm, None if cells is None else cells[f]) for f in searched]
    pairs = np.unique(np.concatenate(near), axis=0)
    first, second = pairs.reshape(-1, 2).T
    may_bind = (radii_nm[first] > 0) & (radii_nm[second] > 0)
    may_bind &= (light[first] & light[second]) | (residues[first] == residues[second])
    pairs = pairs[may_bind]
    longest_nm = BOND_STRETCH * radii_nm[pairs].sum(axis=1)
    return pairs[(_lengths_nm(sample_nm, pairs, cells) < longest_nm).mean(axis=0) > 0.5]


def longest_bonds_nm(topology: md.Topology, pairs: Pairs) -> Float[np.ndarray, " bonds"]:
    """Longest lengths that pass for bonds, nm: 0.25, or more between heavy elements."""
    return np.maximum(LONGEST_BOND_NM, BOND_STRETCH * _radii_nm(topology, lone=True)[pairs].sum(axis=1))


def alternates(topology: md.Topology) -> Int[np.ndarray, " _"]:
    """Atoms of amino acids and nucleotides whose heavy atoms stand there twice by name: alternate locations.

    Parameters
    ----------
    topology
        As it was read.

    Returns
    -------
    np.ndarray
        Indices of all but the first of each name.
    """
    doubled = []
    for residue in topology.residues:
        names = [atom.name for atom in residue.atoms]
        heavy = [atom.name for atom in residue.atoms if atom.element is not md.element.hydrogen]
        if len(set(heavy)) < len(heavy) and is_polymer(residue):
            doubled += [atom.index for place, atom in enumerate(residue.atoms) if atom.name in names[:place]]
    return np.array(doubled, dtype=int)


def _radii_nm(topology: md.Topology, *, lone: bool = False) -> Float[np.ndarray, " atoms"]:
    """Covalent radii; zero for what binds nothing."""
    return np.array(
        [covalent_radii[atom.element.atomic_number] / 10 if lone or _binds(atom) else 0.0 for atom in topology.atoms]
    )


def _binds(atom: Atom) -> bool:
    if atom.element is None or atom.element.symbol in NEVER_BOUND:
        return False
    # A lone halogen is an ion, a lone metal too; a lone oxygen is a water without its hydrogens and has none near.
    return atom.residue.n_atoms > 1 or atom.element.symbol in ("C", "N", "O", "S", "P", "H")


def _light(topology: md.Topology) -> Bool[np.ndarray, " atoms"]:
    return np.array([atom.element is not None and atom.element.symbol in ORGANIC for atom in topology.atoms])


def _lengths_nm(positions_nm: Positions, pairs: Pairs, cells: np.ndarray | None) -> Float[np.ndarray, "frames bonds"]:
    return np.linalg.norm(minimum_image(positions_nm[:, pairs[:, 0]] - positions_nm[:, pairs[:, 1]], cells), axis=-1)


def _unsupported(frames: md.Trajectory, own: Pairs) -> Bool[np.ndarray, " bonds"]:
    """Find bonds between residues, or of a lone ion, whose atoms are near each other in no frame.

    Within a residue such a bond means other atoms than the topology says, which is refused later.
    """
    topology = frames.topology
    residues = residue_indices(topology)
    lone = ~np.array([_binds(atom) or atom.residue.n_atoms > 1 for atom in topology.atoms], dtype=bool)
    between = residues[own[:, 0]] != residues[own[:, 1]]
    wrong = lone[own].any(axis=1)
    if len(own):
        longest, far = longest_bonds_nm(topology, own), np.ones(len(own), dtype=bool)
        for begin in range(0, frames.n_frames, BLOCK_FRAMES):
            some = slice(begin, begin + BLOCK_FRAMES)
            cells = None if frames.unitcell_vectors is None else frames.unitcell_vectors[some]
            far &= (_lengths_nm(frames.xyz[some], own, cells) > longest).all(axis=0)
        # Where residues themselves fall apart, the coordinates are not those of the topology: that is said elsewhere.
        if not far[~between].any():
            wrong |= far & between
    return wrong


def _not_among(pairs: Pairs, others: Pairs, n_atoms: int) -> Bool[np.ndarray, " bonds"]:
    known = np.sort(others, axis=1) @ np.array([n_atoms, 1])
    return ~np.isin(pairs @ np.array([n_atoms, 1]), known)


def _within_valence(
    topology: md.Topology, kept: Pairs, added: Pairs, sample_nm: Positions, cells: np.ndarray | None
) -> Pairs:
    """Leave out found bonds, the longest first, where an atom would have more neighbours than its element can."""
    if not len(added):
        return added
    relative = _lengths_nm(sample_nm, added, cells).mean(axis=0) / _radii_nm(topology)[added].sum(axis=1)
    n_neighbours = np.bincount(kept.ravel(), minlength=topology.n_atoms)
    most = np.array([VALENCE.get(atom.element.symbol, 99) if atom.element else 0 for atom in topology.atoms])
    taken = np.zeros(len(added), dtype=bool)
    for index in np.argsort(relative, kind="stable"):
        pair = added[index]
        taken[index] = (n_neighbours[pair] < most[pair]).all()
        n_neighbours[pair] += taken[index]
    return added[taken]


def _tell(topology: md.Topology, wrong: Pairs, frames: md.Trajectory, name: str) -> None:
    lengths = _lengths_nm(frames.xyz, wrong, frames.unitcell_vectors).min(axis=0)
    listed = ", ".join(
        f"{topology.atom(i)} to {topology.atom(j)}, never nearer than {length:.2f} nm"
        for (i, j), length in zip(wrong[:3], lengths, strict=False)
    )
    more = ", ..." * (len(wrong) > 3)
    why = "as no frame supports them" if lengths.min() > LONGEST_BOND_NM else "which no frame supports or are of ions"
    note(f"{name}: {len(wrong)} bond(s) of the topology are left out, {why} ({listed}{more})")
