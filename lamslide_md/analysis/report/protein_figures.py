"""Figures of proteins: fluctuations along the chain, contact maps, secondary structure over time."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lamslide_md.analysis.proteins.secondary import CLASSES
from lamslide_md.analysis.report.figures import ROLLOUT, STYLE, label, png
from lamslide_md.analysis.report.kinetic_figures import BOXED, LOOKS, NAMES
from lamslide_md.analysis.report.text import number
from lamslide_md.units import ANGSTROM_PER_NM

if TYPE_CHECKING:
    from lamslide_md.analysis.compare.comparison import Comparison
    from lamslide_md.analysis.proteins.result import ProteinResult, Strips

PS_PER_NS = 1000.0
FULL = (7.2, 2.4)
SQUARES = (5.2, 2.6)
CLASS_COLOURS = ("#b8446b", "#d9a520", "#e9ecef", "#ffffff")
SIDES = (("reference", "#555555"), ("rollout", ROLLOUT))


def fluctuations(comparison: "Comparison", protein: "ProteinResult") -> str:
    """Draw the RMSF of every C-alpha: MD grey, its floor dashed, rollout in colour."""
    with rc_context(STYLE):
        figure = Figure(figsize=FULL, layout="constrained")
        axes = figure.subplots()
        for which, look in LOOKS.items():
            axes.plot(protein.rmsf_nm[which] * ANGSTROM_PER_NM, label=NAMES[which], **look)
        _residue_axis(axes, protein, "x")
        axes.set_ylabel("RMSF of CA (Å)")
        axes.set_ylim(bottom=0)
        error = comparison.measure("rmsf_error").rollout
        decorrelation = comparison.measure("rmsf_decorrelation").rollout
        r = None if decorrelation is None else 1.0 - decorrelation
        axes.set_title(f"r = {number(r)}, mean |Δ| = {number(error)} Å")
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0)
        return png(figure)


def contact_maps(protein: "ProteinResult") -> str:
    """Draw the part of the frames in which residues touch, MD and rollout side by side."""
    n_residues = len(protein.residues)
    with rc_context(BOXED):
        figure = Figure(figsize=SQUARES, layout="constrained")
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for panel, (which, colour) in zip(panels, SIDES, strict=True):
            table = np.full((n_residues, n_residues), np.nan, dtype=np.float32)
            first, second = protein.contacts.T
            shown = np.where(protein.occupancies[which] > 0, protein.occupancies[which], np.nan)
            table[first, second] = table[second, first] = shown
            image = panel.imshow(table, origin="lower", cmap="magma_r", vmin=0, vmax=1, interpolation="nearest")
            panel.set_title(NAMES[which], color=colour, fontweight="bold")
            _residue_axis(panel, protein, "x", n_names=3)
        _residue_axis(panels[0], protein, "y")
        figure.colorbar(
            image, ax=panels, label=f"part of the frames within {protein.contact_nm * ANGSTROM_PER_NM:g} Å", shrink=0.9
        )
        return png(figure)


def secondary_over_time(protein: "ProteinResult", strips: "Strips") -> str:
    """Draw the secondary structure of every residue over time, MD above rollout."""
    colours = ListedColormap(CLASS_COLOURS)
    with rc_context(BOXED):
        figure = Figure(figsize=(FULL[0], 2 * FULL[1]), layout="constrained")
        panels = figure.subplots(2, 1)
        for panel, (which, colour) in zip(panels, SIDES, strict=True):
            codes = strips.codes[which]
            extent = (0.0, len(codes) * strips.interval_ps[which] / PS_PER_NS, -0.5, codes.shape[1] - 0.5)
            panel.imshow(
                codes.T,
                origin="lower",
                aspect="auto",
                extent=extent,
                cmap=colours,
                vmin=-0.5,
                vmax=len(CLASS_COLOURS) - 0.5,
                interpolation="nearest",
            )
            panel.set_title(NAMES[which], color=colour, fontweight="bold")
            _residue_axis(panel, protein, "y")
        panels[1].set_xlabel("time (ns)")
        for name, colour in zip(CLASSES, CLASS_COLOURS, strict=False):
            panels[0].plot([], [], marker="s", linestyle="", color=colour, label=name)
        panels[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=len(CLASSES), borderaxespad=0)
        return png(figure)


def _residue_axis(axes: Axes, protein: "ProteinResult", which: str, n_names: int = 6) -> None:
    """Name a few residues along an axis."""
    axis: Any = axes.xaxis if which == "x" else axes.yaxis
    names = protein.residues

    def name(place: float, _: object) -> str:
        return label(names[round(place)]) if 0 <= round(place) < len(names) else ""

    axis.set_major_locator(MaxNLocator(n_names, integer=True))
    axis.set_major_formatter(FuncFormatter(name))
