"""`Entities`: which entity and slot each atom or point belongs to, and what is known of it besides its place."""

from collections import defaultdict
from dataclasses import dataclass, replace

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int, Shaped

from lamslide_md.data.slots import N_SLOTS
from lamslide_md.errors import InputError
from lamslide_md.systems.residue_atoms import entities_of
from lamslide_md.systems.topologies import residue_indices


@dataclass(frozen=True)
class Entities:
    """A fixed assignment of points (atoms, particles, people) to slots of entities.

    Attributes
    ----------
    entity_of_point, slot_of_point
        Where each point goes; no two points share a slot.
    kinds
        Categorical features of each entity: indices into the vocabularies, one column each.
    vocabularies
        Names of the kinds, one tuple for each column.
    bonds
        Pairs of points; empty where there is no chemistry.
    n_slots, dim
        Slots of an entity and dimensions of space.
    """

    entity_of_point: Int[np.ndarray, " points"]
    slot_of_point: Int[np.ndarray, " points"]
    kinds: Int[np.ndarray, "entities columns"]
    vocabularies: tuple[tuple[str, ...], ...]
    bonds: Int[np.ndarray, "bonds 2"]
    n_slots: int
    dim: int

    @classmethod
    def per_atom(cls, topology: md.Topology) -> "Entities":
        """Make every atom an entity of one slot; its kinds are its element, its name and its residue's name."""
        columns = zip(*((atom.element.symbol, atom.name, atom.residue.name) for atom in topology.atoms), strict=True)
        kinds, vocabularies = _encode(list(columns))
        n_atoms = topology.n_atoms
        return cls(
            np.arange(n_atoms), np.zeros(n_atoms, dtype=int), kinds, vocabularies, _bonds_of(topology), n_slots=1, dim=3
        )

    @classmethod
    def per_residue(
        cls, topology: md.Topology, positions_nm: Float[np.ndarray, "points 3"] | None = None
    ) -> "Entities":
        """Make every residue an entity with one slot for each atom; its kind is its name.

        What is no standard residue is one entity too, or several where it is larger than those.

        Parameters
        ----------
        topology
            With all bonds.
        positions_nm
            Of one frame, by which three atoms on a line are not taken for a frame of reference; None: not known.

        Returns
        -------
        Entities
            Slots of standard residues are the same in all systems, `N_SLOTS` of heavy atoms.
        """
        bonds, inner = _bonds_of(topology), defaultdict[int, list[tuple[int, int]]](list)
        residue = residue_indices(topology)
        for one, other in bonds[residue[bonds[:, 0]] == residue[bonds[:, 1]]].tolist():
            inner[residue[one]].append((one, other))
        parts = [part for r in topology.residues for part in entities_of(r, inner[r.index], positions_nm)]
        kinds, vocabularies = _encode([tuple(kind for kind, _ in parts)])
        entity, slot = np.zeros((2, topology.n_atoms), dtype=int)
        for i, (_, own) in enumerate(parts):
            for place, atom in enumerate(own):
                if atom is not None:
                    entity[atom], slot[atom] = i, place
        n_slots = max(N_SLOTS, int(slot.max()) + 1)
        return cls(entity, slot, kinds, vocabularies, bonds, n_slots, dim=3)

    @classmethod
    def points(cls, kinds: list[str] | tuple[str, ...], dim: int) -> "Entities":
        """Make entities of points without chemistry.

        Parameters
        ----------
        kinds
            Kind of each point, such as the sign of its charge.
        dim
            Dimensions of space, 2 or 3.

        Returns
        -------
        Entities
            One slot for each point, no bonds.
        """
        encoded, vocabularies = _encode([tuple(kinds)])
        n = len(kinds)
        no_bonds = np.empty((0, 2), dtype=int)
        return cls(np.arange(n), np.zeros(n, dtype=int), encoded, vocabularies, no_bonds, n_slots=1, dim=dim)

    @property
    def n_entities(self) -> int:
        """Number of entities."""
        return len(self.kinds)

    @property
    def n_points(self) -> int:
        """Number of points (atoms, particles, people)."""
        return len(self.entity_of_point)

    @property
    def places(self) -> Int[np.ndarray, " points"]:
        """Where each point is among the slots of all entities, one entity after another."""
        return self.entity_of_point * self.n_slots + self.slot_of_point

    @property
    def slot_mask(self) -> np.ndarray:
        """True where a slot is filled, shape (entities, slots)."""
        mask = np.zeros((self.n_entities, self.n_slots), dtype=bool)
        mask[self.entity_of_point, self.slot_of_point] = True
        return mask

    def to_entities(
        self, points: Shaped[np.ndarray, "*frames points dim"]
    ) -> Shaped[np.ndarray, "*frames ent slots dim"]:
        """Put the coordinates of points into slots; empty slots are zero."""
        if points.shape[-2:] != (self.n_points, self.dim):
            raise InputError(
                f"coordinates have {points.shape[-2]} points in {points.shape[-1]} dimensions; "
                f"the entities are {self.n_points} points in {self.dim} dimensions"
            )
        out = np.zeros((*points.shape[:-2], self.n_entities, self.n_slots, self.dim), dtype=points.dtype)
        out[..., self.entity_of_point, self.slot_of_point, :] = points
        return out

    def to_points(self, slots: Float[np.ndarray, "*frames ent slots dim"]) -> Float[np.ndarray, "*frames points dim"]:
        """Take the coordinates of points out of their slots: the inverse of `to_entities`."""
        return slots[..., self.entity_of_point, self.slot_of_point, :]

    def with_vocabularies(self, vocabularies: tuple[tuple[str, ...], ...], n_slots: int | None = None) -> "Entities":
        """Express the kinds in other vocabularies, for a model that was trained with them.

        Parameters
        ----------
        vocabularies
            Names of the kinds, one tuple for each column.
        n_slots
            Of the model's entities, if it may have more.

        Returns
        -------
        Entities
            The same entities.

        Raises
        ------
        InputError
            If a kind is not in the vocabulary, or an entity has more slots.
        """
        kinds = np.empty_like(self.kinds)
        for column, (own, other) in enumerate(zip(self.vocabularies, vocabularies, strict=True)):
            unknown = sorted(set(own) - set(other))
            if unknown:
                raise InputError(f"kinds {', '.join(unknown)} are unknown to the model, which knows {', '.join(other)}")
            kinds[:, column] = [other.index(own[k]) for k in self.kinds[:, column]]
        n_slots, n_used = n_slots or self.n_slots, int(self.slot_of_point.max(initial=0)) + 1
        if n_used > n_slots:
            raise InputError(f"a residue takes {n_used} slots; those that the model was trained on take {n_slots}")
        return replace(self, kinds=kinds, vocabularies=vocabularies, n_slots=n_slots)


def joint_vocabularies(systems: list[Entities]) -> tuple[tuple[str, ...], ...]:
    """Merge the vocabularies of several systems, sorted, column by column."""
    columns = zip(*(s.vocabularies for s in systems), strict=True)
    return tuple(tuple(sorted(set().union(*column))) for column in columns)


def _encode(columns: list[tuple[str, ...]]) -> tuple[np.ndarray, tuple[tuple[str, ...], ...]]:
    vocabularies = tuple(tuple(sorted(set(column))) for column in columns)
    kinds = [[v.index(name) for name in column] for column, v in zip(columns, vocabularies, strict=True)]
    return np.array(kinds, dtype=int).T, vocabularies


def _bonds_of(topology: md.Topology) -> np.ndarray:
    pairs = [(a.index, b.index) for a, b in topology.bonds]
    return np.array(pairs, dtype=int).reshape(-1, 2)
