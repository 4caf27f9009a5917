"""The JSON header of a `.lamslide` file: everything besides the weights, checked before anything is built from it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from lamslide_md.config import Settings
from lamslide_md.data.slots import N_SLOTS
from lamslide_md.systems.symmetry import N_BINS

FORMAT_VERSION = 2
"""Of the files that are written. Raised with every change after which an older program would read something else, or an
older file would mean something else; then `model_upgrades` has one more step, and the tests one more stored file."""

Index = NonNegativeInt
IndexPair = tuple[Index, Index]


class _Content(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class EntitiesContent(_Content):
    """`Entities.to_dict`."""

    entity_of_point: Annotated[list[Index], Field(min_length=1)]
    slot_of_point: list[Index]
    kinds: list[list[Index]]
    vocabularies: list[list[str]]
    bonds: list[IndexPair]
    n_slots: PositiveInt
    dim: Annotated[int, Field(ge=1, le=3)]

    @model_validator(mode="after")
    def _fits_together(self) -> "EntitiesContent":
        n_points, n_entities = len(self.entity_of_point), len(self.kinds)
        _demand(len(self.slot_of_point) == n_points, "entity_of_point and slot_of_point differ in length")
        _demand(max(self.entity_of_point) < n_entities <= n_points, "entity_of_point names an entity that is not there")
        # A residue has slots that a small molecule does not fill; more than points and those have no use.
        enough = max(n_points, N_SLOTS)
        _demand(max(self.slot_of_point) < self.n_slots <= enough, "slot_of_point names a slot that is not there")
        for kinds in self.kinds:
            _demand(len(kinds) == len(self.vocabularies), "kinds and vocabularies differ in length")
            known = all(kind < len(names) for kind, names in zip(kinds, self.vocabularies, strict=True))
            _demand(known, "kinds names a word that is not in the vocabulary")
        _demand(all(max(bond) < n_points for bond in self.bonds), "bonds names a point that is not there")
        return self


class ResidueContent(_Content):
    """One residue of `topology_to_dict`."""

    name: str
    number: int
    segment: str
    atoms: list[tuple[str, str]]


class TopologyContent(_Content):
    """`topology_to_dict`."""

    chains: list[list[ResidueContent]]
    bonds: list[IndexPair]


class ConstraintsContent(_Content):
    """`Constraints.to_dict`."""

    pairs: list[IndexPair]
    lower_nm: list[PositiveFloat]
    upper_nm: list[PositiveFloat | None]
    centres: list[tuple[Index, Index, Index, Index]]
    signs: list[Literal[-1, 1]]

    @model_validator(mode="after")
    def _fits_together(self) -> "ConstraintsContent":
        ends = (self.lower_nm, self.upper_nm)
        _demand(all(len(end) == len(self.pairs) for end in ends), "constraints have other numbers of pairs and ends")
        _demand(len(self.signs) == len(self.centres), "constraints have other numbers of centres and signs")
        return self


class ExchangeContent(_Content):
    """`Exchange.to_dict`."""

    torsion: tuple[Index, Index, Index, Index]
    swaps: Annotated[list[IndexPair], Field(min_length=1)]
    seam_rad: float
    flips: list[list[Annotated[float, Field(ge=0, le=1)]]]

    @model_validator(mode="after")
    def _fits_together(self) -> "ExchangeContent":
        _demand(_shaped(self.flips, N_BINS, N_BINS), "flips has another number of bins")
        return self


class SystemContent(_Content):
    """`System.to_dict`."""

    entities: EntitiesContent
    reference_nm: list[list[float]]
    topology: TopologyContent | None
    constraints: ConstraintsContent
    fit: Annotated[list[Index], Field(min_length=3)] | None = None
    exchanges: list[ExchangeContent] = []

    @model_validator(mode="after")
    def _fits_together(self) -> "SystemContent":
        n_points, dim = len(self.entities.entity_of_point), self.entities.dim
        _demand(_shaped(self.reference_nm, n_points, dim), "reference_nm does not fit the entities")
        held = [*self.constraints.pairs, *self.constraints.centres]
        _demand(max(self.fit or [0]) < n_points, "fit names a point that is not there")
        _demand(all(max(points) < n_points for points in held), "constraints name a point that is not there")
        _demand(dim == 3 or not self.constraints.centres, "constraints have centres, which only space has")
        exchanged = [points for e in self.exchanges for points in (e.torsion, *e.swaps)]
        _demand(all(max(points) < n_points for points in exchanged), "exchanges name a point that is not there")
        _demand(dim == 3 or not self.exchanges, "exchanges are there, which only space has")
        if self.topology is not None:
            n_atoms = sum(len(residue.atoms) for chain in self.topology.chains for residue in chain)
            _demand(n_atoms == n_points, f"topology has {n_atoms} atoms, entities {n_points} points")
            _demand(
                all(max(bond) < n_atoms for bond in self.topology.bonds), "topology bonds an atom that is not there"
            )
        return self


class Header(_Content):
    """Everything in a model file besides the weights."""

    format_version: Literal[2] = 2
    settings: Settings
    systems: list[SystemContent] = Field(min_length=1)
    starts_nm: list[list[list[list[list[float]]]]]
    """Systems, starts, known frames, points, dimensions; none for several systems, as a rollout says which."""
    length_scale_nm: PositiveFloat
    frame_interval_ps: PositiveFloat
    temperature_K: PositiveFloat | None
    provenance: dict[str, Any]

    @model_validator(mode="after")
    def _fits_together(self) -> "Header":
        first = self.systems[0].entities
        for system in self.systems:
            alike = (system.entities.vocabularies, system.entities.n_slots, system.entities.dim)
            _demand(
                alike == (first.vocabularies, first.n_slots, first.dim), "systems differ in vocabularies, slots or dim"
            )
        expected = (1,) if len(self.systems) == 1 else (0, len(self.systems))
        _demand(len(self.starts_nm) in expected, "starts_nm and systems differ in length")
        for system, starts in zip(self.systems, self.starts_nm, strict=False):
            n_points, n_known = len(system.entities.entity_of_point), self.settings.flow.n_known
            _demand(len(starts) > 0, "starts_nm has none for a system")
            for known in starts:
                sound = len(known) == n_known and all(_shaped(frame, n_points, first.dim) for frame in known)
                _demand(sound, "starts_nm does not fit the entities")
        return self


def _demand(condition: bool, complaint: str) -> None:
    if not condition:
        raise ValueError(complaint)


def _shaped(points: list[list[float]], n_points: int, dim: int) -> bool:
    return len(points) == n_points and all(len(point) == dim for point in points)
