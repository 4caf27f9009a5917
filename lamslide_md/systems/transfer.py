"""Constraints of a molecule without data of its own, from molecules that are made of the same parts."""

from collections.abc import Iterator, Sequence

import mdtraj as md
import numpy as np
from jaxtyping import Int
from mdtraj.core.topology import Atom

from lamslide_md.systems.candidate_pairs import MOST_LISTED, candidate_pairs, near_by_bonds
from lamslide_md.systems.constraints import CONTACT_NM, Centre, Constraints, centres_of
from lamslide_md.systems.residues import Part, part_of
from lamslide_md.systems.system import System

PairKey = tuple[int, Part, Part]
"""Residues from one to the other, and both atoms."""
CentreKey = tuple[Part, tuple[tuple[int, Part], ...]]
"""The centre, and of the three around it, in order, residues from it and atoms."""


def transferred(molecule: System, trained: Sequence[System]) -> Constraints:
    """Hold what holds wherever the same atoms of the same residues stand in the same order.

    Parameters
    ----------
    molecule
        That has none.
    trained
        Molecules with constraints.

    Returns
    -------
    Constraints
        A pair is rigid if it is so in all of them, within the widest range; pairs that none of them has are left free.
        Of a large molecule, or where large ones are known, that is so of pairs that bonds keep near each other; all
        others keep apart by the least distance that holds for any pair that is not rigid.
    """
    ranges: dict[PairKey, tuple[float, float]] = {}
    signs: dict[CentreKey, set[int]] = {}
    for system in trained:
        if system.topology is None:
            continue
        held = system.constraints
        atoms = list(system.topology.atoms)
        for (i, j), lower, upper in zip(held.pairs.tolist(), held.lower_nm, held.upper_nm, strict=True):
            key = _pair_key(atoms[i], atoms[j])
            known = ranges.get(key, (lower, upper))
            ranges[key] = min(known[0], lower), max(known[1], upper)
        for centre, sign in zip(held.centres, held.signs, strict=True):
            around, parity = _centre_key(system.topology, centre.tolist())
            signs.setdefault(around, set()).add(int(sign) * parity)
    if molecule.topology is None:
        return Constraints.none()
    n_points, bonds = molecule.entities.n_points, molecule.entities.bonds
    large = n_points > MOST_LISTED or any(system.constraints.contact_nm for system in trained)
    pairs = near_by_bonds(n_points, bonds) if large else candidate_pairs(n_points, bonds)
    atoms = list(molecule.topology.atoms)
    # What no contact may move apart must be listed, known or not.
    unknown = (0.0, np.inf) if large else (np.nan, np.nan)
    lower, upper = (
        np.array([ranges.get(_pair_key(atoms[i], atoms[j]), unknown) for i, j in pairs.tolist()], dtype=float)
        .reshape(-1, 2)
        .T
    )
    listed = ~np.isnan(lower)
    chirality = list(_chirality(molecule.topology, bonds, signs))
    return Constraints(
        pairs[listed],
        lower[listed],
        upper[listed],
        np.array([centre for centre, _ in chirality], dtype=int).reshape(-1, 4),
        np.array([sign for _, sign in chirality], dtype=int),
        _contact_nm(trained) if large else 0.0,
    )


def _contact_nm(trained: Sequence[System]) -> float:
    """Least distance by which any two atoms of any molecule keep apart; 0 if none is known."""
    lower_nm = [
        held.lower_nm[np.isinf(held.upper_nm) & (held.lower_nm > 0)] for held in (s.constraints for s in trained)
    ]
    known_nm = np.concatenate([*lower_nm, [s.constraints.contact_nm for s in trained if s.constraints.contact_nm]])
    return float(known_nm.min(initial=CONTACT_NM)) if len(known_nm) else 0.0


def _pair_key(one: Atom, other: Atom) -> PairKey:
    one, other = sorted((one, other), key=lambda atom: (atom.residue.index, atom.name))
    return other.residue.index - one.residue.index, part_of(one), part_of(other)


def _centre_key(topology: md.Topology, centre: Sequence[int]) -> tuple[CentreKey, int]:
    """Name a centre and what is around it, and tell whether the order of the names mirrors that of the indices."""
    middle, *around = (topology.atom(i) for i in centre)
    named = [(atom.residue.index - middle.residue.index, part_of(atom)) for atom in around]
    order = np.argsort([str(name) for name in named], kind="stable")
    parity = round(np.linalg.det(np.eye(3)[order]))
    return (part_of(middle), tuple(named[i] for i in order)), parity


def _chirality(
    topology: md.Topology, bonds: Int[np.ndarray, "bonds 2"], signs: dict[CentreKey, set[int]]
) -> Iterator[tuple[Centre, int]]:
    for centre in centres_of(bonds):
        key, parity = _centre_key(topology, centre)
        known = signs.get(key, set())
        if len(known) == 1:
            yield centre, next(iter(known)) * parity
