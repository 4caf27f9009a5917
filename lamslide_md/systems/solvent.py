"""Solvent and ions told from the solute, which is what a surrogate learns."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import mdtraj as md
import numpy as np
from jaxtyping import Bool
from mdtraj.core.topology import Residue

from lamslide_md.systems.elements import ORGANIC, is_polymer

WATER_NAMES = "HOH WAT H2O SOL TIP TIP2 TIP3 TIP4 TIP5 TIP3P TIP4P TIP5P T3P T4P SPC SPCE OPC HHO OHH DOD W"
"""Names that programs give to water."""

ION_NAMES = (
    "NA CL K LI RB CS F BR I IOD MG CA ZN BA SR MN FE CU CO NI CD HG AG SOD CLA POT CES LIT RUB CAL CIO "
    "NA+ CL- K+ LI+ BR- I- F- MG2+ CA2+ ZN2+"
)
"""Names that programs give to ions of one atom."""

Molecule: TypeAlias = Sequence[int] | np.ndarray

WATERS, IONS = frozenset(WATER_NAMES.split()), frozenset(ION_NAMES.split())

MANY_COPIES = 20
"""Molecules of one kind that are solvent from so many on, where there are others: methanol, lipids."""


def is_water(residue: Residue) -> bool:
    """Tell a water molecule, by its name or its atoms."""
    symbols = sorted(atom.element.symbol for atom in residue.atoms if atom.element and atom.element.symbol != "VS")
    return (residue.name.upper() in WATERS and set(symbols) <= {"H", "D", "O"}) or symbols == ["H", "H", "O"]


def is_ion(residue: Residue) -> bool:
    """Tell an ion of one atom."""
    if residue.n_atoms != 1:
        return False
    element = residue.atom(0).element
    return residue.name.upper() in IONS or element is None or element.symbol not in ORGANIC


def solute_mask(topology: md.Topology, molecules: Sequence[Molecule] = ()) -> Bool[np.ndarray, " atoms"]:
    """Mark the atoms of the solute.

    Parameters
    ----------
    topology
        Of everything.
    molecules
        Atoms of each molecule, by which solvents are known that are neither water nor ions: those of many copies; none
        where bonds are not yet complete.

    Returns
    -------
    np.ndarray
        True for the solute; for all where there is nothing but solvent.
    """
    mask = np.ones(topology.n_atoms, dtype=bool)
    for residue in topology.residues:
        if is_water(residue) or is_ion(residue):
            mask[[atom.index for atom in residue.atoms]] = False
    atoms = list(topology.atoms)
    # Whatever its atoms are called, a solute has residues of a polymer bonded to each other; of others, copies are
    # solvent, also where a lipid is of several residues.
    kinds: dict[tuple[tuple[str, ...], int], list[Molecule]] = {}
    for molecule in molecules:
        residues = list(dict.fromkeys(atoms[index].residue for index in molecule))
        if mask[molecule[0]] and (len(residues) == 1 or not any(map(is_polymer, residues))):
            kinds.setdefault((tuple(residue.name for residue in residues), len(molecule)), []).append(molecule)
    for copies in kinds.values():
        members = [index for molecule in copies for index in molecule]
        if len(copies) >= MANY_COPIES and mask.sum() > len(members):
            mask[members] = False
    return mask if mask.any() else np.ones_like(mask)


def composition(topology: md.Topology, mask: Bool[np.ndarray, " atoms"]) -> str:
    """Count the residues of chosen atoms by name: "320 HOH, 1 NA, 1 CL"."""
    names = Counter(residue.name for residue in topology.residues if residue.n_atoms and mask[residue.atom(0).index])
    listed = [f"{count} {name}" for name, count in names.most_common(6)]
    return ", ".join(listed) + (f" and {len(names) - 6} other kinds" if len(names) > 6 else "")
