"""What is simulated: atoms with bonds and positions, before any force field."""

from dataclasses import dataclass

import numpy as np
from openmm.app import Topology

from lamslide_md.errors import InputError
from lamslide_md.systems.volumes import PEPTIDE_CENTRE, signed_volumes


@dataclass(frozen=True)
class Molecule:
    """Atoms, bonds and positions of the solute, hydrogens included.

    Attributes
    ----------
    name
        Short name for folders and messages.
    topology
        OpenMM topology.
    positions_nm
        Positions in nm, shape (atoms, 3).
    notes
        What was changed when it was read or built, for the manifest.
    """

    name: str
    topology: Topology
    positions_nm: np.ndarray
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n_atoms = self.topology.getNumAtoms()
        if self.positions_nm.shape != (n_atoms, 3) or not np.isfinite(self.positions_nm).all():
            raise InputError(
                f"{self.name}: positions of shape {self.positions_nm.shape} do not fit {n_atoms} atoms, or are not "
                "finite"
            )


def chiral_volumes(topology: Topology, positions_nm: np.ndarray) -> dict[str, float]:
    """Signed volume N-Cα · (C-Cα × Cβ-Cα) of every residue that has a Cβ; positive for L amino acids.

    Parameters
    ----------
    topology
        Atoms by name.
    positions_nm
        Positions in nm, shape (atoms, 3).

    Returns
    -------
    dict
        Volume in nm³ by residue, such as "ALA2".
    """
    centres = {}
    for residue in topology.residues():
        at = {atom.name: atom.index for atom in residue.atoms()}
        if at.keys() >= set(PEPTIDE_CENTRE):
            centres[f"{residue.name}{residue.id}"] = [at[name] for name in PEPTIDE_CENTRE]
    volumes, _ = signed_volumes(positions_nm[None], np.array(list(centres.values()), dtype=int).reshape(-1, 4))
    return dict(zip(centres, volumes[0].tolist(), strict=True))


def check_chirality(name: str, topology: Topology, positions_nm: np.ndarray) -> None:
    """Refuse a structure with a residue that is no L amino acid.

    Parameters
    ----------
    name
        Name for the message.
    topology
        Atoms by name.
    positions_nm
        Positions in nm, shape (atoms, 3).

    Raises
    ------
    InputError
        If a Cα is flat or of D chirality.
    """
    wrong = [residue for residue, volume in chiral_volumes(topology, positions_nm).items() if volume <= 0]
    if wrong:
        raise InputError(f"{name}: {', '.join(wrong)} is not an L amino acid; mend the structure")
