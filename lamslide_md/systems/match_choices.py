"""Which of the ways in which a molecule fits is meant, where the bond graph alone does not tell."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import mdtraj as md
import networkx as nx
import numpy as np
from jaxtyping import Int
from scipy.optimize import linear_sum_assignment

from lamslide_md.errors import InputError
from lamslide_md.systems.atom_graphs import Exchanged, exchange
from lamslide_md.systems.planar_groups import groups_of
from lamslide_md.systems.topologies import labels_of, named
from lamslide_md.systems.volumes import relative_volumes

MAX_PASSES = 20
"""Over the atoms that the graph cannot tell apart; each decides those that the one before has made decidable."""

Found = dict[int, int]
"""For atoms of a molecule, the atoms of a trajectory."""


@dataclass(frozen=True)
class Molecule:
    """What is looked for.

    Attributes
    ----------
    topology
        Atoms, names and bonds.
    centres
        Points with three that are bonded to them.
    signs
        Of the volumes of these, which tell apart branches that the bond graph cannot.
    """

    topology: md.Topology
    centres: Int[np.ndarray, "centres 4"]
    signs: Int[np.ndarray, " centres"]


class Choices:
    """Chooses by the chirality of centres, then by names.

    Parameters
    ----------
    wanted
        The molecule.
    there
        The trajectory; its first frame tells chirality.
    name
        What to call it in an error.
    """

    def __init__(self, wanted: Molecule, there: md.Trajectory, name: str) -> None:
        self.wanted, self.name, self.points = wanted, name, there.xyz[:1].astype(np.float64)
        self.labels, self.others = labels_of(wanted.topology), labels_of(there.topology)
        self.rows: defaultdict[int, list[int]] = defaultdict(list)
        for row, centre in enumerate(wanted.centres.tolist()):
            for atom in centre:
                self.rows[atom].append(row)
        bonds = np.array([(a.index, b.index) for a, b in wanted.topology.bonds], dtype=int).reshape(-1, 2)
        self.halves = {frozenset(i for pair in g.swaps for i in pair) for g in groups_of(wanted.topology, bonds)}

    def _agreement(self, own: Sequence[int], theirs: Sequence[int]) -> int:
        """How much of their names and residues atoms have in common."""
        pairs = [(self.labels[i], self.others[j]) for i, j in zip(own, theirs, strict=True)]
        return sum((a[0] == b[0]) + (a[2] == b[2]) for a, b in pairs)

    def molecules(self, own: nx.Graph, others: nx.Graph) -> Iterator[tuple[nx.Graph, nx.Graph]]:
        """Pair the connected parts of both graphs that are alike.

        Parameters
        ----------
        own
            The model's, with colours.
        others
            The trajectory's, with colours comparable to those.

        Yields
        ------
        tuple
            A part of the model's graph, and the one that it is in the other.

        Raises
        ------
        InputError
            If there are several like one, and names do not tell which.
        """
        kinds: defaultdict[tuple[int, ...], tuple[list[nx.Graph], list[nx.Graph]]] = defaultdict(lambda: ([], []))
        for side, graph in enumerate((own, others)):
            for nodes in nx.connected_components(graph):
                kind = tuple(sorted(graph.nodes[i]["colour"] for i in nodes))
                kinds[kind][side].append(graph.subgraph(nodes))
        for wanted, there in kinds.values():
            if not wanted or len(there) < len(wanted):
                continue
            fit = np.array([[self._agreement(_by_colour(a), _by_colour(b)) for b in there] for a in wanted])
            for i, j in zip(*linear_sum_assignment(fit, maximize=True), strict=True):
                rivals = np.r_[np.delete(fit[i], j), np.delete(fit[:, j], i)]
                if (rivals >= fit[i, j]).any():
                    first = named(self.labels[min(wanted[i])])
                    raise InputError(
                        f"{self.name} holds {len(there)} molecules like the one with {first}, of which the model has "
                        f"{len(wanted)}: elements and bonds do not tell which is which; give atoms and residues the "
                        "model's names, or leave the others out"
                    )
                yield wanted[i], there[j]

    def best(self, graph: nx.Graph, found: Found) -> Found:
        """Exchange atoms that the graph cannot tell apart until chirality and names fit best.

        Parameters
        ----------
        graph
            A connected part of the model's, with colours.
        found
            One way in which it fits.

        Returns
        -------
        dict
            The way that fits best.

        Raises
        ------
        InputError
            If another way fits as well, and more than ends of one atom or halves of a planar group differ.
        """
        undecided: tuple[int, int] | None = None
        for _ in range(MAX_PASSES):
            changed, undecided = False, None
            for one, other, moved in _exchanges(graph):
                exchanged = {a: found[b] for a, b in moved.items()}
                now, then = self._merit(found, moved), self._merit(found | exchanged, moved)
                if then > now:
                    found, changed = found | exchanged, True
                elif then == now and not self._is_alike(graph, moved):
                    undecided = one, other
            if not changed:
                break
        if undecided is not None:
            a, b = (named(self.others[found[i]]) + f" (atom {found[i]})" for i in undecided)
            first, second = (named(self.labels[i]) for i in undecided)
            raise InputError(
                f"{self.name} fits the model's molecule in more than one way: elements and bonds do not tell which of "
                f"{a} and {b} is {first} and which is {second}; give the atoms and residues the model's names"
            )
        return found

    def _merit(self, found: Found, moved: Exchanged) -> tuple[int, int]:
        """Chirality that fits, then names that fit, around the atoms that are exchanged."""
        rows = sorted({row for atom in moved for row in self.rows[atom]})
        index = np.array([[found[i] for i in self.wanted.centres[row].tolist()] for row in rows], dtype=int)
        signed = relative_volumes(self.points, index.reshape(-1, 4))[0] * self.wanted.signs[rows]
        return int((signed > 0).sum()), self._agreement(list(moved), [found[i] for i in moved])

    def _is_alike(self, graph: nx.Graph, moved: Exchanged) -> bool:
        """Tell whether only ends at one atom, or halves of a planar group, are exchanged."""
        around = {frozenset(graph[atom]) for atom in moved}
        return (len(around) == 1 and len(next(iter(around))) == 1) or frozenset(moved) in self.halves


def _exchanges(graph: nx.Graph) -> Iterator[tuple[int, int, Exchanged]]:
    """All exchanges of two atoms of one colour, those that others bring about left out."""
    classes: defaultdict[int, list[int]] = defaultdict(list)
    for node in sorted(graph):
        classes[graph.nodes[node]["colour"]].append(node)
    seen: set[tuple[int, int]] = set()
    for members in classes.values():
        for one, other in combinations(members, 2):
            moved = None if (one, other) in seen else exchange(graph, one, other)
            if moved is not None:
                seen |= set(moved.items())
                yield one, other, moved


def _by_colour(graph: nx.Graph) -> list[int]:
    """Atoms in an order that molecules of the same colours have in common."""
    return sorted(graph, key=lambda i: (graph.nodes[i]["colour"], i))
