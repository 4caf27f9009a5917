"""Lists of a model's provenance that grow with its data: arrays in the file, plain lists in memory."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lamslide_md.io.texts import Texts, read_texts

HASHES, EXTENTS, NOTES = "trajectory_hashes", "radius_of_gyration_nm", "notes"
ARRAYS = {name: f"provenance/{name}" for name in (HASHES, EXTENTS, NOTES)}
"""Tensor of each list; there is none of a list that is missing or of another kind, which stays in the header."""

SHA256 = 32
"""Bytes."""


def lists_to_arrays(provenance: Mapping[str, Any], texts: Texts) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Take the lists out.

    Parameters
    ----------
    provenance
        Not changed.
    texts
        Takes up the notes.

    Returns
    -------
    rest
        For JSON; None stands in the place of each list.
    arrays
        Tensors by name.
    """
    rest, arrays = dict(provenance), {}
    makers: dict[str, Callable[[list[Any]], np.ndarray | None]] = {
        HASHES: _hashes,
        EXTENTS: _extents,
        NOTES: lambda notes: texts.indices(notes) if all(isinstance(note, str) for note in notes) else None,
    }
    for name, make in makers.items():
        values = rest.get(name)
        array = make(values) if isinstance(values, list) and values else None
        if array is not None:
            rest[name], arrays[ARRAYS[name]] = None, array
    return rest, arrays


def _hashes(values: list[Any]) -> np.ndarray | None:
    if not all(isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) for value in values):
        return None
    return np.frombuffer(bytes.fromhex("".join(values)), dtype=np.uint8).reshape(-1, SHA256).copy()


def _extents(values: list[Any]) -> np.ndarray | None:
    pairs = all(isinstance(ends, list | tuple) and len(ends) == 2 for ends in values)
    if not pairs or not all(isinstance(end, float) and np.isfinite(end) for ends in values for end in ends):
        return None
    return np.array(values, dtype=np.float64)


def arrays_to_lists(provenance: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Put the lists back: the inverse of `lists_to_arrays`.

    Parameters
    ----------
    provenance
        As stored in JSON.
    arrays
        Tensors of the file by name, `texts` among them.

    Returns
    -------
    dict
        In full.

    Raises
    ------
    ValueError
        If an array is of another type or shape, or there is no place for it.
    """
    whole = dict(provenance)
    for name, key in ARRAYS.items():
        if key not in arrays:
            continue
        values = arrays[key]
        if name not in whole or whole[name] is not None:
            raise ValueError(f"{key} has no place in the provenance")
        if name == HASHES and values.dtype == np.uint8 and values.shape[1:] == (SHA256,):
            whole[name] = [row.tobytes().hex() for row in values]
        elif name == EXTENTS and values.dtype == np.float64 and values.shape[1:] == (2,) and np.isfinite(values).all():
            whole[name] = values.tolist()
        elif name == NOTES and values.dtype == np.int32 and values.ndim == 1:
            texts = read_texts(arrays)
            if not ((values >= 0) & (values < len(texts))).all():
                raise ValueError(f"{key} names a text that is not there")
            whole[name] = [texts[i] for i in values]
        else:
            raise ValueError(f"{key} holds something else")
    return whole
