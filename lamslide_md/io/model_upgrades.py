"""Model files of older formats: one step for each change of the format, on JSON header and tensors as stored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lamslide_md.data.slots import OF_AFTER, OF_BEFORE
from lamslide_md.io import format_2

Content = dict[str, Any]
Arrays = dict[str, np.ndarray]
Tensors = dict[str, Any]


def _unchanged(tensors: Tensors) -> Tensors:
    return tensors


@dataclass(frozen=True)
class Step:
    """From one format to the next; raises any error of Python's where the content is not what it should be.

    Attributes
    ----------
    content
        Changes header, but for its version, and arrays other than weights in place.
    tensors
        Returns the weights, by name, as the next format has them.
    """

    content: Callable[[Content, Arrays], None]
    tensors: Callable[[Tensors], Tensors] = _unchanged


def _to_2(content: Content, _: Arrays) -> None:
    """Number types that were not chosen yet; a loss that was divided by all pairs; one that was without a meaning."""
    settings = content["settings"]
    first, flow = settings["autoencoder"], settings["flow"]
    for stage in (first, flow):
        stage["optimisation"]["iteration_dtype"] = "bfloat16"
    if settings["placement"] != "local":
        return
    first["distance_weight"] = first.get("distance_weight", 1.0) * _share_of_pairs(content["systems"])
    if flow.get("decoded_weight", 0.0) > 0:
        content["provenance"]["format_1"] = {"flow.decoded_weight": flow["decoded_weight"]}
        flow["decoded_weight"] = 0.0


def _share_of_pairs(systems: list[Content]) -> float:
    """Pairs of slots within a residue and what it sees of its neighbours, of all pairs of slots of a chain."""
    within = total = 0
    for system in systems:
        slots: dict[int, set[int]] = {}
        entities = system["entities"]
        for entity, slot in zip(entities["entity_of_point"], entities["slot_of_point"], strict=True):
            slots.setdefault(int(entity), set()).add(slot)
        sizes = [
            len(own) + len(slots.get(i - 1, set()) & {*OF_BEFORE}) + len(slots.get(i + 1, set()) & {*OF_AFTER})
            for i, own in slots.items()
        ]
        within += sum(n * (n - 1) for n in sizes)
        total += sum(sizes) * (sum(sizes) - 1)
    return within / total


def _to_3(content: Content, arrays: Arrays) -> None:
    """Lists in the header that became arrays."""
    arrays |= format_2.lists_to_arrays(content)


def _to_4(_: Content, arrays: Arrays) -> None:
    """Contacts of all pairs but those listed, which no system had."""
    n_systems = len(arrays["points/offsets"]) - 1
    arrays |= {"contacts/distance_nm": np.empty(0), "contacts/offsets": np.zeros(n_systems + 1, dtype=np.int64)}


def _to_5(_: Content, __: Arrays) -> None:
    """A map of the flow, which no model had."""


STEPS = {1: Step(_to_2), 2: Step(_to_3), 3: Step(_to_4), 4: Step(_to_5)}
"""By the version that they begin at; the last one ends at that which is written (`model_header.FORMAT_VERSION`)."""


def upgrade_content(content: Content, arrays: Arrays) -> Arrays:
    """Bring header and arrays to the format that is written today.

    Parameters
    ----------
    content
        The header as stored, of a version that is known; changed in place. Whatever else is wrong with it may end
        in any error of Python's.
    arrays
        As stored, other than weights.

    Returns
    -------
    dict
        Arrays by name.
    """
    arrays = dict(arrays)
    while content["format_version"] in STEPS:
        STEPS[content["format_version"]].content(content, arrays)
        content["format_version"] += 1
    return arrays


def upgrade_tensors(tensors: Tensors, version: int) -> Tensors:
    """Bring weights to the format that is written today.

    Parameters
    ----------
    tensors
        As stored, by name.
    version
        Of the file.

    Returns
    -------
    dict
        By name.
    """
    while version in STEPS:
        tensors = STEPS[version].tensors(tensors)
        version += 1
    return tensors
