"""Clashes: heavy atoms that overlap though nothing binds them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from lamslide_md.systems.bonds import far_pairs, within_bonds
from lamslide_md.systems.neighbours import close_pairs

CLASH_NM = 0.22
MAX_LISTED_ATOMS = 60
"""Of more heavy atoms not all pairs are listed: those that are near in space are looked up in the bonds."""


@dataclass(frozen=True)
class ClashRules:
    """Heavy atoms, and which of their pairs may clash: those at least three bonds apart.

    `listed` (pairs, 2) holds these of a small molecule. For a large one it is None, and `bonded` holds the others: keys
    first * number of atoms + second of the pairs at most two bonds apart, rising, the lower atom first.
    """

    heavy: Int[np.ndarray, " heavy"]
    n_atoms: int
    listed: Int[np.ndarray, "pairs 2"] | None
    bonded: Int[np.ndarray, " bonded"]


def learn_clashes(n_atoms: int, bonds: Int[np.ndarray, "bonds 2"], heavy: Bool[np.ndarray, " atoms"]) -> ClashRules:
    """Find which pairs of heavy atoms may clash.

    Parameters
    ----------
    n_atoms
        Number of atoms.
    bonds
        Bonded pairs.
    heavy
        Atoms that are not hydrogen.

    Returns
    -------
    ClashRules
        Of a size that grows with the atoms, not with their pairs.
    """
    chosen = np.flatnonzero(heavy)
    if len(chosen) <= MAX_LISTED_ATOMS:
        return ClashRules(chosen, n_atoms, far_pairs(n_atoms, bonds, heavy), np.zeros(0, dtype=int))
    first, second = within_bonds(n_atoms, bonds, 2).nonzero()
    lower = first < second
    keys = first[lower].astype(np.int64) * n_atoms + second[lower]
    return ClashRules(chosen, n_atoms, None, np.unique(keys))


def has_clash(rules: ClashRules, positions_nm: Float[np.ndarray, "frames atoms 3"]) -> Bool[np.ndarray, " frames"]:
    """Tell which frames have two heavy atoms, at least three bonds apart, below 0.22 nm.

    Parameters
    ----------
    rules
        Which pairs may clash.
    positions_nm
        Frames, nm.

    Returns
    -------
    np.ndarray
        One entry per frame.
    """
    clash = np.zeros(len(positions_nm), dtype=bool)
    if rules.listed is None:
        for frames, pairs in close_pairs(positions_nm[:, rules.heavy], CLASH_NM):
            atoms = rules.heavy[pairs]
            far = ~np.isin(atoms[:, 0] * rules.n_atoms + atoms[:, 1], rules.bonded)
            clash[frames[far]] = True
        return clash
    # One atom at a time: all pairs at once would need gigabytes for a long trajectory.
    for atom in np.unique(rules.listed[:, 0]):
        partners = rules.listed[rules.listed[:, 0] == atom, 1]
        squared = ((positions_nm[:, partners] - positions_nm[:, atom : atom + 1]) ** 2).sum(axis=-1)
        clash |= (squared < CLASH_NM**2).any(axis=1)
    return clash
