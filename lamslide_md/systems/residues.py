"""Heavy-atom slots of the standard amino acids and peptide caps, for residues as entities."""

import mdtraj as md
import numpy as np
from mdtraj.core.topology import Atom, Residue

from lamslide_md.data.slots import ALPHA, CARBONYL, NITROGEN
from lamslide_md.errors import InputError, option

BACKBONE = ("N", "CA", "C", "O")

SHARED = (*BACKBONE, "OXT")
"""Atoms that are alike in all residues; others are told apart by the residue's name."""

MEND = "preset='protein'"
"""What takes molecules that are no chain of amino acids."""

Part = tuple[str, str]
"""Residue (empty for atoms that are alike in all) and atom."""

SIDE_CHAINS = {
    "ALA": "CB",
    "ARG": "CB CG CD NE CZ NH1 NH2",
    "ASN": "CB CG OD1 ND2",
    "ASP": "CB CG OD1 OD2",
    "CYS": "CB SG",
    "GLN": "CB CG CD OE1 NE2",
    "GLU": "CB CG CD OE1 OE2",
    "GLY": "",
    "HIS": "CB CG ND1 CD2 CE1 NE2",
    "ILE": "CB CG1 CG2 CD1",
    "LEU": "CB CG CD1 CD2",
    "LYS": "CB CG CD CE NZ",
    "MET": "CB CG SD CE",
    "PHE": "CB CG CD1 CD2 CE1 CE2 CZ",
    "PRO": "CB CG CD",
    "SER": "CB OG",
    "THR": "CB OG1 CG2",
    "TRP": "CB CG CD1 CD2 NE1 CE2 CE3 CZ2 CZ3 CH2",
    "TYR": "CB CG CD1 CD2 CE1 CE2 CZ OH",
    "VAL": "CB CG1 CG2",
}
"""Side-chain atoms by the names of the PDB's chemical component dictionary."""

SLOTS = {name: (*BACKBONE, *atoms.split(), "OXT") for name, atoms in SIDE_CHAINS.items()} | {
    "ACE": ("", "CH3", "C", "O"),
    "NME": ("N", "C"),
    "NHE": ("N",),
}
"""Names of the heavy atoms that may fill the slots of a residue, in order, the backbone first."""

ALIASES = {"HID": "HIS", "HIE": "HIS", "HIP": "HIS", "CYX": "CYS", "ASH": "ASP", "GLH": "GLU", "LYN": "LYS"}
"""Names that force fields give to protonation states."""

ATOM_ALIASES = {("NME", "CH3"): "C"}
"""Names of atoms, by residue, that not all programs agree on."""


def part_of(atom: Atom) -> Part:
    """Name an atom alike in all molecules that have the same residue."""
    shared = atom.name in SHARED and _has_backbone(atom.residue)
    return ("" if shared else atom.residue.name), atom.name


def _has_backbone(residue: Residue) -> bool:
    """Tell whether it is part of a chain of amino acids, whose atoms a ligand's may be called like."""
    name = ALIASES.get(residue.name, residue.name)
    return name in SLOTS or {"N", "CA", "C"} <= {atom.name for atom in residue.atoms}


def slots_of(topology: md.Topology) -> np.ndarray:
    """Find the slot of every atom within its residue.

    Parameters
    ----------
    topology
        Heavy atoms of standard residues.

    Returns
    -------
    np.ndarray
        Slot of each atom, shape (atoms,).

    Raises
    ------
    InputError
        If a residue is not a standard one or holds an atom that has no slot.
    """
    slots = np.empty(topology.n_atoms, dtype=int)
    for atom in topology.atoms:
        names = SLOTS.get(ALIASES.get(atom.residue.name, atom.residue.name))
        name = ATOM_ALIASES.get((atom.residue.name, atom.name), atom.name)
        if names is None or name not in names:
            raise InputError(
                f"placement 'local' is for the heavy atoms of one chain of amino acids: atom {atom.name} of residue "
                f"{atom.residue} is none of these; select {option('atoms')}='heavy', or for ligands, ions, modified "
                f"residues and hydrogens use {option(MEND)} (placement 'poses')"
            )
        slots[atom.index] = names.index(name)
    return slots


def check_chain(topology: md.Topology) -> None:
    """Refuse what is not one chain of residues, each bonded to the next one by a peptide bond.

    Parameters
    ----------
    topology
        Heavy atoms of standard residues, with bonds.

    Raises
    ------
    InputError
        If it is not, or a residue lacks atoms of the backbone.
    """
    residues, slots = list(topology.residues), slots_of(topology)
    at = {(atom.residue.index, int(slot)): atom.index for atom, slot in zip(topology.atoms, slots, strict=True)}
    bonds = {frozenset((one.index, other.index)) for one, other in topology.bonds}
    last, faults = len(residues) - 1, []
    for i, residue in enumerate(residues):
        # The last one may be an amide, a nitrogen; one alone must have all that it is seen from.
        needed = (NITROGEN,) if i == last > 0 else (ALPHA,) if last else (NITROGEN, ALPHA, CARBONYL)
        faults += [f"{residue} lacks its {BACKBONE[slot]}" for slot in needed if (i, slot) not in at]
        if i < last and frozenset((at.get((i, CARBONYL)), at.get((i + 1, NITROGEN)))) not in bonds:
            faults.append(f"{residue} has no peptide bond to {residues[i + 1]}")
    if faults:
        raise InputError(
            f"placement 'local' is for one chain of amino acids, with or without caps: {', '.join(faults[:5])}; use "
            f"{option(MEND)} (placement 'poses')"
        )
