"""A trajectory and a topology of different numbers of atoms: which part of one the other is."""

from pathlib import Path

import mdtraj as md
import numpy as np

from lamslide_md.errors import InputError
from lamslide_md.systems.solvent import composition, solute_mask


def atom_count_error(source: str | Path, n_source: int, top_name: str, topology: md.Topology) -> InputError:
    """Say that a trajectory and its topology have different numbers of atoms, and what was left out if numbers tell.

    Parameters
    ----------
    source
        Name of the trajectory.
    n_source
        Its atoms.
    top_name
        Name of the topology.
    topology
        The topology.

    Returns
    -------
    InputError
        To be raised.
    """
    both = f"{source} has {n_source} atoms, {top_name} has {topology.n_atoms}"
    is_solute = solute_mask(topology)
    is_heavy = np.array(
        [atom.element is None or atom.element.symbol not in ("H", "D", "VS") for atom in topology.atoms]
    )
    solvent = composition(topology, ~is_solute)
    parts = [
        ("hydrogens", is_heavy),
        (solvent, is_solute),
        (f"{solvent} and hydrogens", is_heavy & is_solute),
        ("all but its alpha carbons", np.array([atom.name == "CA" for atom in topology.atoms])),
    ]
    left_out = next((what for what, kept in parts if n_source == kept.sum() < topology.n_atoms), None)
    if left_out is not None:
        what = left_out if left_out.startswith("all") else f"its {left_out}"
        return InputError(f"{both}, and as many without {what}; pass a topology without them")
    if n_source > topology.n_atoms:
        return InputError(f"{both}; pass the topology it was written with: were water or hydrogens removed from this?")
    return InputError(f"{both}; pass the topology it was written with, or were hydrogens or water removed from one?")
