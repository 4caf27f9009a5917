"""Atoms matched by their labels: what is found, what is missing, what is there besides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from lamslide_md.systems.topologies import Label


@dataclass(frozen=True)
class LabelMatch:
    """What labels tell of two lists of atoms.

    Attributes
    ----------
    index
        For each wanted atom, its place among the others; -1 where it is missing.
    surplus
        Places of the others that are not wanted.
    """

    index: Int[np.ndarray, " wanted"]
    surplus: Int[np.ndarray, " surplus"]

    @property
    def missing(self) -> Int[np.ndarray, " missing"]:
        """Places of the wanted atoms that are not there."""
        return np.flatnonzero(self.index < 0)


def match_by_label(wanted: Sequence[Label], there: Sequence[Label]) -> LabelMatch:
    """Find atoms by residue and name among others, which may be more and have another order.

    Parameters
    ----------
    wanted
        Labels of the atoms that are looked for.
    there
        Labels of the others; those that stand there twice tell nothing, see `doubled`.

    Returns
    -------
    LabelMatch
        In the order of the wanted atoms.
    """
    places, names = {label: place for place, label in enumerate(there)}, set(wanted)
    surplus = [place for place, label in enumerate(there) if label not in names]
    return LabelMatch(np.array([places.get(label, -1) for label in wanted], dtype=int), np.array(surplus, dtype=int))


def doubled(labels: Sequence[Label]) -> list[Label]:
    """Find labels that more than one atom has, in the order of the first of each."""
    return [label for label, count in Counter(labels).items() if count > 1]
