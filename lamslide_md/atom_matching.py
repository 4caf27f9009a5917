"""ASE atoms matched with the atoms of a model, by residue and name."""

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import mdtraj as md
import numpy as np
from ase import Atoms
from jaxtyping import Float, Int

from lamslide_md.data.ase_atoms import NM_PER_ANGSTROM, topology_from_ase
from lamslide_md.data.imaging import Imager
from lamslide_md.data.screening import check_bonds, check_finite
from lamslide_md.data.systems import System
from lamslide_md.data.topologies import Label, labels_digest, labels_of
from lamslide_md.errors import InputError
from lamslide_md.surrogate import Surrogate

NAME = "the atoms"


@dataclass(frozen=True)
class Match:
    """Which atoms a model moves.

    Attributes
    ----------
    system
        What the model knows.
    index
        For each atom of the system, its index among the ASE atoms.
    """

    system: System
    index: Int[np.ndarray, " points"]

    def points_nm(self, atoms: Atoms) -> Float[np.ndarray, "points dim"]:
        """Positions in the system's order, nm.

        Parameters
        ----------
        atoms
            The matched atoms, at any positions; cut by a periodic box they are made whole.

        Returns
        -------
        np.ndarray
            Positions.

        Raises
        ------
        InputError
            If a position is no number, or a bond is none.
        """
        frame = md.Trajectory(atoms.positions[self.index] * NM_PER_ANGSTROM, self.system.topology)
        if atoms.pbc.all():
            frame.unitcell_vectors = np.array(atoms.cell)[None] * NM_PER_ANGSTROM
        check_finite(frame, NAME)
        Imager(self.system.topology, NAME).put_together(frame, np.ones(len(self.index), dtype=bool))
        check_bonds(frame, NAME)
        return frame.xyz[0]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able content, by which the same atoms are known again where a format drops their names."""
        return {"labels": labels_digest(self.system.labels()), "index": self.index.tolist()}


def match_atoms(atoms: Atoms, surrogate: Surrogate) -> Match:
    """Find the atoms of a model among ASE atoms.

    Parameters
    ----------
    atoms
        With the names and residues that ASE reads from a PDB file, in any order.
    surrogate
        The model.

    Returns
    -------
    Match
        Atoms beside the system's are hydrogens that the model leaves out.

    Raises
    ------
    InputError
        If no system of the model has these atoms, the message names those that are missing or too many; if a model
        of several molecules cannot take this one either, it says why.
    """
    if not atoms.has("atomtypes"):
        known = _remembered(atoms, surrogate)
        if known is not None:
            return known
        raise InputError(
            f"{NAME} have no names to match with the model's; read them from a PDB file, or set them: "
            "atoms.set_array('atomtypes', names), likewise 'residuenames' and 'residuenumbers'"
        )
    there = _labels(atoms)
    complaints = []
    for system in surrogate.systems:
        wanted = system.labels()
        missing = [label for label in wanted if label not in there]
        of_model = set(wanted)
        surplus = [label for label, i in there.items() if label not in of_model and atoms.numbers[i] != 1]
        if not missing and not surplus:
            return Match(system, np.array([there[label] for label in wanted]))
        complaints.append((bool(missing), _complaint(missing, surplus, len(wanted), len(atoms))))
    # Where a system is there with atoms beside it, that is what is wrong: it is not another molecule.
    lacking, complaint = min(complaints, key=itemgetter(0))
    if lacking and len(surrogate.systems) > 1:
        return _unseen(atoms, surrogate, there)
    raise InputError(complaint)


def _unseen(atoms: Atoms, surrogate: Surrogate, there: dict[Label, int]) -> Match:
    """Match a molecule that a model of several others has never seen."""
    order = list(there.values())
    topology = topology_from_ase(atoms[order])
    system = surrogate.repertoire.of_molecule(md.Trajectory(atoms.positions[order] * NM_PER_ANGSTROM, topology))
    return Match(system, np.array([there[label] for label in system.labels()]))


def _labels(atoms: Atoms) -> dict[Label, int]:
    """Labels of ASE atoms, counted by residue number where the atoms of residues are mixed, and their indices."""
    numbers = atoms.arrays.get("residuenumbers", np.ones(len(atoms), dtype=int))
    order = np.argsort(numbers, kind="stable")
    labels = labels_of(topology_from_ase(atoms[order]))
    if len(set(labels)) < len(labels):
        twice = next(label for i, label in enumerate(labels) if label in labels[:i])
        raise InputError(f"{NAME} hold {_named(twice)} twice; give each atom of a residue a name of its own")
    return {label: int(i) for label, i in zip(labels, order, strict=True)}


def _remembered(atoms: Atoms, surrogate: Surrogate) -> Match | None:
    """Match by what an earlier run has left in the info of its frames."""
    told = atoms.info.get("lamslide", {}).get("atoms", {})
    for system in surrogate.systems:
        index = np.array(told.get("index", []), dtype=int)
        if system.topology is None or told.get("labels") != labels_digest(system.labels()) or index.max() >= len(atoms):
            continue
        if list(atoms.numbers[index]) == [atom.element.atomic_number for atom in system.topology.atoms]:
            return Match(system, index)
    return None


def _complaint(missing: list[Label], surplus: list[Label], n_model: int, n_atoms: int) -> str:
    parts = []
    for labels, what in ((missing, "lack"), (surplus, "have beside those")):
        if labels:
            listed = ", ".join(map(_named, labels[:5])) + (", ..." if labels[5:] else "")
            parts.append(f"{what} {listed}")
    return (
        f"{NAME} ({n_atoms}) do not match the {n_model} of the model: they {' and '.join(parts)}; is it another "
        "molecule, or are its atoms or residues named otherwise?"
    )


def _named(label: Label) -> str:
    index, residue, atom = label
    return f"{residue}{index + 1}-{atom}"
