"""The bond graph of a molecule: its atoms' colours, which no naming changes, and the exchanges that it allows."""

from collections.abc import Iterable, Sequence

import mdtraj as md
import networkx as nx
import numpy as np
from jaxtyping import Int, UInt64

from lamslide_md.systems.bond_finding import found_bonds

COVALENT = {"H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I"}
"""Elements whose atoms are bonded where they are near; metals and ions are near to much that they do not bind."""

HYDROGENS = {"H", "D"}

Exchanged = dict[int, int]
"""For each atom that moves, the one whose place it takes."""


def symbol_of(atom: md.core.topology.Atom) -> str:
    """Element of an atom, or its name where it has none."""
    return atom.element.symbol if atom.element else atom.name


def bond_graph(frame: md.Trajectory, hydrogens: bool) -> nx.Graph:
    """Make the graph of the atoms and bonds of a frame.

    Parameters
    ----------
    frame
        Its topology's bonds are taken; atoms without any get those that the distances of the first frame suggest.
    hydrogens
        Whether to include hydrogens; virtual sites are never included.

    Returns
    -------
    nx.Graph
        Nodes are indices of atoms, with their element.
    """
    return graph_of(frame.topology, _bonds_of(frame), hydrogens)


def graph_of(topology: md.Topology, bonds: Iterable[tuple[int, int]], hydrogens: bool) -> nx.Graph:
    """Make the graph of atoms and bonds; see `bond_graph`."""
    left_out = {"VS"} if hydrogens else {"VS", *HYDROGENS}
    graph = nx.Graph()
    for atom in topology.atoms:
        if symbol_of(atom) not in left_out:
            graph.add_node(atom.index, element=symbol_of(atom))
    graph.add_edges_from((one, other) for one, other in bonds if one in graph and other in graph)
    return graph


def set_colours(*graphs: nx.Graph) -> None:
    """Colour atoms by all that the bond graph tells of them: those of one colour stand alike in it.

    Colours are comparable between the graphs of one call; see `refined_colours`.

    Parameters
    ----------
    *graphs
        Whose nodes get their ``colour``.
    """
    nodes = [(graph, node) for graph in graphs for node in graph]
    place = {(id(graph), node): i for i, (graph, node) in enumerate(nodes)}
    symbols = [graph.nodes[node]["element"] for graph, node in nodes]
    edges = [(place[id(graph), i], place[id(graph), j]) for graph in graphs for i, j in graph.edges]
    colours = refined_colours(symbols, np.array(edges, dtype=int).reshape(-1, 2))
    for (graph, node), colour in zip(nodes, colours.tolist(), strict=True):
        graph.nodes[node]["colour"] = colour


def exchange(graph: nx.Graph, one: int, other: int) -> Exchanged | None:
    """Find how atoms move if two of one colour take each other's places, moving as few others as that allows.

    Parameters
    ----------
    graph
        With colours.
    one
        An atom.
    other
        Another of its colour.

    Returns
    -------
    dict or None
        An automorphism of the graph, without the atoms that stay; None where there is none.
    """
    moved, front = {one: other, other: one}, [(one, other)]
    while front:
        first, second = front.pop()
        left, right = (
            sorted((graph.nodes[n]["colour"], n) for n in graph[a] if n not in moved and n not in graph[b])
            for a, b in ((first, second), (second, first))
        )
        if [colour for colour, _ in left] != [colour for colour, _ in right]:
            break
        for (_, a), (_, b) in zip(left, right, strict=True):
            moved[a], moved[b] = b, a
            front.append((a, b))
    else:
        if all({moved.get(n, n) for n in graph[a]} == set(graph[b]) for a, b in moved.items()):
            return moved
    return _any_automorphism(graph, one, other)


def _any_automorphism(graph: nx.Graph, one: int, other: int) -> Exchanged | None:
    """Move one atom to the place of another in a graph that no exchange of pairs keeps, such as a ring turned."""
    before, after = graph.copy(), graph.copy()
    before.nodes[one]["colour"] = after.nodes[other]["colour"] = -1
    found = nx.vf2pp_isomorphism(before, after, node_label="colour")
    return None if found is None else {a: b for a, b in found.items() if a != b}


def _bonds_of(frame: md.Trajectory) -> list[tuple[int, int]]:
    """Bonds of the topology, and by distance those of atoms that have none in it."""
    bonds = [(one.index, other.index) for one, other in frame.topology.bonds]
    members = [frame.topology.atom(i) for i in range(frame.n_atoms)]
    symbols = [symbol_of(atom) for atom in members]
    lonely = np.array([symbol in COVALENT for symbol in symbols])
    lonely[[index for bond in bonds for index in bond]] = False
    if not lonely.any() or not np.isfinite(frame.xyz[0]).all():
        return bonds
    near = found_bonds(
        frame.topology, frame.xyz[:1], None if frame.unitcell_vectors is None else frame.unitcell_vectors[:1]
    )
    return bonds + [(i, j) for i, j in near.tolist() if lonely[i] or lonely[j]]


def refined_colours(symbols: Sequence[str], edges: Int[np.ndarray, "edges 2"]) -> UInt64[np.ndarray, " atoms"]:
    """Colour atoms until no class of them is split any more (Weisfeiler and Leman).

    Parameters
    ----------
    symbols
        Elements of the atoms.
    edges
        Bonded pairs.

    Returns
    -------
    np.ndarray
        Colours: the same for atoms that the bond graph, seen from them, does not tell apart.
    """
    names = sorted(set(symbols))
    colours = _mixed(np.array([names.index(symbol) for symbol in symbols], dtype=np.uint64))
    n_classes = 0
    while (n_now := len(np.unique(colours))) > n_classes:
        n_classes, near, mixed = n_now, np.zeros_like(colours), _mixed(colours)
        np.add.at(near, edges[:, 0], mixed[edges[:, 1]])
        np.add.at(near, edges[:, 1], mixed[edges[:, 0]])
        colours = _mixed(mixed + near)
    return colours


def _mixed(numbers: UInt64[np.ndarray, " atoms"]) -> UInt64[np.ndarray, " atoms"]:
    """Spread numbers over all 64 bits, equal ones alike (SplitMix64)."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
