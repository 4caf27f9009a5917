"""What the bond graph of the heavy atoms tells without names: amides, double bonds, backbones of amino acids."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import mdtraj as md
import numpy as np
from jaxtyping import Bool, Float, Int

from lamslide_md.systems.bonds import BOND_TOLERANCE, bond_pairs, heavy_neighbours, in_small_ring, radii_of
from lamslide_md.systems.volumes import relative_volumes

DOUBLE_BONDS_NM = {"CC": 0.140, "CN": 0.132, "NN": 0.132}
"""Bonds shorter than this, by their elements, do not turn: half way between a double and a conjugated single bond."""
PLANAR = 0.35
"""Three bonds lie in a plane where the triple product of their directions is below this; it is 0.77 at sp3 carbon."""
LINEAR_RAD = np.deg2rad(170.0)
"""Beyond this mean bond angle a torsion is undefined (alkynes, nitriles) and left out."""


@dataclass(frozen=True)
class Skeleton:
    """Heavy atoms and their bonds, with a few frames (nm) to tell lengths and angles.

    `neighbours` are the heavy atoms bonded to each heavy atom, `elements` symbols, empty for what is no element.
    """

    topology: md.Topology
    positions_nm: Float[np.ndarray, "frames atoms 3"]
    bonds: Int[np.ndarray, "bonds 2"]
    heavy: Bool[np.ndarray, " atoms"]
    elements: tuple[str, ...]
    neighbours: list[list[int]]

    @classmethod
    def of(cls, topology: md.Topology, positions_nm: Float[np.ndarray, "frames atoms 3"]) -> "Skeleton":
        """Take the bonds of a topology or, where it has none, those by distance."""
        bonds = bond_pairs(topology, positions_nm)
        elements = tuple("" if atom.element is None else atom.element.symbol for atom in topology.atoms)
        heavy = np.array([symbol != "H" for symbol in elements])
        neighbours = heavy_neighbours(topology.n_atoms, bonds, heavy)
        return cls(topology, positions_nm, bonds, heavy, elements, neighbours)

    @cached_property
    def _radii_nm(self) -> np.ndarray:
        return radii_of(self.topology)

    @cached_property
    def alphas(self) -> dict[int, tuple[int, int]]:
        """Carbons between a nitrogen and a carbonyl group, with those two: C-alpha of amino acids of any name."""
        found = {}
        for atom, symbol in enumerate(self.elements):
            bonded = self.neighbours[atom]
            nitrogen = [other for other in bonded if self.elements[other] == "N"]
            # A planar one, or a carbonyl group in the same ring, is part of a nucleobase.
            if symbol != "C" or not nitrogen or (len(bonded) == 3 and self._is_planar(atom)):
                continue
            carbonyl = [
                other
                for other in bonded
                if self.is_carbonyl(other) and not in_small_ring(self.neighbours, (atom, other))
            ]
            if carbonyl and not self.is_carbonyl(atom):
                found[atom] = (nitrogen[0], carbonyl[0])
        return found

    def length_nm(self, one: int, other: int) -> float:
        """Mean distance of two atoms, nm."""
        return float(np.linalg.norm(self.positions_nm[:, one] - self.positions_nm[:, other], axis=-1).mean())

    def is_bonded(self, one: int, other: int) -> bool:
        """Tell whether two heavy atoms are bonded by the graph, or near enough to be."""
        if other in self.neighbours[one]:
            return True
        reach_nm = BOND_TOLERANCE * float(self._radii_nm[one] + self._radii_nm[other])
        return self.length_nm(one, other) < reach_nm

    def ends(self, atom: int, elements: str) -> list[int]:
        """Atoms of some elements that are bonded to this one and to no other heavy atom."""
        return [o for o in self.neighbours[atom] if self.elements[o] in elements and len(self.neighbours[o]) == 1]

    def is_carbonyl(self, atom: int) -> bool:
        """Tell whether an atom is a carbon, planar, with an oxygen or a sulphur at an end."""
        bonded = self.neighbours[atom]
        if self.elements[atom] != "C" or len(bonded) > 3 or not self.ends(atom, "OS"):
            return False
        # Of an aldehyde or a formyl group the third neighbour is a hydrogen.
        return (len(bonded) == 3 and self._is_planar(atom)) or (len(bonded) == 2 and self._is_short(atom))

    def is_amide(self, one: int, other: int) -> bool:
        """Tell whether a bond is that of an amide, C(=O)-N, or of a guanidinium group, C(N)(N)-N."""
        for carbon, nitrogen in ((one, other), (other, one)):
            if self.elements[carbon] == "C" and self.elements[nitrogen] == "N":
                three_nitrogens = [self.elements[atom] for atom in self.neighbours[carbon]] == ["N"] * 3
                if three_nitrogens or self.is_carbonyl(carbon):
                    return True
        return False

    def is_double(self, one: int, other: int) -> bool:
        """Tell from its length whether a bond is double."""
        limit_nm = DOUBLE_BONDS_NM.get("".join(sorted((self.elements[one], self.elements[other]))))
        return limit_nm is not None and self.length_nm(one, other) < limit_nm

    def is_linear(self, atoms: tuple[int, int, int, int]) -> bool:
        """Tell whether one of the two angles of a torsion is stretched out."""
        for ends in (atoms[:3], atoms[1:]):
            first, middle, last = (self.positions_nm[:, atom] for atom in ends)
            one, two = first - middle, last - middle
            cosine = (one * two).sum(-1) / (np.linalg.norm(one, axis=-1) * np.linalg.norm(two, axis=-1))
            if np.arccos(np.clip(cosine, -1.0, 1.0)).mean() > LINEAR_RAD:
                return True
        return False

    def turning_hydrogens(self) -> Iterator[tuple[int, int]]:
        """Bonds about which only hydrogens turn: methyl, amino, hydroxyl and like groups.

        Yields
        ------
        tuple
            The heavy atom within the molecule and the one with the hydrogens.
        """
        n_bonded = np.bincount(self.bonds.ravel(), minlength=self.topology.n_atoms)
        for one, other in self.bonds.tolist():
            for inner, outer in ((one, other), (other, one)):
                if self.neighbours[outer] == [inner] and n_bonded[outer] > 1 and len(self.neighbours[inner]) > 1:
                    yield inner, outer

    def _is_planar(self, atom: int) -> bool:
        volume = relative_volumes(self.positions_nm.astype(np.float64), np.array([[atom, *self.neighbours[atom]]]))
        return bool(abs(volume.mean()) < PLANAR)

    def _is_short(self, atom: int) -> bool:
        return any(self.length_nm(atom, end) < 0.131 for end in self.ends(atom, "O"))
