"""Arrays of a model file are refused where they do not fit together, before anything is made of them."""

from collections.abc import Mapping

import numpy as np

from lamslide_md.data.slots import MOST_SLOTS
from lamslide_md.io.model_arrays import COLUMNS, GROUPS, VOCABULARIES, Column
from lamslide_md.io.texts import Texts, read_texts


def check(arrays: Mapping[str, np.ndarray], n_slots: int, n_known: int) -> None:
    """Refuse arrays that do not fit together; nothing is allocated by what they claim.

    Parameters
    ----------
    arrays
        As stored: all of `COLUMNS`, offsets and vocabularies.
    n_slots
        Of an entity.
    n_known
        Known frames of a start.

    Raises
    ------
    ValueError
        If they do not; the message names the array.
    """
    groups = {*GROUPS, VOCABULARIES}
    wanted = {*COLUMNS, f"{VOCABULARIES}/word", *(f"{group}/offsets" for group in groups), *Texts.NAMES}
    for name in sorted(wanted ^ set(arrays)):
        raise ValueError(f"{name} {'is missing' if name in wanted else 'belongs to nothing'}")
    n_texts = len(read_texts(arrays))
    n_systems = arrays["points/offsets"].size - 1
    _demand(n_systems > 0, "points/offsets has no system")
    sizes = {group: _sizes(arrays, group, n_systems) for group in GROUPS}
    _demand(bool((sizes["points"] > 0).all()), "points/offsets has a system of no points")
    for name, column in COLUMNS.items():
        group = name.partition("/")[0]
        _check_column(name, column, arrays[name], int(sizes[group].sum()))
        if column.of is not None:
            limits = np.repeat(np.full(n_systems, n_texts) if column.is_text else sizes[column.of], sizes[group])
            inside = (arrays[name] >= 0) & (arrays[name] < limits.reshape(-1, *[1] * len(column.row)))
            _demand(bool(inside.all()), f"{name} names one of {column.of} that is not there")
    _check_vocabularies(arrays, n_texts)
    _check_relations(arrays, sizes, n_slots, n_known)


def _sizes(arrays: Mapping[str, np.ndarray], group: str, n_parts: int) -> np.ndarray:
    """Numbers of rows, of which there are so many as the offsets say."""
    name, offsets = f"{group}/offsets", arrays[f"{group}/offsets"]
    _demand(offsets.dtype == np.int64 and offsets.shape == (n_parts + 1,), f"{name} is of another type or length")
    rises = offsets[0] == 0 and bool((offsets[1:] >= offsets[:-1]).all())
    rows = [arrays[column] for column in (*COLUMNS, f"{VOCABULARIES}/word") if column.partition("/")[0] == group]
    _demand(rises and all(len(values.shape) > 0 for values in rows), f"{name} does not rise from 0")
    _demand(all(len(values) == offsets[-1] for values in rows), f"{name} does not end where its columns do")
    return np.diff(offsets)


def _check_column(name: str, column: Column, values: np.ndarray, n_rows: int) -> None:
    _demand(values.dtype == np.dtype(column.dtype), f"{name} holds {values.dtype} in place of {column.dtype}")
    fits = values.ndim == 1 + len(column.row) and all(
        expected in (None, length) for expected, length in zip(column.row, values.shape[1:], strict=True)
    )
    _demand(fits and len(values) == n_rows, f"{name} has the shape {values.shape}")
    widest = np.finfo(values.dtype) if values.dtype.kind == "f" else np.iinfo(values.dtype)
    low = widest.min if column.low is None else column.low
    high = widest.max if column.high is None else column.high
    # Written so that NaN is outside of every range.
    _demand(bool(((values >= low) & (values <= high)).all()), f"{name} holds numbers outside of {low:g} to {high:g}")


def _check_vocabularies(arrays: Mapping[str, np.ndarray], n_texts: int) -> None:
    words, kinds = arrays[f"{VOCABULARIES}/word"], arrays["entities/kinds"]
    n_words = _sizes(arrays, VOCABULARIES, kinds.shape[1])
    known = words.dtype == np.int32 and words.ndim == 1 and bool(((words >= 0) & (words < n_texts)).all())
    _demand(known, f"{VOCABULARIES}/word names a text that is not there")
    _demand(bool((kinds < n_words).all()), "entities/kinds names a word that is not in the vocabulary")


def _check_relations(
    arrays: Mapping[str, np.ndarray], sizes: Mapping[str, np.ndarray], n_slots: int, n_known: int
) -> None:
    """What columns of different groups owe each other."""
    points, atoms, dim = sizes["points"], sizes["atoms"], arrays["points/reference_nm"].shape[1]
    _demand(1 <= dim <= 3, "points/reference_nm is not of 1 to 3 dimensions")
    _demand(bool((sizes["entities"] <= points).all()), "entities are more than points")
    # A residue has slots that a small molecule does not fill; more than points and those have no use.
    slots_suffice = bool((arrays["points/slot"] < n_slots).all()) and n_slots <= max(int(points.min()), MOST_SLOTS)
    _demand(slots_suffice, "points/slot names a slot that is not there")
    _demand(bool(((atoms == 0) | (atoms == points)).all()), "atoms and points differ in number")
    _demand(bool(((sizes["residues"] > 0) == (atoms > 0)).all()), "residues are there without atoms")
    _demand(
        bool((arrays["pairs/lower_nm"] <= arrays["pairs/upper_nm"]).all()), "pairs/lower_nm is above pairs/upper_nm"
    )
    _demand(bool((sizes["contacts"] <= 1).all()), "contacts/distance_nm has more than one of a system")
    _demand(bool((arrays["contacts/distance_nm"] > 0).all()), "contacts/distance_nm holds a zero")
    _demand(bool((arrays["centres/sign"] != 0).all()), "centres/sign holds a zero")
    _demand(bool(((sizes["fit"] == 0) | (sizes["fit"] > 2)).all()), "fit/point has less than three")
    flat = dim < 3 and bool((sizes["contacts"] + sizes["centres"] + sizes["exchanges"]).any())
    _demand(not flat, "contacts, centres and exchanges are there, which only space has")
    first_of = np.cumsum(sizes["exchanges"]) - sizes["exchanges"]
    exchanged = arrays["swaps/exchange"] + np.repeat(first_of, sizes["swaps"])
    _demand(len(np.unique(exchanged)) == sizes["exchanges"].sum(), "exchanges/torsion has one without swaps")
    _check_chains(arrays["residues/chain"], arrays["residues/offsets"])
    starts, needed = sizes["starts"], len(points) == 1 or bool(sizes["starts"].any())
    whole = bool((starts % (n_known * points) == 0).all()) and (not needed or bool((starts > 0).all()))
    _demand(whole and arrays["starts/points_nm"].shape[1] == dim, "starts/points_nm does not fit the points")


def _check_chains(chain: np.ndarray, offsets: np.ndarray) -> None:
    """Chains are counted from 0 in every system, one after another."""
    steps = np.diff(chain, prepend=0)
    begins = offsets[:-1][offsets[:-1] < offsets[1:]]
    inner = np.ones(len(chain), dtype=bool)
    inner[begins] = False
    sound = bool((chain[begins] == 0).all()) and bool(np.isin(steps[inner], (0, 1)).all())
    _demand(sound, "residues/chain does not count the chains")


def _demand(condition: bool | np.bool_, complaint: str) -> None:
    if not condition:
        raise ValueError(complaint)
