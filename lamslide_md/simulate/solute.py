"""The part of a system that is written: its topology, and its positions with molecules side by side."""

import io
from pathlib import Path

import numpy as np
from openmm import unit
from openmm.app import PDBFile, Topology

from lamslide_md.errors import InputError
from lamslide_md.simulate.checkpoints import write_atomically
from lamslide_md.simulate.systems import PreparedSystem


def solute_topology(prepared: PreparedSystem) -> Topology:
    """Copy the solute's atoms, residues, chains and bonds; no box.

    Parameters
    ----------
    prepared
        System and solute.

    Returns
    -------
    Topology
        Atoms in the order they are written.
    """
    kept, copies = set(prepared.solute.tolist()), {}
    topology = Topology()
    for chain in prepared.topology.chains():
        if not any(atom.index in kept for atom in chain.atoms()):
            continue
        new_chain = topology.addChain(chain.id)
        for residue in chain.residues():
            atoms = [atom for atom in residue.atoms() if atom.index in kept]
            if not atoms:
                continue
            new_residue = topology.addResidue(residue.name, new_chain, residue.id, residue.insertionCode)
            for atom in atoms:
                copies[atom.index] = topology.addAtom(atom.name, atom.element, new_residue, atom.id)
    for first, second in prepared.topology.bonds():
        if first.index in kept and second.index in kept:
            topology.addBond(copies[first.index], copies[second.index])
    return topology


def solute_molecules(topology: Topology) -> list[np.ndarray]:
    """Split the atoms of a topology into molecules: their indices, the first atom's molecule first."""
    parent = list(range(topology.getNumAtoms()))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    for first, second in topology.bonds():
        low, high = sorted((root(first.index), root(second.index)))
        parent[high] = low
    roots = np.array([root(index) for index in range(len(parent))])
    return [np.flatnonzero(roots == molecule) for molecule in np.unique(roots)]


def side_by_side(positions_nm: np.ndarray, molecules: list[np.ndarray], box_nm: np.ndarray) -> np.ndarray:
    """Shift every molecule to the periodic image whose centre is nearest to the first molecule's.

    Parameters
    ----------
    positions_nm
        Whole molecules, nm, shape (atoms, 3).
    molecules
        Atom indices of each molecule.
    box_nm
        Box vectors as rows, nm, shape (3, 3).

    Returns
    -------
    np.ndarray
        Positions in nm, shape (atoms, 3).
    """
    shifted = positions_nm.copy()
    anchor = positions_nm[molecules[0]].mean(axis=0)
    for molecule in molecules[1:]:
        away = positions_nm[molecule].mean(axis=0) - anchor
        # From the last box vector to the first: the vectors are in reduced lower-triangular form.
        shift = np.zeros(3)
        for vector, axis in zip(box_nm[::-1], (2, 1, 0), strict=True):
            shift -= np.round((away + shift)[axis] / vector[axis]) * vector
        shifted[molecule] += shift
    return shifted


def write_system_pdb(path: Path, prepared: PreparedSystem, *, replaceable: bool = True) -> None:
    """Write the solute as a PDB file, the topology of its trajectories.

    Parameters
    ----------
    path
        PDB file.
    prepared
        System and solute.
    replaceable
        Whether a file of the same atoms that is there may be replaced: not so where it is of unknown origin.

    Raises
    ------
    InputError
        If it cannot be written, or is there with other atoms or of unknown origin.
    """
    topology, text = solute_topology(prepared), io.StringIO()
    positions = prepared.positions_nm[prepared.solute] * unit.nanometer
    PDBFile.writeFile(topology, positions, text, keepIds=True)
    # OpenMM's first line holds the date: the same molecule is to give the same file.
    lines = [line for line in text.getvalue().splitlines(keepends=True) if not line.startswith("REMARK   1 CREATED")]
    content = "".join(lines).encode()
    there = path.read_bytes() if path.exists() else b""
    if there == content:
        return
    if there and _atom_columns(there.decode(errors="replace")) != _atom_columns("".join(lines)):
        raise InputError(f"{path} holds other atoms than {prepared.name}; use another folder")
    if there and not replaceable:
        raise InputError(f"{path} is there and not of this simulation; use another folder")
    write_atomically(path, content)


def _atom_columns(pdb: str) -> list[str]:
    """Take serials, names and numbers of the atoms of a PDB text, without coordinates."""
    return [line[:30] for line in pdb.splitlines() if line.startswith(("ATOM", "HETATM"))]
