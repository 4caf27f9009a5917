"""Constraints of a molecule without data of its own, from molecules that are made of the same parts."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import mdtraj as md
import numpy as np
from jaxtyping import Int

from lamslide_md.systems.constraints import Centre, Constraints, centres_of
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
    """
    ranges: dict[PairKey, tuple[float, float]] = {}
    signs: dict[CentreKey, set[int]] = {}
    for system in trained:
        if system.topology is None:
            continue
        held = system.constraints
        for pair, lower, upper in zip(held.pairs, held.lower_nm, held.upper_nm, strict=True):
            key = _pair_key(system.topology, *pair.tolist())
            known = ranges.get(key, (lower, upper))
            ranges[key] = min(known[0], lower), max(known[1], upper)
        for centre, sign in zip(held.centres, held.signs, strict=True):
            around, parity = _centre_key(system.topology, centre.tolist())
            signs.setdefault(around, set()).add(int(sign) * parity)
    if molecule.topology is None:
        return Constraints.none()
    pairs = combinations(range(molecule.entities.n_points), 2)
    found = [(pair, ranges[key]) for pair in pairs if (key := _pair_key(molecule.topology, *pair)) in ranges]
    chirality = list(_chirality(molecule.topology, molecule.entities.bonds, signs))
    return Constraints(
        np.array([pair for pair, _ in found], dtype=int).reshape(-1, 2),
        np.array([lower for _, (lower, _) in found]),
        np.array([upper for _, (_, upper) in found]),
        np.array([centre for centre, _ in chirality], dtype=int).reshape(-1, 4),
        np.array([sign for _, sign in chirality], dtype=int),
    )


def _pair_key(topology: md.Topology, i: int, j: int) -> PairKey:
    one, other = sorted((topology.atom(i), topology.atom(j)), key=lambda atom: (atom.residue.index, atom.name))
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
