"""ASE atoms matched with the atoms of a model, by residue and name, or else by the bond graph."""

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import mdtraj as md
import numpy as np
from ase import Atoms
from jaxtyping import Float, Int
from scipy.spatial import cKDTree

from lamslide_md.errors import InputError
from lamslide_md.io.ase_atoms import NM_PER_ANGSTROM, topology_from_ase
from lamslide_md.io.imaging import Imager
from lamslide_md.sampling.sampler import Sampler
from lamslide_md.systems.label_matching import doubled, match_by_label
from lamslide_md.systems.matching import match_graph, tell_renamed
from lamslide_md.systems.screening import check_finite
from lamslide_md.systems.system import System
from lamslide_md.systems.topologies import Label, labels_digest, labels_of, listed, named

NAME = "the atoms"

NAMELESS = (
    f"{NAME} have no names to match with the model's; read them from a PDB file, or set them: "
    "atoms.set_array('atomtypes', names), likewise 'residuenames' and 'residuenumbers'"
)


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
            If a position is no number.
        """
        return _whole(atoms, self.index, self.system.topology).xyz[0]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able content, by which the same atoms are known again where a format drops their names."""
        return {"labels": labels_digest(self.system.labels()), "index": self.index.tolist()}


def match_atoms(atoms: Atoms, surrogate: Sampler) -> Match:
    """Find the atoms of a model among ASE atoms.

    Parameters
    ----------
    atoms
        In any order, with the names and residues that ASE reads from a PDB file, or without.
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
        of several molecules cannot take this one either, or they fit in several ways, it says why.
    """
    if not atoms.has("atomtypes"):
        return _remembered(atoms, surrogate) or _by_bonds(atoms, surrogate, NAMELESS)
    labels, order = _labels(atoms), _order(atoms)
    if twice := doubled(labels):
        reason = f"{NAME} hold {named(twice[0])} twice; give each atom of a residue a name of its own"
        return _by_bonds(atoms, surrogate, reason)
    complaints = []
    for system in surrogate.systems:
        wanted = system.labels()
        found = match_by_label(wanted, labels)
        missing = [wanted[i] for i in found.missing]
        surplus = [labels[i] for i in found.surplus if atoms.numbers[order[i]] != 1]
        if not missing and not surplus:
            return Match(system, order[found.index])
        complaints.append((bool(missing), _complaint(missing, surplus, len(wanted), len(atoms))))
    # Where a system is there with atoms beside it, that is what is wrong: it is not another molecule.
    lacking, complaint = min(complaints, key=itemgetter(0))
    if not lacking:
        raise InputError(complaint)
    if len(surrogate.systems) > 1 and _graph_match(atoms, surrogate) is None:
        return _unseen(atoms, surrogate)
    return _by_bonds(atoms, surrogate, complaint)


def _by_bonds(atoms: Atoms, surrogate: Sampler, reason: str) -> Match:
    """Match by elements and bonds where names do not fit, or refuse for that reason."""
    match = _graph_match(atoms, surrogate)
    if match is None:
        nearest_A = np.median(cKDTree(atoms.positions).query(atoms.positions, k=2)[0][:, 1]) if len(atoms) > 1 else 1.0
        unit = "" if 0.7 < nearest_A < 2.0 else f" (the nearest atoms are {nearest_A:.3g} apart: are positions in Å?)"
        raise InputError(f"{reason}; nor are their elements and bonds those of the model{unit}")
    others = np.setdiff1d(np.flatnonzero(atoms.numbers != 1), match.index)
    if len(others):
        raise InputError(
            f"{NAME} hold {len(others)} besides the {len(match.index)} of the model that are no hydrogens, such as "
            f"atom {others[0]} ({atoms.symbols[others[0]]}); leave them out"
        )
    tell_renamed(match.system.molecule_wanted().topology, topology_from_ase(atoms), match.index, NAME)
    return match


def _graph_match(atoms: Atoms, surrogate: Sampler) -> Match | None:
    frame = _whole(atoms, np.arange(len(atoms)), topology_from_ase(atoms))
    found = ((system, match_graph(system.molecule_wanted(), frame, NAME)) for system in surrogate.systems)
    return next((Match(system, index) for system, index in found if index is not None), None)


def _whole(atoms: Atoms, index: Int[np.ndarray, " points"], topology: md.Topology | None) -> md.Trajectory:
    """Positions of some of the atoms, nm, made whole."""
    frame = md.Trajectory(atoms.positions[index] * NM_PER_ANGSTROM, topology)
    check_finite(frame, NAME)
    if atoms.pbc.all() and topology is not None:
        cells = np.array(atoms.cell)[None] * NM_PER_ANGSTROM
        Imager(topology, NAME).image(frame.xyz, cells, np.ones(len(index), dtype=bool))
    return frame


def _unseen(atoms: Atoms, surrogate: Sampler) -> Match:
    """Match a molecule that a model of several others has never seen."""
    order = _order(atoms)
    topology = topology_from_ase(atoms[order])
    system = surrogate.resolver.of_molecule(md.Trajectory(atoms.positions[order] * NM_PER_ANGSTROM, topology))
    return Match(system, order[match_by_label(system.labels(), _labels(atoms)).index])


def _order(atoms: Atoms) -> Int[np.ndarray, " atoms"]:
    """Atoms by residue number, where those of residues are mixed."""
    return np.argsort(atoms.arrays.get("residuenumbers", np.ones(len(atoms), dtype=int)), kind="stable")


def _labels(atoms: Atoms) -> list[Label]:
    """Labels of atoms in that order."""
    return labels_of(topology_from_ase(atoms[_order(atoms)]))


def _remembered(atoms: Atoms, surrogate: Sampler) -> Match | None:
    """Match by what an earlier run has left in the info of its frames."""
    kept = atoms.info.get("lamslide", {}).get("atoms", {})
    for system in surrogate.systems:
        index = np.array(kept.get("index", []), dtype=int)
        if system.topology is None or kept.get("labels") != labels_digest(system.labels()) or index.max() >= len(atoms):
            continue
        if list(atoms.numbers[index]) == [atom.element.atomic_number for atom in system.topology.atoms]:
            return Match(system, index)
    return None


def _complaint(missing: list[Label], surplus: list[Label], n_model: int, n_atoms: int) -> str:
    parts = []
    for labels, what in ((missing, "lack"), (surplus, "have beside those")):
        if labels:
            parts.append(f"{what} {listed([named(label) for label in labels])}")
    return (
        f"{NAME} ({n_atoms}) do not match the {n_model} of the model: they {' and '.join(parts)}; is it another "
        "molecule, or are its atoms or residues named otherwise?"
    )
