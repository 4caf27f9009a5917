"""Model files of older formats: one step for each change of the format, on JSON header and tensors as stored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lamslide_md.data.slots import OF_AFTER, OF_BEFORE

Content = dict[str, Any]
Tensors = dict[str, Any]


def _unchanged(tensors: Tensors) -> Tensors:
    return tensors


@dataclass(frozen=True)
class Step:
    """From one format to the next; raises any error of Python's where the content is not what it should be.

    Attributes
    ----------
    header
        Changes the header in place, but for its version.
    tensors
        Returns the tensors, by name, as the next format has them.
    """

    header: Callable[[Content], None]
    tensors: Callable[[Tensors], Tensors] = _unchanged


def _to_2(content: Content) -> None:
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


STEPS = {1: Step(_to_2)}
"""By the version that they begin at; the last one ends at that which is written (`model_header.FORMAT_VERSION`)."""


def upgrade_header(content: Content) -> None:
    """Bring a header to the format that is written today, in place.

    Parameters
    ----------
    content
        As stored, of a version that is known. Whatever else is wrong with it may end in any error of Python's.
    """
    while content["format_version"] in STEPS:
        STEPS[content["format_version"]].header(content)
        content["format_version"] += 1


def upgrade_tensors(tensors: Tensors, version: int) -> Tensors:
    """Bring tensors to the format that is written today.

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
