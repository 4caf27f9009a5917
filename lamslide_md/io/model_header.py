"""The JSON header of a `.lamslide` file: what is neither weights nor arrays, checked before it is used."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

from lamslide_md.config import Settings

FORMAT_VERSION = 5
"""Of the files that are written. Raised with every change after which an older program would read something else, or an
older file would mean something else; then `model_upgrades` has one more step, and the tests one more stored file."""


class Header(BaseModel):
    """Everything in a model file besides weights and arrays; its size does not grow with the systems."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format_version: Literal[5] = 5
    settings: Settings
    n_slots: PositiveInt
    """Of an entity of any of the systems."""
    length_scale_nm: PositiveFloat
    frame_interval_ps: PositiveFloat
    temperature_K: PositiveFloat | None
    provenance: dict[str, Any]
    """Lists with an item for each trajectory or system stand in arrays (see `provenance_arrays`)."""
