"""Figures of the report: reference grey, rollout in colour, the noise floor dashed; every axis with its unit."""

import base64
import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lamslide_md.analysis.report.text import number
from lamslide_md.errors import printable

if TYPE_CHECKING:
    from lamslide_md.analysis.compare.comparison import Comparison

ROLLOUT, REFERENCE, FLOOR = "#0b6fa4", "#9a9a9a", "#4a4a4a"
ENERGY_COLOURS = "viridis"
MAX_ENERGY_KT = 7.0
DOTS_PER_INCH = 150
WIDE, SMALL = (4.3, 2.25), (2.3, 1.75)
STYLE: Any = {
    "font.size": 8,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 8,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 7,
}


MOST_LABEL = 40
"""Characters of a label: longer ones leave no room for what they belong to."""


def label(text: str) -> str:
    """Write a name from a file or a user as a label: in one line, not too long, and no formula whatever is in it.

    Parameters
    ----------
    text
        Such as the name of a molecule, a residue or a measure.

    Returns
    -------
    str
        For Matplotlib, which takes what is between two dollars for a formula.
    """
    shown = printable(" ".join(text.split()))
    if len(shown) > MOST_LABEL:
        half = (MOST_LABEL - 1) // 2
        shown = f"{shown[:half]}…{shown[-half:]}"
    return shown.replace("$", r"\$")


def png(figure: Figure) -> str:
    """Render a figure as a PNG in a data URI."""
    buffer = BytesIO()
    with warnings.catch_warnings():
        # Where the font lacks a character of a name there is a box, and the name is beside the figure.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        figure.savefig(buffer, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _energy_kt(probabilities: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        energy = -np.log(probabilities)
    return np.where(np.isfinite(energy), energy - energy[np.isfinite(energy)].min(), np.nan)


def _angle_axis(axes: Axes, which: str) -> None:
    ticks = [-180, 0, 180]
    (axes.set_xticks if which == "x" else axes.set_yticks)(ticks)
    (axes.set_xlim if which == "x" else axes.set_ylim)(-180, 180)


def energy_maps(
    reference: np.ndarray, rollout: np.ndarray, extent: tuple[float, float, float, float], labels: tuple[str, str]
) -> str:
    """Draw the free energies of two histograms side by side on one scale.

    Parameters
    ----------
    reference
        Probabilities of MD, first axis horizontal.
    rollout
        Probabilities of the rollout.
    extent
        Left, right, bottom and top of the axes.
    labels
        Labels of the horizontal and vertical axis.

    Returns
    -------
    str
        PNG as a data URI.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=WIDE, layout="constrained")
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for panel, title, colour, histogram in zip(
            panels, ("MD", "rollout"), ("#555555", ROLLOUT), (reference, rollout), strict=True
        ):
            image = panel.imshow(
                _energy_kt(histogram).T,
                origin="lower",
                extent=extent,
                aspect="auto",
                cmap=ENERGY_COLOURS,
                vmin=0,
                vmax=MAX_ENERGY_KT,
                interpolation="nearest",
            )
            panel.set_title(title, color=colour, fontweight="bold")
            panel.set_xlabel(label(labels[0]))
            if labels[0].endswith("(°)"):
                _angle_axis(panel, "x")
                _angle_axis(panel, "y")
        panels[0].set_ylabel(label(labels[1]))
        figure.colorbar(image, ax=panels, label="free energy (kT)", shrink=0.9)
        return png(figure)


def torsion_histogram(comparison: "Comparison", column: int) -> str:
    """Draw the distribution of one torsion: MD filled grey, floor dashed, rollout in colour."""
    with rc_context(STYLE):
        figure = Figure(figsize=SMALL, layout="constrained")
        axes = figure.subplots()
        histograms = {which: rows[column] for which, rows in comparison.maps.torsions.items()}
        edges = np.linspace(-180, 180, len(histograms["reference"]) + 1)
        per_degree = len(histograms["reference"]) / 360.0
        axes.stairs(histograms["reference"] * per_degree * 100, edges, fill=True, color=REFERENCE, alpha=0.55)
        axes.stairs(histograms["floor"] * per_degree * 100, edges, color=FLOOR, linewidth=0.7, linestyle=(0, (2, 1)))
        axes.stairs(histograms["rollout"] * per_degree * 100, edges, color=ROLLOUT, linewidth=1.2)
        result = comparison.torsions[column]
        axes.set_title(
            f"{label(result.name)}\nJSD {number(result.js_distance)} (floor {number(result.js_distance_floor)})"
        )
        axes.set_xlabel("angle (°)")
        axes.set_ylabel("% per °")
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_locator(MaxNLocator(3))
        _angle_axis(axes, "x")
        return png(figure)


def state_populations(comparison: "Comparison") -> str:
    """Draw the populations of the metastable states, by occupancy and by MSM."""
    markov = comparison.markov
    with rc_context(STYLE):
        figure = Figure(figsize=WIDE, layout="constrained")
        panels = figure.subplots(1, 2, sharey=True)
        titles = "(a) occupancy of frames", "(b) MSM stationary"
        places = np.arange(markov.n_states)
        for panel, title, populations in zip(panels, titles, (markov.occupancies, markov.populations), strict=True):
            for offset, which, colour in (
                (-0.27, "reference", REFERENCE),
                (0.0, "floor", "white"),
                (0.27, "rollout", ROLLOUT),
            ):
                edge = FLOOR if which == "floor" else colour
                heights = np.nan_to_num(populations[which])
                panel.bar(places + offset, heights, 0.25, color=colour, edgecolor=edge, linewidth=0.7)
            panel.set_title(title)
            panel.set_xlabel("state")
            panel.set_xticks(places, [str(place + 1) for place in places])
        panels[0].set_ylabel("population")
        return png(figure)
