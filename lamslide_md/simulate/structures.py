"""Structures from files, made ready to simulate: what is missing is built, what has no parameters is removed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from openmm import Platform, unit
from openmm.app import ForceField, Modeller, Topology
from pdbfixer import PDBFixer
from pdbfixer.pdbfixer import proteinResidues

from lamslide_md.errors import InputError
from lamslide_md.io.given_paths import check_file, path_of
from lamslide_md.simulate.molecules import Molecule, check_chirality
from lamslide_md.simulate.peptides import PH
from lamslide_md.simulate.randomness import seeded_random
from lamslide_md.simulate.systems import PROTEIN
from lamslide_md.systems.bond_finding import LONGEST_BOND_NM

KEPT_RESIDUES = frozenset([*proteinResidues, "ACE", "NME"])
LONGEST_GAP = 5
"""Residues a gap inside a chain may lack: longer loops would be invented."""


def clean_structure(path: str | Path, *, chains: Sequence[str] | None = None) -> Molecule:
    """Read a PDB or mmCIF file and make its protein ready to simulate.

    Non-standard residues become their standard parents, ligands, ions and water are removed, missing heavy atoms and
    short gaps are built, hydrogens are set for pH 7. What was changed is in the molecule's `notes`. Residues missing
    at the ends of a chain are not built: its ends are where the file has them.

    Parameters
    ----------
    path
        Structure file.
    chains
        Identifiers of the chains to keep; all when left out.

    Returns
    -------
    Molecule
        Protein with hydrogens, nm.

    Raises
    ------
    InputError
        If the file cannot be read, has no protein, a long gap, or a residue that is no L amino acid.
    """
    path = path_of(path, "path")
    check_file(path)
    try:
        fixer = PDBFixer(filename=str(path), platform=Platform.getPlatformByName("Reference"))
    except Exception as error:
        # What its parsers trip over in a file of another kind, such as an index, tells nobody anything.
        is_plain = type(error) is ValueError or isinstance(error, OSError)
        reason = f": {' '.join(str(error).split())}" if is_plain else ""
        raise InputError(
            f"{path} is no PDB or mmCIF file that can be read{reason}; give such a file, whole, or a sequence"
        ) from error
    notes = _keep_protein(fixer, path, chains)
    notes += _build_missing(fixer, path)
    modeller = Modeller(fixer.topology, fixer.positions)
    with seeded_random():
        try:
            modeller.addHydrogens(ForceField(PROTEIN), pH=PH, platform=Platform.getPlatformByName("Reference"))
        except ValueError as error:
            raise InputError(f"{path}: {str(error).split('  For more')[0]}; remove or rename that residue") from error
    positions_nm = np.array(modeller.positions.value_in_unit(unit.nanometer), dtype=np.float64)
    _check_breaks(path, modeller.topology, positions_nm)
    check_chirality(str(path), modeller.topology, positions_nm)
    n_hydrogens = _count_hydrogens(modeller.topology) - _count_hydrogens(fixer.topology)
    notes.append(f"set {n_hydrogens} hydrogens for pH {PH:g}")
    return Molecule(path.stem, modeller.topology, positions_nm, tuple(notes))


def _keep_protein(fixer: PDBFixer, path: Path, chains: Sequence[str] | None) -> list[str]:
    """Drop other chains and everything but protein and caps; return what was done."""
    notes = []
    if chains is not None:
        present = [chain.id for chain in fixer.topology.chains()]
        absent = [chain for chain in chains if chain not in present]
        if absent:
            raise InputError(f"{path} has no chain {', '.join(absent)}; it has {', '.join(dict.fromkeys(present))}")
        fixer.removeChains(chainIds=[chain for chain in present if chain not in chains])
        notes.append(f"kept chain {', '.join(chains)}")
    fixer.findNonstandardResidues()
    notes += [f"replaced {_label(residue)} by {standard}" for residue, standard in fixer.nonstandardResidues]
    fixer.replaceNonstandardResidues()
    foreign = [residue for residue in fixer.topology.residues() if residue.name not in KEPT_RESIDUES]
    counts: dict[str, int] = {}
    for residue in foreign:
        counts[residue.name] = counts.get(residue.name, 0) + 1
    notes += [f"removed {count} {name}" for name, count in sorted(counts.items())]
    modeller = Modeller(fixer.topology, fixer.positions)
    modeller.delete(foreign)
    fixer.topology, fixer.positions = modeller.topology, modeller.positions
    if not any(residue.name in proteinResidues for residue in fixer.topology.residues()):
        raise InputError(f"{path} has no amino acids; for other molecules pass a PreparedSystem of your own")
    return notes


def _build_missing(fixer: PDBFixer, path: Path) -> list[str]:
    """Build missing heavy atoms and short gaps inside chains; return what was done."""
    fixer.findMissingResidues()
    lengths = {chain.index: len(list(chain.residues())) for chain in fixer.topology.chains()}
    gaps = {
        (chain, position): names
        for (chain, position), names in fixer.missingResidues.items()
        if 0 < position < lengths[chain]
    }
    for names in gaps.values():
        if len(names) > LONGEST_GAP:
            raise InputError(
                f"{path} lacks {len(names)} residues inside a chain ({'-'.join(names)}), more than the {LONGEST_GAP} "
                "that can be built with any truth; model the loop first, or keep another chain"
            )
    fixer.missingResidues = gaps
    fixer.findMissingAtoms()
    notes = [f"built the missing residues {'-'.join(names)}" for names in gaps.values()]
    for residue, atoms in fixer.missingAtoms.items():
        notes.append(f"built {', '.join(atom.name for atom in atoms)} of {_label(residue)}")
    for residue, names in fixer.missingTerminals.items():
        notes.append(f"built {', '.join(names)} of {_label(residue)}")
    with seeded_random():
        fixer.addMissingAtoms(seed=1)
    return notes


def _check_breaks(path: Path, topology: Topology, positions_nm: np.ndarray) -> None:
    """Refuse a chain whose neighbours in the file are no neighbours in space: a gap the file does not declare."""
    for first, second in topology.bonds():
        length_nm = float(np.linalg.norm(positions_nm[first.index] - positions_nm[second.index]))
        if length_nm > LONGEST_BOND_NM:
            raise InputError(
                f"{path}: {_label(first.residue)} {first.name} and {_label(second.residue)} {second.name} should be "
                f"bonded but are {length_nm:.2g} nm apart; residues between them are missing without SEQRES records: "
                "model them first"
            )


def _label(residue: object) -> str:
    return f"{residue.name}{residue.id}"  # type: ignore[attr-defined]


def _count_hydrogens(topology: Topology) -> int:
    return sum(atom.element is not None and atom.element.symbol == "H" for atom in topology.atoms())
