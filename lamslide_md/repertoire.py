"""`Repertoire`: what a model can be asked about, the systems of its training and others made of the same parts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mdtraj as md
import numpy as np

from lamslide_md.data.bond_finding import with_complete_bonds
from lamslide_md.data.common_atoms import superposed_like
from lamslide_md.data.equivalent_atoms import with_exchanges_like
from lamslide_md.data.residues import check_chain
from lamslide_md.data.selections import select
from lamslide_md.data.systems import System
from lamslide_md.data.topologies import labels_of
from lamslide_md.data.transfer import transferred
from lamslide_md.errors import InputError
from lamslide_md.training.presets import Settings


@dataclass(frozen=True)
class Repertoire:
    """The systems of a model, and what it takes to make another.

    Attributes
    ----------
    systems
        That the model was trained on.
    settings
        Of the training.
    n_identifiers
        Entities that the model can tell apart.
    """

    systems: tuple[System, ...]
    settings: Settings
    n_identifiers: int

    def has_learned(self, system: System) -> bool:
        """Tell whether a system that this repertoire has found is one of the training."""
        return any(system is own for own in self.systems)

    def of_points(self, own: System) -> System:
        """Find the system with the same kinds that the model was trained on, or else the given one in its words."""
        entities = own.entities.with_vocabularies(self.systems[0].entities.vocabularies)
        own = replace(own, entities=entities)
        return next((system for system in self.systems if alike(system, own)), own)

    def of_molecule(self, start: md.Trajectory) -> System:
        """Find the system whose atoms a start has; a model of several molecules also takes one that it never saw.

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
        there = set(labels_of(start.topology))
        molecules = [system for system in self.systems if system.topology is not None]
        fitting = [system for system in molecules if set(system.labels()) <= there]
        if fitting:
            return max(fitting, key=lambda system: system.entities.n_points)
        if len(molecules) < 2:
            return self.systems[0]
        return self._unseen(start, molecules)

    def _unseen(self, start: md.Trajectory, molecules: Sequence[System]) -> System:
        whole = md.Trajectory(start.xyz[:1], with_complete_bonds(start[:1], "the start"))
        frame = whole.atom_slice(select(whole.topology, self.settings.atoms))
        own = System.molecule(frame, self.settings.autoencoder.entities)
        if self.settings.placement == "local":
            check_chain(frame.topology)
        known = max(system.entities.n_entities for system in molecules)
        if self.settings.autoencoder.identifiers == "random":
            known = self.n_identifiers
        if own.entities.n_entities > known:
            what = self.settings.autoencoder.entities
            raise InputError(
                f"the molecule has {own.entities.n_entities} {what}; the model has learned {known} at most"
            )
        entities = own.entities.with_vocabularies(molecules[0].entities.vocabularies)
        own = replace(own, entities=entities, constraints=transferred(own, molecules))
        own = with_exchanges_like(own, molecules)
        return superposed_like(own, molecules[0]) if self.settings.placement == "superposed" else own


def alike(one: System, other: System) -> bool:
    """Tell whether two systems of a model are the same one."""
    if one.topology is not other.topology and (one.topology is None or one.topology != other.topology):
        return False
    return np.array_equal(one.entities.kinds, other.entities.kinds)
