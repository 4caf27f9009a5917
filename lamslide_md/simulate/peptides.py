"""Peptides from a one-letter sequence: extended chain, hydrogens at pH 7, free or capped ends."""

import numpy as np
import PeptideBuilder
from Bio.Data.IUPACData import protein_letters_1to3
from openmm import Platform, Vec3, unit
from openmm.app import ForceField, Modeller, Topology
from openmm.app.element import Element

from lamslide_md.errors import InputError, option
from lamslide_md.io.structured_texts import shortened
from lamslide_md.simulate.molecules import Molecule, check_chirality
from lamslide_md.simulate.randomness import seeded_random

RESIDUES = {letter: name.upper() for letter, name in protein_letters_1to3.items()}
MAX_RESIDUES = 10
PH = 7.0

EXTENDED_DEG = {"phi": -120.0, "psi": 140.0}
PROLINE_PHI_DEG = -65.0
"""The ring of proline closes near this angle only."""

# A glycine at either end is the scaffold of a cap: these of its atoms remain, under the cap's names.
ACE_NAMES = {"CA": "CH3", "C": "C", "O": "O"}
NME_NAMES = {"N": "N", "CA": "C"}


def peptide(sequence: str, *, capped: bool = False) -> Molecule:
    """Build a peptide as an extended chain.

    Ends are charged when free; side chains have their state at pH 7, a neutral histidine the tautomer OpenMM's
    hydrogen-bond rule picks. The same sequence always gives the same positions.

    Parameters
    ----------
    sequence
        1 to 10 one-letter codes of the 20 residues; a single residue must be capped.
    capped
        Put an acetyl (ACE) and an N-methyl amide (NME) at the ends.

    Returns
    -------
    Molecule
        All atoms, nm.

    Raises
    ------
    InputError
        If the sequence is empty, too long or has an unknown letter.
    """
    if not isinstance(sequence, str):
        raise InputError(f"sequence={shortened(sequence)} is no text; give one-letter codes")
    sequence = sequence.strip().upper()
    shown = shortened(sequence)
    unknown = sorted(set(sequence) - RESIDUES.keys())
    if unknown:
        raise InputError(f"{shown} has {', '.join(unknown)}, which is none of the 20 residues {''.join(RESIDUES)}")
    if not 1 <= len(sequence) <= MAX_RESIDUES:
        raise InputError(f"{shown} has {len(sequence)} residues; a peptide has 1 to {MAX_RESIDUES}")
    if len(sequence) == 1 and not capped:
        raise InputError(
            f"{shown}: ff14SB has no parameters for a single residue with two free ends; pass {option('capped=True')}"
        )
    heavy_topology, heavy_nm = _heavy_chain(sequence, capped)
    modeller = Modeller(heavy_topology, [Vec3(*position) for position in heavy_nm] * unit.nanometer)
    with seeded_random():
        # Hydrogens start at random places and are minimised.
        modeller.addHydrogens(
            ForceField("amber14/protein.ff14SB.xml"), pH=PH, platform=Platform.getPlatformByName("Reference")
        )
    positions_nm = np.array(modeller.positions.value_in_unit(unit.nanometer), dtype=np.float64)
    check_chirality(sequence, modeller.topology, positions_nm)
    return Molecule(sequence, modeller.topology, positions_nm)


def _heavy_chain(sequence: str, capped: bool) -> tuple[Topology, np.ndarray]:
    """Heavy atoms with standard bonds; positions in nm, shape (atoms, 3)."""
    scaffold = f"G{sequence}G" if capped else sequence
    structure = PeptideBuilder.initialize_res(PeptideBuilder.geometry(scaffold[0]))
    for letter in scaffold[1:]:
        phi = PROLINE_PHI_DEG if letter == "P" else EXTENDED_DEG["phi"]
        PeptideBuilder.add_residue(structure, letter, phi, EXTENDED_DEG["psi"], 180.0)
    if not capped:
        PeptideBuilder.add_terminal_OXT(structure)
    topology, positions = Topology(), []
    chain = topology.addChain("A")
    residues = list(structure.get_residues())
    for index, (letter, built) in enumerate(zip(scaffold, residues, strict=True)):
        name, names = RESIDUES[letter], None
        if capped and index in (0, len(scaffold) - 1):
            name, names = ("ACE", ACE_NAMES) if index == 0 else ("NME", NME_NAMES)
        residue = topology.addResidue(name, chain, str(index + 1))
        for atom in built:
            if names is None or atom.id in names:
                new_name = atom.id if names is None else names[atom.id]
                topology.addAtom(new_name, Element.getBySymbol(atom.element), residue)
                positions.append(np.asarray(atom.coord, dtype=np.float64) * 0.1)
    topology.createStandardBonds()
    return topology, np.array(positions)
