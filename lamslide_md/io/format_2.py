"""Format 2, in which arrays were lists in the JSON header."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lamslide_md.io.model_arrays import Arrays, pack
from lamslide_md.io.texts import Texts
from lamslide_md.systems.symmetry import N_BINS

Content = dict[str, Any]


def lists_to_arrays(content: Content) -> Arrays:
    """Take systems and starts out of a header, in place.

    Parameters
    ----------
    content
        Of format 2; whatever is wrong with it may end in any error of Python's.

    Returns
    -------
    dict
        Tensors of format 3 by name, not yet checked.
    """
    systems, starts = content.pop("systems"), content.pop("starts_nm")
    n_known = content["settings"]["flow"].get("n_known", 1)
    if len(starts) not in ((1,) if len(systems) == 1 else (0, len(systems))):
        raise ValueError("starts_nm and systems differ in length")
    alike = [[system["entities"][name] for name in ("vocabularies", "n_slots", "dim")] for system in systems]
    if any(own != alike[0] for own in alike):
        raise ValueError("systems differ in vocabularies, slots or dim")
    words, content["n_slots"], _ = alike[0]
    vocabularies = tuple(tuple(_texts(column)) for column in words)
    texts = Texts()
    rows = [_rows(system, of, n_known) for system, of in zip(systems, starts or [None] * len(systems), strict=True)]
    return {**pack(rows, vocabularies, texts), **texts.arrays()}


def _rows(system: Content, starts: Any, n_known: int) -> Arrays:  # noqa: ANN401 - of a file
    entities, held, exchanges = system["entities"], system["constraints"], system.get("exchanges", [])
    dim, n_points = entities["dim"], len(entities["entity_of_point"])
    fit = system.get("fit")
    swaps = [(pair, i) for i, exchange in enumerate(exchanges) for pair in exchange["swaps"]]
    no_starts = np.empty((0, n_known, n_points, dim))
    return {
        "points/entity": _numbers(entities["entity_of_point"]),
        "points/slot": _numbers(entities["slot_of_point"]),
        "points/reference_nm": _numbers(system["reference_nm"], dim),
        "entities/kinds": _numbers(entities["kinds"], len(entities["vocabularies"])),
        "bonds/points": _numbers(entities["bonds"], 2),
        **_rows_of_topology(system["topology"] or {"chains": [], "bonds": []}),
        "pairs/points": _numbers(held["pairs"], 2),
        "pairs/lower_nm": _numbers(held["lower_nm"]),
        "pairs/upper_nm": _numbers([np.inf if end is None else end for end in held["upper_nm"]]),
        "contacts/distance_nm": _numbers([]),
        "centres/points": _numbers(held["centres"], 4),
        "centres/sign": _numbers(held["signs"]),
        "fit/point": _numbers([] if fit is None else fit),
        "exchanges/torsion": _numbers([exchange["torsion"] for exchange in exchanges], 4),
        "exchanges/seam_rad": _numbers([exchange["seam_rad"] for exchange in exchanges]),
        "exchanges/flips": _numbers([exchange["flips"] for exchange in exchanges], N_BINS, N_BINS),
        "swaps/points": _numbers([pair for pair, _ in swaps], 2),
        "swaps/exchange": _numbers([i for _, i in swaps]),
        "starts/points_nm": (no_starts if starts is None else _numbers(starts, n_known, n_points, dim)).reshape(
            -1, dim
        ),
    }


def _rows_of_topology(topology: Content) -> Arrays:
    residues = [(number, residue) for number, chain in enumerate(topology["chains"]) for residue in chain]
    atoms = [(i, atom) for i, (_, residue) in enumerate(residues) for atom in residue["atoms"]]
    return {
        "atoms/name": _texts([name for _, (name, _) in atoms]),
        "atoms/element": _texts([symbol for _, (_, symbol) in atoms]),
        "atoms/residue": _numbers([i for i, _ in atoms]),
        "residues/name": _texts([residue["name"] for _, residue in residues]),
        "residues/number": _numbers([residue["number"] for _, residue in residues]),
        "residues/segment": _texts([residue["segment"] for _, residue in residues]),
        "residues/chain": _numbers([number for number, _ in residues]),
        "atom_bonds/atoms": _numbers(topology["bonds"], 2),
    }


def _numbers(values: Sequence[Any], *row: int) -> np.ndarray:
    """Make an array of nested lists; `pack` sees to the types of the numbers."""
    if not isinstance(values, list):
        raise TypeError(f"{type(values).__name__} in place of a list")
    array = np.array(values) if values else np.empty((0, *row), dtype=np.int64)
    if array.shape[1:] != row:
        raise ValueError(f"a list of the shape {array.shape}, not of rows of {row}")
    return array


def _texts(values: Sequence[Any]) -> np.ndarray:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise TypeError("something in place of texts")
    return np.array([*values, None], dtype=object)[:-1]
