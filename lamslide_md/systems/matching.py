"""The matcher: a molecule's atoms found in a trajectory, by residue and name, or else by the bond graph."""

import mdtraj as md
import networkx as nx
import numpy as np
from jaxtyping import Int

from lamslide_md.errors import InputError, note
from lamslide_md.systems.atom_graphs import HYDROGENS, bond_graph, graph_of, set_colours, symbol_of
from lamslide_md.systems.label_matching import doubled, match_by_label
from lamslide_md.systems.match_choices import Choices, Found, Molecule
from lamslide_md.systems.solvent import composition
from lamslide_md.systems.topologies import labels_of, listed, named


def match(wanted: Molecule, there: md.Trajectory, name: str) -> Int[np.ndarray, " points"]:
    """Find the atoms of a molecule among those of a trajectory.

    Parameters
    ----------
    wanted
        The molecule.
    there
        May hold more atoms, in another order, and name them and their residues otherwise. Its first frame tells the
        chirality.
    name
        What to call it in an error or note.

    Returns
    -------
    np.ndarray
        For each atom of the molecule, its index in the trajectory.

    Raises
    ------
    InputError
        If atoms are missing, or fit in more than one way.
    """
    by_label = match_labels(wanted.topology, there.topology)
    if by_label is not None:
        _tell_left_out(there.topology, by_label, name)
        return by_label
    by_graph = match_graph(wanted, there, name)
    if by_graph is None:
        raise InputError(_misfit(wanted.topology, there.topology, name))
    tell_renamed(wanted.topology, there.topology, by_graph, name)
    _tell_left_out(there.topology, by_graph, name)
    return by_graph


def match_labels(wanted: md.Topology, there: md.Topology) -> Int[np.ndarray, " points"] | None:
    """Match by residue and name, if these tell all atoms apart and all are there.

    Parameters
    ----------
    wanted
        The molecule.
    there
        May hold more atoms, in another order.

    Returns
    -------
    np.ndarray or None
        For each atom of the molecule, its index.
    """
    own, others = labels_of(wanted), labels_of(there)
    found = match_by_label(own, others)
    if len(found.missing):
        return None
    if not doubled(own) and not set(own) & set(doubled(others)):
        return found.index
    # Where names tell nothing, as in formats without them, atoms in the same order with the same bonds are the same.
    if own != others or [symbol_of(a) for a in wanted.atoms] != [symbol_of(a) for a in there.atoms]:
        return None
    mine, theirs = ({frozenset((a.index, b.index)) for a, b in topology.bonds} for topology in (wanted, there))
    return np.arange(len(own)) if mine == theirs else None


def match_graph(wanted: Molecule, there: md.Trajectory, name: str) -> Int[np.ndarray, " points"] | None:
    """Match by elements and bonds; names, and the chirality of centres, tell apart what these do not.

    Parameters
    ----------
    wanted
        The molecule; one of heavy atoms is matched with the heavy atoms.
    there
        May hold more molecules.
    name
        What to call it in an error.

    Returns
    -------
    np.ndarray or None
        For each atom of the molecule, its index; None where it is not there.

    Raises
    ------
    InputError
        If it fits in more than one way, and that makes a difference.
    """
    hydrogens = any(symbol_of(atom) in HYDROGENS for atom in wanted.topology.atoms)
    own = graph_of(wanted.topology, [(a.index, b.index) for a, b in wanted.topology.bonds], hydrogens)
    others = bond_graph(there, hydrogens)
    if len(own) != wanted.topology.n_atoms or len(own) > len(others):
        return None
    set_colours(own, others)
    found: Found = {}
    choices = Choices(wanted, there, name)
    for one, other in choices.molecules(own, others):
        isomorphism = nx.vf2pp_isomorphism(one, other, node_label="colour")
        if isomorphism is None:
            return None
        found |= choices.best(one, isomorphism)
    return np.array([found[i] for i in range(len(own))]) if len(found) == len(own) else None


def tell_renamed(wanted: md.Topology, there: md.Topology, index: Int[np.ndarray, " points"], name: str) -> None:
    """Note which names differ between atoms that were matched by the bond graph."""
    others = labels_of(there)
    pairs = [(named(others[i]), named(label)) for label, i in zip(labels_of(wanted), index, strict=True)]
    differing = [f"{theirs} is the model's {own}" for theirs, own in pairs if theirs != own]
    note(
        f"{name}: atoms were matched by the bond graph: {len(differing)} of {len(pairs)} names differ"
        + (f" ({listed(differing, 3)})" if differing else "")
    )


def _tell_left_out(there: md.Topology, index: Int[np.ndarray, " points"], name: str) -> None:
    """Note residues of which the molecule has no atom."""
    of_molecule = {there.atom(int(atom)).residue.index for atom in index}
    alien = np.array([atom.residue.index not in of_molecule for atom in (there.atom(i) for i in range(there.n_atoms))])
    if alien.any():
        n_residues = sum(residue.index not in of_molecule for residue in there.residues if residue.n_atoms)
        note(f"{name}: {n_residues} residues are left out, which the model has not ({composition(there, alien)})")


def _misfit(wanted: md.Topology, there: md.Topology, name: str) -> str:
    """Say why neither names nor bonds fit."""
    own, others = labels_of(wanted), labels_of(there)
    lacking = [named(own[i]) for i in match_by_label(own, others).missing]
    twice = [named(label) for label in doubled(others)]
    if lacking:
        return (
            f"{name} lacks {len(lacking)} of the model's {wanted.n_atoms} atoms ({listed(lacking)}) among its own "
            f"{there.n_atoms}, and its elements and bonds are not those of the model; is it another molecule, or are "
            "its atoms or residues named otherwise?"
        )
    return (
        f"{name} holds {listed(twice)} more than once, and its elements and bonds are not those of the model; give "
        "each atom of a residue a name of its own"
    )
