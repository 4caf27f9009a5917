"""Elements that a reader took from misleading names: mended in amino acids, nucleotides and ligands."""

from collections import Counter

import mdtraj as md
import numpy as np
from mdtraj.core.element import Element
from mdtraj.core.topology import Atom, Residue

from lamslide_md.errors import InputError, note
from lamslide_md.systems.topologies import rebuilt

ORGANIC = frozenset({"H", "D", "C", "N", "O", "S", "P", "Se", "F", "Cl", "Br", "I", "B", "Si"})
"""Elements that amino acids, nucleotides and what is bonded to them are made of."""

FROM_NAME = {"H": "H", "C": "C", "N": "N", "O": "O", "S": "S", "P": "P", "D": "H"}
"""First letter of an atom's name in such a residue, and its element."""

BACKBONES = (frozenset({"N", "CA", "C"}), frozenset({"C1'", "C3'", "C4'"}), frozenset({"C1*", "C3*", "C4*"}))
"""Atoms by whose names a residue is known as an amino acid or a nucleotide, whatever it is called."""

SHORTEST_METAL_BOND_NM = 0.165
"""No metal or noble gas has a neighbour nearer than this (Be-N 0.17, Li-O 0.18, Fe-N 0.2)."""


def is_polymer(residue: Residue) -> bool:
    """Tell whether a residue has the backbone of an amino acid or a nucleotide."""
    names = {atom.name for atom in residue.atoms}
    return any(backbone <= names for backbone in BACKBONES)


def element_from_name(name: str) -> Element | None:
    """Take the element of an atom of an organic residue from its name: "1HB" is H, "CA" C, "SE" Se."""
    letters = name.strip().lstrip("0123456789'*\"").upper()
    if letters.startswith("SE"):
        return md.element.selenium
    symbol = FROM_NAME.get(letters[:1])
    return None if symbol is None else md.element.get_by_symbol(symbol)


def with_elements(topology: md.Topology, name: str) -> md.Topology:
    """Mend the elements of amino acids and nucleotides that cannot be theirs.

    A PDB file without element column whose names are not indented is read with Ca for CA, Hg for HG and so on, so that
    "heavy atoms" keeps hydrogens.

    Parameters
    ----------
    topology
        As it was read; not changed.
    name
        Of its file, for notes and errors.

    Returns
    -------
    md.Topology
        The same one where nothing had to be mended.

    Raises
    ------
    InputError
        If an impossible element cannot be mended from the name.
    """
    impossible = [
        atom
        for residue in topology.residues
        if is_polymer(residue)
        for atom in residue.atoms
        if not _possible(atom) and not _is_site(atom)
    ]
    return _mended(topology, impossible, name)


def with_ligand_elements(topology: md.Topology, nearest_nm: np.ndarray, name: str) -> md.Topology:
    """Mend metals and noble gases of ligands that have a neighbour as near as only light elements can be.

    Parameters
    ----------
    topology
        As it was read; not changed.
    nearest_nm
        Distance of every atom to its nearest neighbour, nm, shape (atoms,).
    name
        Of its file, for notes.

    Returns
    -------
    md.Topology
        The same one where nothing had to be mended.
    """
    doubtful = [
        atom
        for atom in topology.atoms
        if not _possible(atom)
        and atom.element is not md.element.virtual
        and atom.residue.n_atoms > 1
        and nearest_nm[atom.index] < SHORTEST_METAL_BOND_NM
        and element_from_name(atom.name) is not None
        # A name in upper and lower case is the element itself.
        and atom.name != atom.element.symbol
    ]
    return _mended(topology, doubtful, name)


def _possible(atom: Atom) -> bool:
    return atom.element is not None and atom.element.symbol in ORGANIC


def _is_site(atom: Atom) -> bool:
    """Tell virtual sites (lone pairs, dummy masses, Drude particles) from atoms whose element was not understood."""
    if atom.element is not md.element.virtual:
        return False
    # A Drude particle is called as its atom with a D before it.
    of_atom = atom.name[:1] == "D" and any(atom.name[1:] == other.name for other in atom.residue.atoms)
    return of_atom or element_from_name(atom.name) is None


def _mended(topology: md.Topology, wrong: list[Atom], name: str) -> md.Topology:
    if not wrong:
        return topology
    hopeless = [atom for atom in wrong if element_from_name(atom.name) is None]
    if hopeless:
        raise InputError(
            f"{name}: {', '.join(f'{atom} is read as {atom.element.symbol}' for atom in hopeless[:5])}, which is no "
            "element of an amino acid or nucleotide; give the file its element column (columns 77-78 of a PDB file)"
        )
    elements, kinds = {}, Counter[str]()
    for atom in wrong:
        elements[atom.index] = element_from_name(atom.name)
        read_as = "no element" if atom.element in (None, md.element.virtual) else atom.element.symbol
        kinds[f"{atom.name} was read as {read_as}"] += 1
    kinds_found = ", ".join(f"{what} ({count}x)" if count > 1 else what for what, count in kinds.most_common(4))
    more = ", ..." * (len(kinds) > 4)
    note(f"{name}: the elements of {len(wrong)} atoms were mended from their names: {kinds_found}{more}")
    return rebuilt(topology, elements=elements)
