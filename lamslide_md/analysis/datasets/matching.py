"""Which atoms two datasets share: by molecules, residues and names."""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Sequence

import mdtraj as md
import numpy as np
from mdtraj.core.topology import Atom, Residue

from lamslide_md.errors import InputError

Key = tuple[int, str]
"""Index of a residue of the reference and name of an atom."""


def atom_keys(topology: md.Topology) -> list[Key]:
    """Give residue and name of every atom."""
    return [(atom.residue.index, atom.name) for atom in topology.atoms]


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
    if residues is None:
        _check_residues(rollout, reference, name)
        own_atoms, their_atoms = list(rollout.atoms), list(reference.atoms)
        keys, their_keys = atom_keys(rollout), atom_keys(reference)
    else:
        own_atoms = [atom for atom in rollout.atoms if atom.residue.index in residues]
        kept = set(residues.values())
        their_atoms = [atom for atom in reference.atoms if atom.residue.index in kept]
        keys = [(residues[atom.residue.index], atom.name) for atom in own_atoms]
        their_keys = [(atom.residue.index, atom.name) for atom in their_atoms]
    if len(set(keys)) < len(keys) or len(set(their_keys)) < len(their_keys):
        return _match_by_order(own_atoms, their_atoms, name)
    missing = _missing_heavy(their_atoms, their_keys, set(keys)), _missing_heavy(own_atoms, keys, set(their_keys))
    if missing[0] or missing[1]:
        raise InputError(
            f"atoms of {name} ({rollout.n_atoms}) and reference ({reference.n_atoms}) do not match; only in the "
            f"reference: {_listed(missing[0])}; only in the {name}: {_listed(missing[1])}. Cut both alike"
        )
    own = {key: atom.index for key, atom in zip(keys, own_atoms, strict=True)}
    pairs = [(own[key], atom.index) for key, atom in zip(their_keys, their_atoms, strict=True) if key in own]
    return np.array([pair[0] for pair in pairs], dtype=int), np.array([pair[1] for pair in pairs], dtype=int)


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


def _missing_heavy(atoms: Sequence[Atom], keys: Sequence[Key], others: set[Key]) -> list[str]:
    missing = [a for a, key in zip(atoms, keys, strict=True) if key not in others and a.element != md.element.hydrogen]
    # Solvent may be missing: where other atoms are, too, it is not the cause.
    solute = [atom for atom in missing if not is_solvent_or_ion(atom.residue)]
    return [str(atom) for atom in solute or missing]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"


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
    places = _Places(reference)
    for molecule in molecules(rollout):
        start = places.take([own[index] for index in molecule], name)
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


class _Places:
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
