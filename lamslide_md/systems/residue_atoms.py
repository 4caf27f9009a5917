"""Slots of a residue's atoms: by a table where it is a standard one, else by the bond graph and the names."""

from collections.abc import Sequence
from itertools import pairwise

import networkx as nx
import numpy as np
from jaxtyping import Float
from mdtraj.core.topology import Atom, Residue

from lamslide_md.data.slots import MOST_SLOTS, N_SLOTS
from lamslide_md.systems.fragments import fragments, spanning
from lamslide_md.systems.residues import ALIASES, ATOM_ALIASES, SLOTS

LIGHT = frozenset({"H", "D", "VS"})
"""Hydrogens, and virtual sites: what `atoms="heavy"` leaves out."""

SIDE_CHAIN_BEARERS = {
    "ALA": "CB CB CB",
    "ARG": "CB CB CG CG CD CD NE NH1 NH1 NH2 NH2",
    "ASN": "CB CB ND2 ND2",
    "ASP": "CB CB OD1 OD2",
    "CYS": "CB CB SG",
    "GLN": "CB CB CG CG NE2 NE2",
    "GLU": "CB CB CG CG OE1 OE2",
    "GLY": "CA",
    "HIS": "CB CB ND1 CD2 CE1 NE2",
    "ILE": "CB CG1 CG1 CG2 CG2 CG2 CD1 CD1 CD1",
    "LEU": "CB CB CG CD1 CD1 CD1 CD2 CD2 CD2",
    "LYS": "CB CB CG CG CD CD CE CE NZ NZ NZ",
    "MET": "CB CB CG CG CE CE CE",
    "PHE": "CB CB CD1 CD2 CE1 CE2 CZ",
    "PRO": "CB CB CG CG CD CD",
    "SER": "CB CB OG",
    "THR": "CB OG1 CG2 CG2 CG2",
    "TRP": "CB CB CD1 NE1 CE3 CZ2 CZ3 CH2",
    "TYR": "CB CB CD1 CD2 CE1 CE2 CZ OH",
    "VAL": "CB CG1 CG1 CG1 CG2 CG2 CG2",
}
"""Heavy atoms of the side chain that may bear a hydrogen, as often as they may, in any state of protonation."""

BEARERS = {name: f"N N N CA {atoms} OXT".split() for name, atoms in SIDE_CHAIN_BEARERS.items()} | {
    "ACE": ["CH3"] * 3,
    "NME": ["C"] * 3 + ["N"],
    "NHE": ["N"] * 2,
}
"""The same of whole residues: the order of the hydrogens' slots, which come after those of the heavy atoms. With those
of its carbon first, the methyl amide's first three atoms are no needle."""

Part = tuple[str, list[int | None]]
"""Kind of an entity, and the atom in each of its slots."""


def entities_of(
    residue: Residue, bonds: Sequence[tuple[int, int]], positions_nm: Float[np.ndarray, "atoms 3"] | None
) -> list[Part]:
    """Give the atoms of a residue their slots.

    A standard residue, with any of its hydrogens, is one entity with the same slots in all systems. Of others, each
    molecule is an entity, or several where it is larger than any standard residue. Their first three slots span a frame
    of reference; the other heavy atoms follow by name, then the hydrogens.

    Parameters
    ----------
    residue
        At least one atom.
    bonds
        Within the residue, by atom index.
    positions_nm
        Of all atoms, by which three on a line are not taken for a frame; None: not known.

    Returns
    -------
    list
        Entities, with the kinds that tell them apart.
    """
    name = ALIASES.get(residue.name, residue.name)
    standard = _standard_slots(residue, name, bonds)
    if standard is not None:
        return [(name, standard)]
    atoms = sorted(residue.atoms, key=lambda atom: (is_light(atom), atom.name, atom.index))
    number = {atom.index: i for i, atom in enumerate(atoms)}
    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(number.values())
    graph.add_edges_from((number[one], number[other]) for one, other in bonds)
    n_heavy, backbone = sum(not is_light(atom) for atom in atoms), _backbone([atom.name for atom in atoms], graph)
    own_nm = None if positions_nm is None else positions_nm[[atom.index for atom in atoms]]
    found = []
    for part in fragments(graph, n_heavy, backbone, N_SLOTS, MOST_SLOTS):
        has_backbone = part.issuperset(backbone) and bool(backbone)
        first = backbone if has_backbone else spanning(graph.subgraph(part), n_heavy, own_nm)
        found.append((not has_backbone, [*first, *sorted(part - set(first))]))
    found.sort(key=lambda part: part[0])
    # The backbone is in the first, which is called as the residue is.
    kinds = [f"{name}:{i + 1}" if i else name for i in range(len(found))]
    return [(kind, [atoms[i].index for i in own]) for kind, (_, own) in zip(kinds, found, strict=True)]


def is_light(atom: Atom) -> bool:
    """Tell hydrogens and virtual sites."""
    return atom.element is None or atom.element.symbol in LIGHT


def _standard_slots(residue: Residue, name: str, bonds: Sequence[tuple[int, int]]) -> list[int | None] | None:
    """Slots by the tables; None where the residue has an atom that is not in them."""
    if name not in SLOTS:
        return None
    names = [*SLOTS[name], *BEARERS[name]]
    slots: list[int | None] = [None] * len(names)
    heavy: dict[int, str] = {}
    for atom in residue.atoms:
        if not is_light(atom):
            own = ATOM_ALIASES.get((residue.name, atom.name), atom.name)
            place = SLOTS[name].index(own) if own in SLOTS[name] else None
            if place is None or slots[place] is not None:
                return None
            slots[place], heavy[atom.index] = atom.index, own
    bearer = {other: heavy[one] for bond in bonds for one, other in (bond, bond[::-1]) if one in heavy}
    for atom in sorted(filter(is_light, residue.atoms), key=lambda atom: (atom.name, atom.index)):
        # The one acidic hydrogen of a carboxyl group is on either oxygen.
        own = bearer.get(atom.index, "")
        own = "OXT" if own == "O" else own
        free = (i for i in range(len(SLOTS[name]), len(names)) if names[i] == own and slots[i] is None)
        place = next(free, None)
        if place is None:
            return None
        slots[place] = atom.index
    return slots


def _backbone(names: Sequence[str], graph: "nx.Graph[int]") -> tuple[int, ...]:
    """N, C-alpha and C of a modified amino acid; nothing where it is none."""
    if not {"N", "CA", "C"} <= set(names):
        return ()
    three = tuple(names.index(name) for name in ("N", "CA", "C"))
    return three if all(graph.has_edge(*pair) for pair in pairwise(three)) else ()
