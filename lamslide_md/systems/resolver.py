"""`SystemResolver`: what a model can be asked about, the systems of its training and others made of the same parts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.config import Settings
from lamslide_md.errors import InputError
from lamslide_md.frames import from_settings
from lamslide_md.systems.bond_finding import with_complete_bonds
from lamslide_md.systems.common_atoms import superposed_like
from lamslide_md.systems.equivalent_atoms import with_exchanges_like
from lamslide_md.systems.extents import Extent
from lamslide_md.systems.matching import match_graph, match_labels
from lamslide_md.systems.residues import check_chain
from lamslide_md.systems.selections import select
from lamslide_md.systems.start_checks import check_start
from lamslide_md.systems.system import System
from lamslide_md.systems.transfer import transferred

EXTENTS_KEY = "radius_of_gyration_nm"
"""Where the provenance holds the least and largest radius of gyration of each system's data."""


@dataclass(frozen=True)
class SystemResolver:
    """The systems of a model, and what it takes to make another.

    Attributes
    ----------
    systems
        That the model was trained on.
    settings
        Of the training.
    n_identifiers
        Entities that the model can tell apart.
    extents_nm
        For each system the least and largest radius of gyration in its data; empty where that is not known.
    """

    systems: tuple[System, ...]
    settings: Settings
    n_identifiers: int
    extents_nm: tuple[Extent, ...] = ()

    def only(self, system: System) -> "SystemResolver":
        """Leave one system, which may be new."""
        extent_nm = self._extent_of(system)
        return replace(self, systems=(system,), extents_nm=() if extent_nm is None else (extent_nm,))

    def check_start(
        self,
        points_nm: Float[np.ndarray, "frames points dim"],
        system: System,
        name: str,
        frames: Iterable[int] | None = None,
    ) -> None:
        """Refuse frames that a system cannot start from; see `lamslide_md.systems.start_checks.check_start`.

        Parameters
        ----------
        points_nm
            Points of the system.
        system
            That this resolver has found.
        name
            What to call the frames in an error.
        frames
            Indices of those that are used; all when left out.

        Raises
        ------
        InputError
            If a frame is no structure of the system.
        """
        used = None if frames is None else sorted(set(frames))
        bonds, extent_nm = self.settings.check_bonds, self._extent_of(system)
        check_start(points_nm, system, name, used, check_bonds=bonds, extent_nm=extent_nm)

    def _extent_of(self, system: System) -> Extent | None:
        known = zip(self.systems, self.extents_nm, strict=False)
        return next((extent_nm for own, extent_nm in known if own is system), None)

    def has_learned(self, system: System) -> bool:
        """Tell whether a system that this resolver has found is one of the training."""
        return any(system is own for own in self.systems)

    def of_points(self, own: System) -> System:
        """Find the system with the same kinds that the model was trained on, or else the given one in its words."""
        entities = own.entities.with_vocabularies(self.systems[0].entities.vocabularies)
        own = replace(own, entities=entities)
        return next((system for system in self.systems if alike(system, own)), own)

    def of_molecule(self, start: md.Trajectory) -> System:
        """Find the system whose atoms a start has, by name or else by the bond graph.

        A model of several molecules also takes one that it never saw.

        Parameters
        ----------
        start
            At least one frame.

        Returns
        -------
        System
            Of the training; or new, with constraints from the molecules of the training.

        Raises
        ------
        InputError
            If atoms are missing, or the molecule has parts that the model has never seen or too many of them.
        """
        molecules = [system for system in self.systems if system.topology is not None]
        fitting = [s for s in molecules if s.topology and match_labels(s.topology, start.topology) is not None]
        if not fitting:
            fitting = [s for s in molecules if match_graph(s.molecule_wanted(), start, "the start") is not None]
        if fitting:
            return max(fitting, key=lambda system: system.entities.n_points)
        if len(molecules) < 2:
            return self.systems[0]
        return self._unseen(start, molecules)

    def _unseen(self, start: md.Trajectory, molecules: Sequence[System]) -> System:
        whole = md.Trajectory(start.xyz[:1], with_complete_bonds(start[:1], "the start"))
        frame = whole.atom_slice(select(whole.topology, self.settings.atoms))
        own = System.molecule(frame, self.settings.autoencoder.entities)
        reference_frame = from_settings(self.settings.placement)
        if reference_frame.of_residues:
            check_chain(frame.topology)
        known = max(system.entities.n_entities for system in molecules)
        if self.settings.autoencoder.identifiers == "random":
            known = self.n_identifiers
        if own.entities.n_entities > known:
            what = self.settings.autoencoder.entities
            raise InputError(
                f"the molecule has {own.entities.n_entities} {what}; the model has learned {known} at most"
            )
        entities = own.entities.with_vocabularies(molecules[0].entities.vocabularies, molecules[0].entities.n_slots)
        own = replace(own, entities=entities, constraints=transferred(own, molecules))
        own = with_exchanges_like(own, molecules)
        return superposed_like(own, molecules[0]) if reference_frame.shared_reference else own


def stored_extents(provenance: Mapping[str, Any], n_systems: int) -> tuple[Extent, ...]:
    """Take the extents out of a model's provenance, which is not checked when it is read; older models have none."""
    try:
        extents_nm = tuple((float(low), float(high)) for low, high in provenance[EXTENTS_KEY])
    except (KeyError, TypeError, ValueError):
        return ()
    return extents_nm if len(extents_nm) == n_systems else ()


def alike(one: System, other: System) -> bool:
    """Tell whether two systems of a model are the same one."""
    if one.topology is not other.topology and (one.topology is None or one.topology != other.topology):
        return False
    return np.array_equal(one.entities.kinds, other.entities.kinds)
