"""Several molecules in one frame of reference: superposed on the atoms that they have in common."""

from collections.abc import Sequence
from dataclasses import replace

import mdtraj as md
import numpy as np

from lamslide_md.errors import InputError
from lamslide_md.systems.system import System
from lamslide_md.systems.topologies import AtomKey, atom_keys

MIN_COMMON = 3
"""Points that fix an orientation."""


def _index_by_key(topology: md.Topology) -> dict[AtomKey, int]:
    return {place: index for index, place in enumerate(atom_keys(topology))}


def superposed_alike(systems: Sequence[System]) -> list[System]:
    """Let several molecules be superposed on their common atoms, as the first one has them.

    Molecules that are superposed each on a frame of its own stand in as many orientations as there are molecules, and
    a model would have to learn each. Common are atoms by names that every residue has, so that a molecule which comes
    later has them too: the backbone of peptides.

    Parameters
    ----------
    systems
        Of a model that superposes.

    Returns
    -------
    list of System
        As they are, where there is only one, or fewer than three atoms are common to all.
    """
    topologies = [system.topology for system in systems if system.topology is not None]
    if len(systems) < 2 or len(topologies) < len(systems):
        return list(systems)
    residues = [{atom.name for atom in residue.atoms} for topology in topologies for residue in topology.residues]
    names, indices = set.intersection(*residues), [_index_by_key(topology) for topology in topologies]
    common = [place for place in indices[0] if place[1] in names and all(place in others for others in indices)]
    if len(common) < MIN_COMMON:
        return list(systems)
    target_nm = systems[0].reference_nm[[indices[0][key] for key in common]]
    return [
        _superposed_on(system, np.array([own[key] for key in common]), target_nm)
        for system, own in zip(systems, indices, strict=True)
    ]


def superposed_like(system: System, other: System) -> System:
    """Let a molecule be superposed as another one is.

    Parameters
    ----------
    system
        A molecule.
    other
        From `superposed_alike`.

    Returns
    -------
    System
        As it is, where the other is superposed with all of its atoms.

    Raises
    ------
    InputError
        If it lacks atoms that the other is superposed on.
    """
    if other.fit is None or other.topology is None or system.topology is None:
        return system
    names = {index: place for place, index in _index_by_key(other.topology).items()}
    common, own = [names[int(index)] for index in other.fit], _index_by_key(system.topology)
    missing = [f"{name} of residue {residue + 1}" for residue, name in common if (residue, name) not in own]
    if missing:
        raise InputError(
            f"the molecule lacks {', '.join(missing[:5])}, by which the model superposes; it has learned molecules of "
            f"{other.topology.n_residues} residues"
        )
    return _superposed_on(system, np.array([own[key] for key in common]), other.reference_nm[other.fit])


def _superposed_on(system: System, fit: np.ndarray, target_nm: np.ndarray) -> System:
    reference_nm = system.reference_nm.copy()
    reference_nm[fit] = target_nm
    return replace(system, reference_nm=reference_nm, fit=fit)
