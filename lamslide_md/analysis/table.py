"""One table for several systems: every measure of each beside its floor, means, failures counted and named."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from lamslide_md.analysis.compare.comparison import FORMAT_VERSION, Comparison
from lamslide_md.errors import InputError
from lamslide_md.io.checked_values import checked
from lamslide_md.io.given_paths import path_of
from lamslide_md.io.outputs import write_result
from lamslide_md.io.structured_texts import RESULT_BYTES, read_structured, shortened

MOST_MEASURES = 1000
Text = Annotated[str, Field(max_length=1000)]
# Squares of these, which the errors are made of, are finite.
Value = Annotated[float, Field(ge=-1e100, le=1e100)]


class Stored(BaseModel):
    """A part of a comparison, as it is on disk; what else is there is of no use for a table."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class StoredKind(Stored):
    """What is measured."""

    key: Text
    label: Text
    unit: Text


class StoredMeasure(Stored):
    """One measure; None where undefined."""

    kind: StoredKind
    rollout: Value | None
    floor: Value | None
    ratio: Value | None
    note: str | None


class StoredComparison(Stored):
    """What a table takes of a comparison."""

    measures: Annotated[list[StoredMeasure], Field(max_length=MOST_MEASURES)]


@dataclass(frozen=True)
class TableEntry:
    """One measure of one system; None where undefined, with the reason in `note`."""

    rollout: float | None
    floor: float | None
    ratio: float | None
    note: str | None


@dataclass(frozen=True)
class TableColumn:
    """One measure over all systems.

    The means are over the systems where both rollout and floor are defined (`n_defined` of them); `failed` names the
    others. The errors are standard errors over the systems.
    """

    key: str
    label: str
    unit: str
    entries: Mapping[str, TableEntry]
    rollout_mean: float | None
    rollout_error: float | None
    floor_mean: float | None
    n_defined: int
    failed: tuple[str, ...]


@dataclass(frozen=True)
class ComparisonTable:
    """Comparisons of several systems: `columns` hold the measures, `systems` their names in order."""

    systems: tuple[str, ...]
    columns: tuple[TableColumn, ...]

    def column(self, key: str) -> TableColumn:
        """Give the measure with this key; KeyError names those there are."""
        for column in self.columns:
            if column.key == key:
                return column
        raise KeyError(f"no measure {key!r}; there are {', '.join(column.key for column in self.columns)}")

    def to_dict(self) -> dict[str, Any]:
        """Give all numbers as plain Python objects for JSON."""
        from lamslide_md.analysis.results import to_plain

        return {"format_version": FORMAT_VERSION} | to_plain(self)

    def save_json(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write :meth:`to_dict` as JSON; a file that is there and no such is kept, unless it is to be overwritten."""
        content = json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"
        write_result(path_of(path, "path"), content, "table", overwrite)

    def summary(self) -> str:
        """Give the table as plain text: rollout (floor) of every system, their means, and the failures."""
        from lamslide_md.analysis.report.table_text import table_text

        return table_text(self)

    def save_report(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the table, one HTML file that needs no network; what is there is kept as by :meth:`save_json`."""
        from lamslide_md.analysis.report.table_html import table_html

        write_result(path_of(path, "path"), table_html(self), "table", overwrite)


def tabulate(comparisons: Mapping[str, Comparison | Mapping[str, Any] | str | Path]) -> ComparisonTable:
    """Put the comparisons of several systems in one table.

    Parameters
    ----------
    comparisons
        By the name of the system: a comparison, its `to_dict()`, or the path of its JSON file.

    Returns
    -------
    ComparisonTable
        With means over the systems; a system that fails in a measure is named, not dropped in silence.

    Raises
    ------
    InputError
        If there is no comparison, or one was written by another version.
    """
    if not isinstance(comparisons, Mapping):
        raise InputError(f"comparisons is of type {type(comparisons).__name__}; give a dict by the names of systems")
    if not comparisons:
        raise InputError("a table needs at least one comparison")
    measures = {name: _measures(name, comparison) for name, comparison in comparisons.items()}
    # A peptide lacks measures that a protein has.
    keys = dict.fromkeys(key for of_system in measures.values() for key in of_system)
    columns = [_column(key, measures) for key in keys]
    return ComparisonTable(tuple(measures), tuple(column for column in columns if column is not None))


def _measures(name: str, comparison: Comparison | Mapping[str, Any] | str | Path) -> dict[str, StoredMeasure]:
    plain: Any = comparison
    what = f"{name}: comparison"
    if isinstance(comparison, Comparison):
        plain = comparison.to_dict()
    elif isinstance(comparison, str | Path):
        what = f"{name}: {comparison}"
        try:
            plain = read_structured(Path(comparison), most_bytes=RESULT_BYTES)
        except InputError as error:
            raise InputError(f"{what} is no readable comparison: {error}") from error
    version = plain.get("format_version") if isinstance(plain, Mapping) else None
    if isinstance(version, bool) or version != FORMAT_VERSION:
        found = shortened(version)
        raise InputError(f"{name}: comparison has format version {found}, this program reads {FORMAT_VERSION}")
    stored = checked(StoredComparison, plain, f"{what} is no comparison that can be read", "compare again")
    measures = {measure.kind.key: measure for measure in stored.measures}
    if len(measures) < len(stored.measures):
        raise InputError(f"{what} has a measure twice; compare again")
    return measures


def _column(key: str, measures: Mapping[str, Mapping[str, StoredMeasure]]) -> TableColumn | None:
    rows = {name: of_system[key] for name, of_system in measures.items() if key in of_system}
    # A molecule without side chains cannot fail in them.
    rows = {name: row for name, row in rows.items() if "no such torsion" not in (row.note or "")}
    if not rows:
        return None
    entries = {name: TableEntry(row.rollout, row.floor, row.ratio, row.note) for name, row in rows.items()}
    defined = [entry for entry in entries.values() if entry.rollout is not None and entry.floor is not None]
    rollouts = np.array([entry.rollout for entry in defined], dtype=float)
    units = {row.kind.unit for row in rows.values()}
    if len(units) > 1:
        raise InputError(f"{key} is in {' and '.join(sorted(units))}: give every comparison a temperature, or none")
    kind = next(iter(rows.values())).kind
    return TableColumn(
        key=key,
        label=kind.label,
        unit=kind.unit,
        entries=entries,
        rollout_mean=float(rollouts.mean()) if defined else None,
        rollout_error=float(rollouts.std(ddof=1) / np.sqrt(len(rollouts))) if len(rollouts) > 1 else None,
        floor_mean=float(np.mean([entry.floor for entry in defined])) if defined else None,
        n_defined=len(defined),
        failed=tuple(name for name, entry in entries.items() if entry not in defined),
    )
