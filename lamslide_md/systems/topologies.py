"""Labels of the atoms of an mdtraj topology, and copies of it with changes."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence

import mdtraj as md
import numpy as np
from jaxtyping import Int
from mdtraj.core.element import Element

from lamslide_md.hashing import sha256_of

Label = tuple[int, str, str]
"""Residue index, residue name, atom name."""

AtomKey = tuple[int, str]
"""Residue index and atom name: where an atom is, whatever its residue is called."""


def labels_of(topology: md.Topology) -> list[Label]:
    """Tell the atoms of a topology apart in the way two files of one molecule have in common."""
    # By index: iterated over, atoms come by residue, also where those of residues are mixed.
    atoms = (topology.atom(i) for i in range(topology.n_atoms))
    return [(atom.residue.index, atom.residue.name, atom.name) for atom in atoms]


def atom_keys(topology: md.Topology) -> list[AtomKey]:
    """Tell where each atom is, whichever residue it is part of."""
    return [(residue, name) for residue, _, name in labels_of(topology)]


def named(label: Label) -> str:
    """Name an atom as in ``ALA1-CA``."""
    index, residue, atom = label
    return f"{residue}{index + 1}-{atom}"


def listed(names: Sequence[str], n: int = 5) -> str:
    """List the first few of names."""
    return ", ".join(names[:n]) + (", ..." if names[n:] else "")


def labels_digest(labels: list[Label]) -> str:
    """Hash labels to 12 hexadecimal digits, by which atoms are known where a format drops their names."""
    return sha256_of([json.dumps(labels).encode()])[:12]


def residue_indices(topology: md.Topology) -> Int[np.ndarray, " _"]:
    """Index of the residue of every atom."""
    return np.array([topology.atom(i).residue.index for i in range(topology.n_atoms)], dtype=int)


def unnumbered(topology: md.Topology) -> md.Topology:
    """Copy a topology without the numbers that its file gave to atoms: mdtraj writes them beside bonds counted anew.

    One whose residues' atoms are mixed stays as it is: a copy would sort them.
    """
    if [atom.index for atom in topology.atoms] != list(range(topology.n_atoms)):
        return topology
    copy = rebuilt(topology)
    for atom in copy.atoms:
        atom.serial = None
    return copy


def rebuilt(
    topology: md.Topology,
    *,
    elements: Mapping[int, Element] | None = None,
    without: Collection[int] = (),
    added: Iterable[tuple[int, int]] = (),
) -> md.Topology:
    """Copy a topology with changes; bonds of mdtraj's own copies still hold the atoms of the original.

    Parameters
    ----------
    topology
        Not changed.
    elements
        Other elements of atoms, by index.
    without
        Bonds to leave out, by their number.
    added
        Pairs of atoms to bond, after those that are there.

    Returns
    -------
    md.Topology
        With the same chains, residues and names.
    """
    copy, other = md.Topology(), elements or {}
    for chain in topology.chains:
        own_chain = copy.add_chain(chain.chain_id)
        for residue in chain.residues:
            own = copy.add_residue(residue.name, own_chain, residue.resSeq, residue.segment_id)
            for atom in residue.atoms:
                element = other.get(atom.index, atom.element)
                copy.add_atom(atom.name, element, own, serial=atom.serial, formal_charge=atom.formal_charge)
    members = list(copy.atoms)
    for number, bond in enumerate(topology.bonds):
        if number not in without:
            copy.add_bond(members[bond[0].index], members[bond[1].index], type=bond.type, order=bond.order)
    for one, other_end in added:
        copy.add_bond(members[one], members[other_end])
    return copy
