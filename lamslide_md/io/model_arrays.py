"""Arrays of a model file besides the weights: which there are, rows of all systems one after another, and back.

A tensor is named ``GROUP/COLUMN``. The columns of a group have a row for each point, bond, residue and so on;
``GROUP/offsets`` tells where the rows of each system begin, and where the last ones end. Texts are stored once and
counted.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lamslide_md.io.texts import Texts, read_texts
from lamslide_md.systems.symmetry import N_BINS

Arrays = dict[str, np.ndarray]
Vocabularies = tuple[tuple[str, ...], ...]

FARTHEST_NM = 1e9
"""Coordinates beyond are no coordinates; points may be in any unit of length."""


@dataclass(frozen=True)
class Column:
    """What one array holds.

    Attributes
    ----------
    dtype
        As stored; indices are wider in memory.
    row
        Shape of a row; None stands for a length that other arrays tell.
    of
        Group that the values are indices into, of the same system; ``texts`` are those of all systems.
    low, high
        Least and largest value; infinite ones must be allowed by name.
    """

    dtype: str
    row: tuple[int | None, ...] = ()
    of: str | None = None
    low: float | int | None = None
    high: float | int | None = None

    @property
    def is_text(self) -> bool:
        """Whether the values stand for texts."""
        return self.of == "texts"


COLUMNS = {
    "points/entity": Column("int32", of="entities"),
    "points/slot": Column("int32", low=0),
    "points/reference_nm": Column("float32", (None,), low=-FARTHEST_NM, high=FARTHEST_NM),
    "entities/kinds": Column("int32", (None,), low=0),
    "bonds/points": Column("int32", (2,), of="points"),
    "atoms/name": Column("int32", of="texts"),
    "atoms/element": Column("int32", of="texts"),
    "atoms/residue": Column("int32", of="residues"),
    "residues/name": Column("int32", of="texts"),
    "residues/number": Column("int64"),
    "residues/segment": Column("int32", of="texts"),
    "residues/chain": Column("int32", of="residues"),
    "atom_bonds/atoms": Column("int32", (2,), of="atoms"),
    "pairs/points": Column("int32", (2,), of="points"),
    "pairs/lower_nm": Column("float64", low=0, high=FARTHEST_NM),
    "pairs/upper_nm": Column("float64", low=0, high=np.inf),
    "contacts/distance_nm": Column("float64", low=0, high=1),
    "centres/points": Column("int32", (4,), of="points"),
    "centres/sign": Column("int32", low=-1, high=1),
    "fit/point": Column("int32", of="points"),
    "exchanges/torsion": Column("int32", (4,), of="points"),
    "exchanges/seam_rad": Column("float64"),
    "exchanges/flips": Column("float64", (N_BINS, N_BINS), low=0, high=1),
    "swaps/points": Column("int32", (2,), of="points"),
    "swaps/exchange": Column("int32", of="exchanges"),
    "starts/points_nm": Column("float32", (None,), low=-FARTHEST_NM, high=FARTHEST_NM),
}
"""Of every system. No atoms: points without a topology. No fit: all points are superposed. No contacts: only pairs keep
apart. Starts are context frames, start by start and frame by frame."""

GROUPS = tuple(dict.fromkeys(name.partition("/")[0] for name in COLUMNS))

VOCABULARIES = "vocabularies"
"""Group of the words of the kinds, column by column in place of system by system."""


def pack(systems: Sequence[Arrays], vocabularies: Vocabularies, texts: Texts) -> Arrays:
    """Join the arrays of several systems.

    Parameters
    ----------
    systems
        Of each all of `COLUMNS`; texts are lists or arrays of strings.
    vocabularies
        Names of the kinds, the same for all systems.
    texts
        Takes up every text.

    Returns
    -------
    dict
        Tensors by name; those of `texts` are not yet among them.

    Raises
    ------
    ValueError
        If rows are missing, or numbers do not fit their type.
    """
    packed: Arrays = {}
    for name, column in COLUMNS.items():
        parts = [texts.indices(system[name]) if column.is_text else np.asarray(system[name]) for system in systems]
        packed[name] = stored(np.concatenate(parts), column.dtype)
        packed[f"{name.partition('/')[0]}/offsets"] = offsets_of(parts)
    packed[f"{VOCABULARIES}/word"] = texts.indices([word for words in vocabularies for word in words])
    packed[f"{VOCABULARIES}/offsets"] = offsets_of(vocabularies)
    return packed


def stored(values: np.ndarray, dtype: str) -> np.ndarray:
    """Convert numbers to the type that is stored, integers only if they fit.

    Parameters
    ----------
    values
        Numbers.
    dtype
        Of a `Column`.

    Returns
    -------
    np.ndarray
        The same numbers; rounded where single precision is stored, infinite where they are too large for it.

    Raises
    ------
    ValueError
        If they are no numbers of that kind.
    """
    kind = np.dtype(dtype).kind
    if values.size and values.dtype.kind not in ("iu" if kind == "i" else "iuf"):
        raise ValueError(f"{values.dtype} in place of {dtype}")
    if kind == "i" and values.size:
        ends = np.iinfo(dtype)
        if values.min() < ends.min or ends.max < values.max():
            raise ValueError(f"an integer that is none of {dtype}")
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values.astype(dtype))


def offsets_of(parts: Iterable[Sequence[object] | np.ndarray]) -> np.ndarray:
    """Where each of several parts begins, and where the last one ends."""
    return np.cumsum([0, *map(len, parts)], dtype=np.int64)


def unpack(arrays: Mapping[str, np.ndarray]) -> tuple[list[Arrays], Vocabularies]:
    """Take the arrays of several systems apart: the inverse of `pack`.

    Parameters
    ----------
    arrays
        As stored, checked.

    Returns
    -------
    systems
        Of each all of `COLUMNS`, with texts in place of their indices.
    vocabularies
        Names of the kinds.
    """
    texts = np.array([*read_texts(arrays), None], dtype=object)
    whole = {name: texts[arrays[name]] if column.is_text else arrays[name] for name, column in COLUMNS.items()}
    systems = []
    for i in range(len(arrays["points/offsets"]) - 1):
        begin_end = {group: arrays[f"{group}/offsets"][i : i + 2] for group in GROUPS}
        systems.append({name: values[slice(*begin_end[name.partition("/")[0]])] for name, values in whole.items()})
    words = np.split(texts[arrays[f"{VOCABULARIES}/word"]], arrays[f"{VOCABULARIES}/offsets"][1:-1])
    return systems, tuple(tuple(column) for column in words[: arrays["entities/kinds"].shape[1]])
