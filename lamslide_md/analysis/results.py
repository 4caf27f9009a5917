"""The details behind the table of measures, by side, and their plain form for files."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class TorsionResult:
    """One torsion: Jensen-Shannon distances of rollout and floor, relaxation times (ps) by side."""

    name: str
    kind: str
    js_distance: float | None
    js_distance_error: float | None
    js_distance_floor: float | None
    relaxation_ps: Mapping[str, float | None]


@dataclass(frozen=True)
class MemoryResult:
    """Autocorrelation of every torsion (lags, torsions) by side, at common lags in ps."""

    lags_ps: np.ndarray
    autocorrelation: Mapping[str, np.ndarray]


def to_plain(value: Any) -> Any:  # noqa: ANN401 - walks anything a Comparison holds
    """Turn dataclasses, arrays and NumPy scalars to dicts, lists and numbers that JSON holds; NaN becomes None."""
    if is_dataclass(value):
        return {field.name: to_plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return to_plain(value.tolist())
    if isinstance(value, list | tuple):
        return [to_plain(entry) for entry in value]
    if isinstance(value, np.generic):
        return to_plain(value.item())
    if isinstance(value, float):
        # Seven digits are more than any of these numbers has, and keep the file readable.
        return float(f"{value:.7g}") if np.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
