"""Which residues two topologies share: their molecules, found by the sequence of residues."""

from collections import Counter, defaultdict, deque
from collections.abc import Sequence

import mdtraj as md
import numpy as np
from mdtraj.core.topology import Residue

from lamslide_md.errors import InputError


def shared_residues(rollout: md.Topology, reference: md.Topology, name: str = "rollout") -> dict[int, int] | None:
    """Find the molecules of the rollout among those of the reference.

    A molecule is found by the sequence of its residues, wherever it stands; of several copies, the first that is left.
    Solvent and ions that the reference lacks are left out.

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
    dict or None
        Index of the reference's residue for each residue of the rollout that is shared; None if a molecule of the
        rollout is not among those of the reference.

    Raises
    ------
    InputError
        If a molecule of the rollout fits to several parts of larger ones in the reference.
    """
    own, theirs = list(rollout.residues), list(reference.residues)
    if len(own) == len(theirs) and all(_same_code(*pair) for pair in zip(own, theirs, strict=True)):
        return {index: index for index in range(len(own))}
    shared: dict[int, int] = {}
    free = _FreeResidues(reference)
    for molecule in molecules(rollout):
        start = free.take([own[index] for index in molecule], name)
        if start is not None:
            shared |= {index: start + offset for offset, index in enumerate(molecule)}
        elif not all(is_solvent_or_ion(own[index]) for index in molecule):
            return None
    return shared if any(not is_solvent_or_ion(own[index]) for index in shared) else None


def molecules(topology: md.Topology) -> list[list[int]]:
    """Group residues to molecules: consecutive ones that bonds join.

    Where the topology has no bonds, those of a chain, but for solvent and ions.
    """
    joined: set[frozenset[int]] = {frozenset((one.residue.index, other.residue.index)) for one, other in topology.bonds}
    groups: list[list[int]] = []
    for chain in topology.chains:
        residues, last = list(chain.residues), None
        for residue in residues:
            by_bond = last is not None and frozenset((last.index, residue.index)) in joined
            alone = last is None or is_solvent_or_ion(residue) or is_solvent_or_ion(last)
            if by_bond or (topology.n_bonds == 0 and not alone):
                groups[-1].append(residue.index)
            else:
                groups.append([residue.index])
            last = residue
    return groups


def is_solvent_or_ion(residue: Residue) -> bool:
    """Tell whether a residue is water, or a single atom."""
    return bool(residue.is_water) or residue.n_atoms == 1


class _FreeResidues:
    """Residues of the reference that are not yet given to a molecule."""

    def __init__(self, reference: md.Topology) -> None:
        self._residues = list(reference.residues)
        self._free = [True] * len(self._residues)
        self._starts: dict[object, deque[int]] = defaultdict(deque)
        for index, residue in enumerate(self._residues):
            self._starts[_kind(residue)].append(index)
        ends = np.array([[a.residue.index, b.residue.index] for a, b in reference.bonds], dtype=int).reshape(-1, 2)
        self._next_to: dict[int, set[int]] = defaultdict(set)
        for one, other in ends[ends[:, 0] != ends[:, 1]].tolist():
            self._next_to[one].add(other)
            self._next_to[other].add(one)

    def take(self, molecule: Sequence[Residue], name: str) -> int | None:
        """Find a molecule, whole or as part of a larger one, and take it; None where it is not there."""
        kinds = [_kind(residue) for residue in molecule]
        starts = self._starts[kinds[0]]
        if len(molecule) == 1 and is_solvent_or_ion(molecule[0]):
            while starts:
                start = starts.popleft()
                if self._free[start]:
                    self._free[start] = False
                    return start
            return None
        found = [start for start in starts if self._fits(start, kinds)]
        whole = [start for start in found if self._is_whole(start, len(kinds))]
        if len(found) > 1 and not whole:
            raise InputError(
                f"the {len(molecule)} residues of the {name} from {molecule[0]} on are found {len(found)} times within "
                f"larger molecules of the reference, first at {self._residues[found[0]]} and "
                f"{self._residues[found[1]]}: cut the reference to those that are meant"
            )
        if not found:
            return None
        start = (whole or found)[0]
        self._free[start : start + len(kinds)] = [False] * len(kinds)
        return start

    def _fits(self, start: int, kinds: Sequence[object]) -> bool:
        span = range(start, start + len(kinds))
        if span.stop > len(self._residues):
            return False
        return all(self._free[i] and _kind(self._residues[i]) == kind for i, kind in zip(span, kinds, strict=True))

    def _is_whole(self, start: int, n_residues: int) -> bool:
        inside = set(range(start, start + n_residues))
        return all(self._next_to[index] <= inside for index in inside)


def _same_code(one: Residue, other: Residue) -> bool:
    return one.code is None or other.code is None or one.code == other.code


def _kind(residue: Residue) -> object:
    """Amino acids by their letter, whatever their state; others by the names of their heavy atoms."""
    if residue.is_water:
        return "water"
    if residue.code is not None:
        return residue.code, residue.is_protein
    heavy = (atom.name for atom in residue.atoms if atom.element is None or atom.element.symbol != "H")
    return frozenset(Counter(heavy).items())
