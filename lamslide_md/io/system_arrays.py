"""A `System` as the arrays of a model file, and back."""

from collections.abc import Sequence

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.io.model_arrays import COLUMNS, Arrays, Vocabularies
from lamslide_md.systems.constraints import Constraints
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.symmetry import N_BINS, Exchange, Group
from lamslide_md.systems.system import System

Starts = Float[np.ndarray, "starts context points dim"]


def arrays_of(system: System, starts_nm: Starts | None = None) -> Arrays:
    """Take a system apart.

    Parameters
    ----------
    system
        Its vocabularies and number of slots, which all systems of a model share, are kept elsewhere.
    starts_nm
        Windows of context frames; None: none.

    Returns
    -------
    dict
        All of `COLUMNS`; texts are lists of strings.
    """
    entities, held, exchanges = system.entities, system.constraints, system.exchanges
    swaps = [(pair, i) for i, exchange in enumerate(exchanges) for pair in exchange.group.swaps]
    return {
        "points/entity": entities.entity_of_point,
        "points/slot": entities.slot_of_point,
        "points/reference_nm": system.reference_nm,
        "entities/kinds": entities.kinds,
        "bonds/points": entities.bonds,
        **_arrays_of_topology(system.topology or md.Topology()),
        "pairs/points": held.pairs,
        "pairs/lower_nm": held.lower_nm,
        "pairs/upper_nm": held.upper_nm,
        "contacts/distance_nm": np.array([held.contact_nm] if held.contact_nm else [], dtype=np.float64),
        "centres/points": held.centres,
        "centres/sign": held.signs,
        "fit/point": np.empty(0, dtype=int) if system.fit is None else system.fit,
        "exchanges/torsion": _integers([exchange.group.torsion for exchange in exchanges], 4),
        "exchanges/seam_rad": np.array([exchange.seam_rad for exchange in exchanges], dtype=np.float64),
        "exchanges/flips": np.array([e.flips for e in exchanges], dtype=np.float64).reshape(-1, N_BINS, N_BINS),
        "swaps/points": _integers([pair for pair, _ in swaps], 2),
        "swaps/exchange": _integers([i for _, i in swaps]),
        "starts/points_nm": np.empty((0, entities.dim)) if starts_nm is None else starts_nm.reshape(-1, entities.dim),
    }


def _arrays_of_topology(topology: md.Topology) -> Arrays:
    atoms = [topology.atom(i) for i in range(topology.n_atoms)]
    residues = list(topology.residues)
    return {
        "atoms/name": _texts([atom.name for atom in atoms]),
        "atoms/element": _texts([atom.element.symbol for atom in atoms]),
        "atoms/residue": _integers([atom.residue.index for atom in atoms]),
        "residues/name": _texts([residue.name for residue in residues]),
        "residues/number": _integers([residue.resSeq for residue in residues]),
        "residues/segment": _texts([residue.segment_id for residue in residues]),
        "residues/chain": _integers([residue.chain.index for residue in residues]),
        "atom_bonds/atoms": _integers([(one.index, other.index) for one, other in topology.bonds], 2),
    }


def _integers(values: Sequence[int | tuple[int, ...]], *row: int) -> np.ndarray:
    return np.array(values, dtype=np.int64).reshape(-1, *row)


def _texts(values: list[str]) -> np.ndarray:
    return np.array([*values, None], dtype=object)[:-1]


def system_of(arrays: Arrays, vocabularies: Vocabularies, n_slots: int) -> System:
    """Put a system together: the inverse of `arrays_of`.

    Parameters
    ----------
    arrays
        Of one system, checked.
    vocabularies
        Names of the kinds.
    n_slots
        Of an entity.

    Returns
    -------
    System
        As it was taken apart.

    Raises
    ------
    KeyError
        If an element is unknown.
    """
    whole = {
        name: arrays[name].astype(int) if column.dtype.startswith("int") and not column.is_text else arrays[name]
        for name, column in COLUMNS.items()
    }
    reference_nm, fit = whole["points/reference_nm"], whole["fit/point"]
    entities = Entities(
        whole["points/entity"],
        whole["points/slot"],
        whole["entities/kinds"],
        vocabularies,
        whole["bonds/points"],
        n_slots,
        reference_nm.shape[1],
    )
    ends = (whole["pairs/lower_nm"], whole["pairs/upper_nm"])
    contact_nm = float(whole["contacts/distance_nm"].sum())
    held = Constraints(whole["pairs/points"], *ends, whole["centres/points"], whole["centres/sign"], contact_nm)
    topology = _topology_of(whole) if len(whole["atoms/name"]) else None
    return System(entities, reference_nm, topology, held, fit if len(fit) else None, _exchanges_of(whole))


def _topology_of(whole: Arrays) -> md.Topology:
    topology = md.Topology()
    for number in range(int(whole["residues/chain"].max()) + 1):
        chain = topology.add_chain()
        for i in np.flatnonzero(whole["residues/chain"] == number):
            name, number_in_file, segment = (whole[f"residues/{column}"][i] for column in ("name", "number", "segment"))
            topology.add_residue(name, chain, int(number_in_file), segment)
    residues = list(topology.residues)
    columns = (whole[f"atoms/{column}"] for column in ("name", "element", "residue"))
    for name, symbol, residue in zip(*columns, strict=True):
        topology.add_atom(name, md.element.get_by_symbol(symbol), residues[residue])
    for one, other in whole["atom_bonds/atoms"].tolist():
        topology.add_bond(topology.atom(one), topology.atom(other))
    return topology


def _exchanges_of(whole: Arrays) -> tuple[Exchange, ...]:
    exchanges = []
    for i, torsion in enumerate(whole["exchanges/torsion"].tolist()):
        first, second, third, fourth = torsion
        swaps = whole["swaps/points"][whole["swaps/exchange"] == i].tolist()
        group = Group((first, second, third, fourth), tuple((one, other) for one, other in swaps))
        exchanges.append(Exchange(group, float(whole["exchanges/seam_rad"][i]), whole["exchanges/flips"][i]))
    return tuple(exchanges)


def starts_of(arrays: Arrays, n_known: int) -> Starts:
    """Windows of context frames of one system.

    Parameters
    ----------
    arrays
        Of one system, checked.
    n_known
        Frames of each.

    Returns
    -------
    np.ndarray
        Coordinates, nm.
    """
    n_points, dim = arrays["points/reference_nm"].shape
    return arrays["starts/points_nm"].reshape(-1, n_known, n_points, dim)
