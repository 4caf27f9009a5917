"""Groups whose two halves the bond graph cannot tell apart."""

from collections.abc import Iterator
from itertools import combinations

import mdtraj as md
import numpy as np
from jaxtyping import Int

from lamslide_md.systems.symmetry import Group

Swaps = tuple[tuple[int, int], ...]


def groups_of(topology: md.Topology, bonds: Int[np.ndarray, "bonds 2"]) -> Iterator[Group]:
    """Find atoms with three neighbours, two of which begin halves that the bond graph cannot tell apart.

    Parameters
    ----------
    topology
        Names the elements.
    bonds
        Pairs of atoms.

    Yields
    ------
    Group
        Turned about the bond to the third neighbour.
    """
    around: list[list[int]] = [[] for _ in range(topology.n_atoms)]
    for one, other in np.asarray(bonds).tolist():
        around[one].append(other)
        around[other].append(one)
    what = [(atom.element.symbol if atom.element else atom.name) for atom in topology.atoms]
    around = [sorted(near, key=lambda index: (what[index] == "H", index)) for near in around]
    for middle, near in enumerate(around):
        if len(near) != 3:
            continue
        for one, other in combinations(sorted(near), 2):
            axis = next(index for index in near if index not in (one, other))
            before = [index for index in around[axis] if index != middle]
            swaps = _halves(middle, one, other, around, what)
            if before and swaps and not any(axis in pair for pair in swaps):
                yield Group((before[0], axis, middle, one), swaps)


def _halves(middle: int, one: int, other: int, around: list[list[int]], what: list[str]) -> Swaps:
    """Pair the atoms of two branches; none if they differ."""
    swaps, seen, front = [], {middle}, [(one, other)]
    while front:
        pair = front.pop()
        further = [sorted((what[i], len(around[i]), i) for i in around[end] if i not in {*seen, *pair}) for end in pair]
        alike = [[key[:2] for key in keys] for keys in further]
        if what[pair[0]] != what[pair[1]] or alike[0] != alike[1]:
            return ()
        seen |= set(pair)
        swaps.append(pair)
        # Where the halves of a ring meet, an atom stands for itself.
        front += [(a[2], b[2]) for a, b in zip(*further, strict=True) if a[2] != b[2]]
    return tuple(swaps)
