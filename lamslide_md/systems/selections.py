"""Which atoms of a trajectory are kept."""

from collections.abc import Sequence

import mdtraj as md
import numpy as np

from lamslide_md.errors import InputError, option

Selection = str | Sequence[int] | np.ndarray


def select(topology: md.Topology, atoms: Selection) -> np.ndarray:
    """Find the selected atoms.

    Parameters
    ----------
    topology
        The atoms to choose from.
    atoms
        "all", "heavy" (no hydrogens, no virtual sites), a selection in mdtraj's language, indices, or True and False
        for each atom.

    Returns
    -------
    np.ndarray
        Rising indices, shape (atoms,).

    Raises
    ------
    InputError
        If the selection is not understood, names atoms that are not there, or is empty.
    """
    chosen = _by_words(topology, atoms) if isinstance(atoms, str) else _by_index(topology, np.asarray(atoms))
    if not chosen.size:
        raise InputError(
            f"{option('atoms')}={atoms!r} selects none of the {topology.n_atoms} atoms; try 'all' or 'heavy'"
        )
    return chosen


def _by_index(topology: md.Topology, atoms: np.ndarray) -> np.ndarray:
    if atoms.dtype == bool:
        # As numbers these would be the atoms 0 and 1.
        if atoms.shape != (topology.n_atoms,):
            raise InputError(
                f"{option('atoms')} marks {atoms.size} atoms with True or False, the topology has {topology.n_atoms}"
            )
        return np.flatnonzero(atoms)
    if atoms.size and not np.issubdtype(atoms.dtype, np.integer):
        raise InputError(
            f"{option('atoms')} holds {atoms.ravel()[0]!r}; give indices as whole numbers, or one selection as a text"
        )
    chosen = np.unique(atoms.astype(int))
    if chosen.size and not 0 <= chosen[0] <= chosen[-1] < topology.n_atoms:
        raise InputError(
            f"{option('atoms')} holds indices {chosen[0]} to {chosen[-1]}; the topology has atoms 0 to "
            f"{topology.n_atoms - 1}"
        )
    return chosen


def _by_words(topology: md.Topology, words: str) -> np.ndarray:
    if words == "all":
        return np.arange(topology.n_atoms)
    if words == "heavy":
        light = ("H", "D", "VS")
        return np.array([atom.index for atom in topology.atoms if atom.element.symbol not in light], dtype=int)
    try:
        return topology.select(words)
    except Exception as error:
        raise InputError(
            f"{option('atoms')}={words!r} is no selection ({' '.join(str(error).split())}); use 'all', 'heavy' or "
            "mdtraj's language, such as 'protein and not element H'"
        ) from error


def leaves_solvent_out(atoms: Selection) -> bool:
    """Tell whether a model of these atoms is one of the solute: unless its atoms were named one by one."""
    return isinstance(atoms, str) and atoms in ("all", "heavy")


def marked(trajectory: md.Trajectory, name: str, atoms: Selection) -> md.Trajectory:
    """Remember on a trajectory where it is from, and by which selection: "resid 5" chooses others of what is left."""
    trajectory.read_from, trajectory.selected_by = name, atoms
    return trajectory


def is_selected(trajectory: object, atoms: Selection) -> bool:
    """Tell whether a trajectory, as it came from `read`, was cut by this very selection."""
    return isinstance(atoms, str) and getattr(trajectory, "selected_by", None) == atoms
