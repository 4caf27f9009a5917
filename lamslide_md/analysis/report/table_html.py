"""The table of several systems as one HTML file."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from lamslide_md.analysis.report.figures import REFERENCE, ROLLOUT, STYLE, label, png
from lamslide_md.analysis.report.table_text import cell, failure_lines, mean_cell
from lamslide_md.analysis.report.templates import templates

if TYPE_CHECKING:
    from lamslide_md.analysis.table import ComparisonTable, TableColumn


def measure_figure(column: "TableColumn") -> str:
    """Draw one measure of every system: rollout in colour over the floor in grey."""
    names = list(column.entries)
    with rc_context(STYLE):
        figure = Figure(figsize=(4.3, 0.75 + 0.22 * len(names)), layout="constrained")
        axes = figure.subplots()
        for place, name in enumerate(names):
            entry = column.entries[name]
            rollout, floor = (np.nan if value is None else value for value in (entry.rollout, entry.floor))
            axes.plot([rollout, floor], [place, place], color="#dddddd", linewidth=1, zorder=1)
            axes.scatter(floor, place, s=26, color=REFERENCE, zorder=2, label="MD floor" if place == 0 else None)
            axes.scatter(rollout, place, s=26, color=ROLLOUT, zorder=3, label="rollout" if place == 0 else None)
        axes.set_yticks(range(len(names)), [label(name) for name in names])
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel(label(column.label + (f" ({column.unit})" if column.unit else "")))
        axes.legend(loc="lower right", ncols=2, bbox_to_anchor=(1.0, 1.0), borderaxespad=0)
        return png(figure)


def table_html(table: "ComparisonTable") -> str:
    """Render the table.

    Parameters
    ----------
    table
        What to render.

    Returns
    -------
    str
        A complete HTML document without references to other files.
    """
    environment = templates()
    rows = [
        {
            "label": column.label + (f" ({column.unit})" if column.unit else ""),
            "mean": mean_cell(column),
            "cells": [cell(column.entries.get(name)) for name in table.systems],
        }
        for column in table.columns
    ]
    return environment.get_template("table.html").render(
        style=environment.get_template("style.css").render(),
        table=table,
        rows=rows,
        failures=failure_lines(table),
        pictures=[(column.label, measure_figure(column)) for column in table.columns if column.n_defined],
    )
