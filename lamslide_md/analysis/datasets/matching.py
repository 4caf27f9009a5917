"""Which atoms two datasets share: by molecules, residues and names."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import mdtraj as md
import numpy as np
from mdtraj.core.topology import Atom, Residue

from lamslide_md.errors import InputError
from lamslide_md.systems.label_matching import doubled, match_by_label
from lamslide_md.systems.shared_residues import is_solvent_or_ion, shared_residues
from lamslide_md.systems.topologies import Label


def match_atoms(rollout: md.Topology, reference: md.Topology, name: str = "rollout") -> tuple[np.ndarray, np.ndarray]:
    """Match the atoms of two datasets by residue and atom name.

    Hydrogens may be missing in either; every heavy atom of a residue that both hold must be in both. Molecules and
    residues that only the reference holds are left out, as are solvent and ions that only the first dataset holds.

    Parameters
    ----------
    rollout
        Topology of the first dataset.
    reference
        Topology of the reference.
    name
        What to call the first dataset in messages.

    Returns
    -------
    tuple of np.ndarray
        Indices into the rollout's and into the reference's atoms, in the reference's order.

    Raises
    ------
    InputError
        If heavy atoms of one dataset are missing in the other (they are named), if residues differ, or if names are not
        unique and the atoms cannot be matched by order either.
    """
    residues = shared_residues(rollout, reference, name)
    own_atoms, their_atoms = list(rollout.atoms), list(reference.atoms)
    if residues is None:
        _check_residues(rollout, reference, name)
    else:
        kept = set(residues.values())
        own_atoms = [atom for atom in own_atoms if atom.residue.index in residues]
        their_atoms = [atom for atom in their_atoms if atom.residue.index in kept]
    labels, their_labels = _labels(own_atoms, reference, residues), _labels(their_atoms, reference)
    if doubled(labels) or doubled(their_labels):
        return _match_by_order(own_atoms, their_atoms, name)
    found = match_by_label(their_labels, labels)
    missing = _heavy([their_atoms[i] for i in found.missing]), _heavy([own_atoms[i] for i in found.surplus])
    if missing[0] or missing[1]:
        raise InputError(
            f"atoms of {name} ({rollout.n_atoms}) and reference ({reference.n_atoms}) do not match; only in the "
            f"reference: {_listed(missing[0])}; only in the {name}: {_listed(missing[1])}. Cut both alike"
        )
    pairs = [(own_atoms[j].index, atom.index) for j, atom in zip(found.index, their_atoms, strict=True) if j >= 0]
    return np.array([pair[0] for pair in pairs], dtype=int), np.array([pair[1] for pair in pairs], dtype=int)


def _labels(atoms: Sequence[Atom], reference: md.Topology, residues: Mapping[int, int] | None = None) -> list[Label]:
    """Label atoms by the reference's residue: two files may call a residue differently, as HIS and HIE."""
    names = {residue.index: residue.name for residue in reference.residues}
    labels = []
    for atom in atoms:
        index = atom.residue.index if residues is None else residues[atom.residue.index]
        labels.append((index, names.get(index, atom.residue.name), atom.name))
    return labels


def _check_residues(rollout: md.Topology, reference: md.Topology, name: str) -> None:
    for one, other in zip(rollout.residues, reference.residues, strict=False):
        if one.code is not None and other.code is not None and one.code != other.code:
            raise InputError(
                f"residue {one.index} is {one.name} in the {name} and {other.name} in the reference: not the same "
                "molecule"
            )


def _match_by_order(own: Sequence[Atom], theirs: Sequence[Atom], name: str) -> tuple[np.ndarray, np.ndarray]:
    if [atom.element for atom in own] != [atom.element for atom in theirs]:
        raise InputError(
            f"atom names repeat within a residue, and {name} ({len(own)} atoms) and reference "
            f"({len(theirs)} atoms) differ in number or order of elements: give atoms distinct names"
        )
    return np.array([atom.index for atom in own]), np.array([atom.index for atom in theirs])


def _heavy(missing: Sequence[Atom]) -> list[str]:
    heavy = [atom for atom in missing if atom.element != md.element.hydrogen]
    # Solvent may be missing: where other atoms are, too, it is not the cause.
    solute = [atom for atom in heavy if not is_solvent_or_ion(atom.residue)]
    return [str(atom) for atom in solute or heavy]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"


def left_out_note(residues: Iterable[Residue], whose: str) -> str | None:
    """Say which residues are not compared, by kind.

    Parameters
    ----------
    residues
        Those left out.
    whose
        Dataset that holds them.

    Returns
    -------
    str or None
        A sentence, or None where there are none.
    """
    counts = Counter("water" if residue.is_water else residue.name for residue in residues)
    listed = ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))
    return f"left out are residues that only the {whose} holds: {listed}" if counts else None
