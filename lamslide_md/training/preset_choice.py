"""Which preset suits a molecule, where the user names none."""

from collections.abc import Iterable

import mdtraj as md

from lamslide_md.systems.residues import ALIASES, SLOTS
from lamslide_md.systems.system import PointTrajectory

LONGEST_PEPTIDE = 6
"""Amino acids of the longest chain that the preset `peptide` was measured on; see docs/results.md."""


def usual_preset(data: Iterable[object]) -> str:
    """Choose by the longest chain of amino acids: ``protein`` above `LONGEST_PEPTIDE` of them, else ``quick``.

    Parameters
    ----------
    data
        Trajectories; what has no topology is no protein.

    Returns
    -------
    str
        Name of a preset.
    """
    return "protein" if longest_chain(data) > LONGEST_PEPTIDE else "quick"


def longest_chain(data: Iterable[object]) -> int:
    """Count the amino acids of the longest chain in any of the trajectories, without caps.

    Parameters
    ----------
    data
        Trajectories; what has no topology is no protein.

    Returns
    -------
    int
        0 if there is none.
    """
    chains = [chain for topology in _topologies(data) for chain in topology.chains]
    return max((sum(_is_amino_acid(residue.name) for residue in chain.residues) for chain in chains), default=0)


def _topologies(data: Iterable[object]) -> list[md.Topology]:
    found = [getattr(item.system if isinstance(item, PointTrajectory) else item, "topology", None) for item in data]
    return [topology for topology in found if isinstance(topology, md.Topology)]


def _is_amino_acid(name: str) -> bool:
    return "CA" in SLOTS.get(ALIASES.get(name, name), ())
