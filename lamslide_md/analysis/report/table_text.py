"""The table of several systems as plain text."""

from typing import TYPE_CHECKING

from lamslide_md.analysis.report.text import UNDEFINED, number, with_error

if TYPE_CHECKING:
    from lamslide_md.analysis.table import ComparisonTable, TableColumn, TableEntry


def cell(entry: "TableEntry | None") -> str:
    """Write rollout and floor of one system, e.g. "0.083 (0.076)"."""
    if entry is None or entry.rollout is None:
        return UNDEFINED
    return f"{number(entry.rollout)} ({number(entry.floor)})"


def mean_cell(column: "TableColumn") -> str:
    """Write the means over the systems, with the error of the rollout's."""
    if column.rollout_mean is None:
        return UNDEFINED
    return f"{with_error(column.rollout_mean, column.rollout_error)} ({number(column.floor_mean)})"


def failure_lines(table: "ComparisonTable") -> list[str]:
    """Write for every measure which systems are not in its mean."""
    return [
        f"{column.label}: {len(column.failed)} of {len(table.systems)} not estimated: {', '.join(column.failed)}"
        for column in table.columns
        if column.failed
    ]


def table_text(table: "ComparisonTable") -> str:
    """Write one line per measure and one column per system.

    Parameters
    ----------
    table
        What to write.

    Returns
    -------
    str
        Rollout (floor) of every system, their means, failures.
    """
    header = ["rollout (MD floor)", "mean", *table.systems]
    rows = [header]
    for column in table.columns:
        unit = f" ({column.unit})" if column.unit else ""
        rows.append(
            [column.label + unit, mean_cell(column), *(cell(column.entries.get(name)) for name in table.systems)]
        )
    widths = [max(len(row[place]) for row in rows) for place in range(len(header))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join([*lines, *failure_lines(table)])
