"""Fragments of large molecules, and the three atoms of a fragment that span its frame of reference."""

from collections.abc import Collection, Sequence
from itertools import combinations, pairwise

import networkx as nx
import numpy as np
from jaxtyping import Float

NEARLY_STRAIGHT = 0.35
"""Sine of the angle at the middle one of three atoms, below which they span no frame: 160 degrees."""

MOST_TURNING = 6
"""Bonds of a fragment that heavy atoms turn about: those of arginine. With more, few principal axes are not enough."""

BRIDGE_SHARE = 0.25
"""Of a fragment's atoms that a cut between rings must leave on either side to be better than one through a ring."""


def fragments(graph: "nx.Graph[int]", n_heavy: int, kept: Sequence[int], most_heavy: int, most: int) -> list[set[int]]:
    """Cut a bond graph into connected fragments of bounded size.

    Parameters
    ----------
    graph
        Of atoms, numbered from 0 in an order that is the same wherever the molecule is met, the heavy ones first.
        Those that nothing connects are never in one fragment.
    n_heavy
        Heavy atoms; hydrogens and virtual sites follow.
    kept
        A path of atoms that is not cut.
    most_heavy
        Heavy atoms of a fragment.
    most
        Atoms of a fragment.

    Returns
    -------
    list of set
        Each atom is in one; a molecule that is small and stiff enough is one fragment.
    """
    whole = {frozenset(pair) for pair in pairwise(kept)}
    done: list[set[int]] = []
    waiting = [set(part) for part in nx.connected_components(graph)]
    while waiting:
        part = waiting.pop()
        heavy = graph.subgraph(atom for atom in part if atom < n_heavy)
        if len(part) <= most and len(heavy) <= most_heavy and _n_turning(heavy) <= MOST_TURNING:
            done.append(part)
            continue
        beyond = _half(graph.subgraph(part), n_heavy, whole)
        waiting += [beyond, part - beyond]
    return sorted(done, key=min)


def spanning(
    graph: "nx.Graph[int]", n_heavy: int, positions_nm: Float[np.ndarray, "atoms 3"] | None
) -> tuple[int, ...]:
    """Find three atoms of a fragment that span a frame, the origin in the middle.

    Heavy atoms are taken before hydrogens, a ring before what can turn, and what is in the middle of the fragment, so
    that no atom is far from its frame. By bonds and numbers alone, so that a ligand has the same three in all systems;
    by positions only where three are nearly on a line.

    Parameters
    ----------
    graph
        Of the fragment, connected, numbered as for `fragments`.
    n_heavy
        Below this number atoms are heavy.
    positions_nm
        By number; None: not known.

    Returns
    -------
    tuple
        The three; none where there are not so many, as in water without hydrogens or an ion.
    """
    best: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    for middle in sorted(graph):
        lengths = nx.single_source_shortest_path_length(graph, middle)
        rest = nx.connected_components(graph.subgraph(set(graph) - {middle}))
        group = {atom: number for number, part in enumerate(rest) for atom in part}
        for one, other in combinations(sorted(graph[middle]), 2):
            three = one, middle, other
            straight = positions_nm is not None and _sine(positions_nm[list(three)]) < NEARLY_STRAIGHT
            in_ring = group[one] == group[other]
            n_light = sum(atom >= n_heavy for atom in three)
            key = int(straight), n_light, int(not in_ring), sum(lengths.values()), middle, one, other
            if best is None or key < best[0]:
                best = key, three
    return best[1] if best else ()


def _n_turning(graph: "nx.Graph[int]") -> int:
    """Count the bonds outside of rings that have other atoms at both ends."""
    return sum(graph.degree[one] > 1 < graph.degree[other] for one, other in nx.bridges(graph))


def _half(graph: "nx.Graph[int]", n_heavy: int, whole: Collection[frozenset[int]]) -> set[int]:
    """One side of the cut of a connected graph that leaves two connected sides nearest in size."""
    tree = list(nx.bfs_edges(graph, min(graph), sort_neighbors=sorted))
    bridges, beyond = {frozenset(edge) for edge in nx.bridges(graph)}, dict.fromkeys(graph, 1)
    for above, below in reversed(tree):
        beyond[above] += beyond[below]
    cuts = [edge for edge in tree if edge[1] < n_heavy and frozenset(edge) not in whole] or tree

    def worth(edge: tuple[int, int]) -> tuple[bool, int, int]:
        smaller = min(beyond[edge[1]], len(graph) - beyond[edge[1]])
        return frozenset(edge) in bridges and smaller >= BRIDGE_SHARE * len(graph), smaller, -edge[1]

    side = {max(cuts, key=worth)[1]}
    for above, below in tree:
        if above in side:
            side.add(below)
    return side


def _sine(three: Float[np.ndarray, "3 3"]) -> float:
    """Sine of the angle at the middle one."""
    back, ahead = (three[[0, 2]] - three[1]).astype(float)
    lengths = np.linalg.norm(back) * np.linalg.norm(ahead)
    return float(np.linalg.norm(np.cross(back, ahead)) / lengths) if lengths else 0.0
