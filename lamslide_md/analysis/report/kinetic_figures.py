"""Figures of kinetics: autocorrelation, timescales, Chapman-Kolmogorov tests, transitions, passages, fluxes."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from lamslide_md.analysis.report.figures import FLOOR, REFERENCE, ROLLOUT, SMALL, STYLE, WIDE, label, png

if TYPE_CHECKING:
    from lamslide_md.analysis.compare.comparison import Comparison

BOXED: Any = STYLE | {"axes.spines.top": True, "axes.spines.right": True}
NAMES = {"reference": "MD", "floor": "MD floor", "rollout": "rollout"}
LOOKS: dict[str, dict[str, Any]] = {
    "reference": {"color": REFERENCE, "linewidth": 3, "alpha": 0.7},
    "floor": {"color": FLOOR, "linewidth": 0.9, "linestyle": (0, (2, 1))},
    "rollout": {"color": ROLLOUT, "linewidth": 1.3},
}


def autocorrelation(comparison: "Comparison", column: int) -> str:
    """Draw the autocorrelation of one torsion over the common lags, with the level 1/e that defines relaxation."""
    with rc_context(STYLE):
        figure = Figure(figsize=SMALL, layout="constrained")
        axes = figure.subplots()
        curves = {which: curve[1:, column] for which, curve in comparison.memory.autocorrelation.items()}
        lags_ps = comparison.memory.lags_ps[1:]
        axes.axhline(np.exp(-1), color="#cccccc", linewidth=0.7)
        for which, look in LOOKS.items():
            axes.plot(lags_ps, curves[which], **look)
        axes.set_xscale("log")
        axes.set_ylim(-0.2, 1.0)
        axes.set_title(label(comparison.torsions[column].name))
        axes.set_xlabel("lag (ps)")
        axes.set_ylabel("C")
        return png(figure)


def timescales_over_lag(comparison: "Comparison") -> str:
    """Draw the slowest implied timescales over the lag, with Bayesian intervals; where they are flat, the MSM holds."""
    markov = comparison.markov
    with rc_context(STYLE):
        figure = Figure(figsize=WIDE, layout="constrained")
        axes = figure.subplots()
        lags_ps = markov.lags_ps
        axes.fill_between(lags_ps, lags_ps, 1e-3, color="#f0f0f0", linewidth=0)
        for which, look in LOOKS.items():
            for process, values in enumerate(markov.timescales_over_lags_ps[which].T):
                marker: dict[str, Any] = {"marker": "o", "markersize": 3} if which == "rollout" else {}
                axes.plot(lags_ps, values, label=NAMES[which] if process == 0 else None, **look, **marker)
                if which in markov.timescale_intervals_ps:
                    low, high = markov.timescale_intervals_ps[which][:, process].T
                    axes.fill_between(lags_ps, low, high, color=look["color"], alpha=0.2, linewidth=0)
        axes.axvline(markov.lag_ps, color="#bbbbbb", linewidth=0.7)
        axes.set_xscale("log")
        axes.set_yscale("log")
        shown = np.concatenate([values.ravel() for values in markov.timescales_over_lags_ps.values()])
        shown = shown[np.isfinite(shown)]
        if len(shown):
            axes.set_ylim(max(shown.min() / 3, lags_ps[0] / 2), 3 * shown.max())
        axes.set_xlim(lags_ps[0] * 0.9, lags_ps[-1] * 1.1)
        axes.set_xlabel("lag (ps)")
        axes.set_ylabel("implied timescale (ps)")
        axes.legend(loc="upper left", ncols=3)
        return png(figure)


def chapman_kolmogorov(comparison: "Comparison", state: int) -> str:
    """Draw the Chapman-Kolmogorov test of one state: lines are predictions, points are estimates at the longer lag."""
    with rc_context(STYLE):
        figure = Figure(figsize=SMALL, layout="constrained")
        axes = figure.subplots()
        for which, test in comparison.markov.chapman_kolmogorov.items():
            look = LOOKS[which]
            lags_ps = np.concatenate([[0.0], test.lags_ps])
            axes.plot(lags_ps, np.concatenate([[1.0], test.predicted[:, state]]), **look)
            axes.errorbar(
                test.lags_ps,
                test.estimated[:, state],
                np.nan_to_num(test.estimated_error[:, state]),
                fmt="s" if which == "reference" else "o",
                color="#666666" if which == "reference" else ROLLOUT,
                markersize=3,
                linewidth=0.8,
            )
        axes.set_title(f"state {state + 1}")
        axes.set_ylim(0, 1.05)
        axes.set_xlabel("time (ps)")
        axes.set_ylabel("P(again there)")
        return png(figure)


def transition_matrices(comparison: "Comparison") -> str:
    """Draw the transition probabilities between the metastable states of MD and rollout."""
    matrices = comparison.markov.transition_matrices
    with rc_context(BOXED):
        figure = Figure(figsize=WIDE, layout="constrained")
        panels = figure.subplots(1, 2)
        for panel, which, colour in ((panels[0], "reference", "#555555"), (panels[1], "rollout", ROLLOUT)):
            image = panel.imshow(matrices[which], cmap="magma_r", vmin=0, vmax=1)
            _label_states(panel, len(matrices[which]))
            panel.set_title(NAMES[which], color=colour, fontweight="bold")
        panels[0].set_ylabel("from state")
        figure.colorbar(image, ax=panels, label=f"probability in {comparison.markov.lag_ps:g} ps", shrink=0.9)
        return png(figure)


def passage_times(comparison: "Comparison") -> str:
    """Draw the mean first passage times between the metastable states of MD and rollout."""
    times_ns = {which: comparison.markov.passage_ps[which] / 1000.0 for which in ("reference", "rollout")}
    shown = np.concatenate([values[values > 0] for values in times_ns.values()])
    with rc_context(BOXED):
        figure = Figure(figsize=WIDE, layout="constrained")
        panels = figure.subplots(1, 2)
        norm = LogNorm(*(shown.min(), shown.max()) if len(shown) and shown.min() < shown.max() else (0.01, 10.0))
        for panel, which, colour in ((panels[0], "reference", "#555555"), (panels[1], "rollout", ROLLOUT)):
            values = np.where(times_ns[which] > 0, times_ns[which], np.nan)
            image = panel.imshow(values, cmap="cividis", norm=norm)
            _label_states(panel, len(values))
            panel.set_title(NAMES[which], color=colour, fontweight="bold")
        panels[0].set_ylabel("from state")
        figure.colorbar(image, ax=panels, label="mean first passage (ns)", shrink=0.9)
        return png(figure)


def fluxes(comparison: "Comparison") -> str:
    """Draw the equilibrium flux of every pair of states, rollout and floor over MD; the diagonal is agreement."""
    markov = comparison.markov
    pairs = np.triu_indices(markov.n_states, k=1)
    per_ns = {which: 1000.0 * values[pairs] for which, values in markov.fluxes_per_ps.items()}
    with rc_context(STYLE):
        figure = Figure(figsize=WIDE, layout="constrained")
        axes = figure.subplots()
        for which, marker, colour in (("floor", "x", FLOOR), ("rollout", "o", ROLLOUT)):
            axes.scatter(per_ns["reference"], per_ns[which], s=16, marker=marker, color=colour, label=NAMES[which])
        shown = np.concatenate([values[np.isfinite(values) & (values > 0)] for values in per_ns.values()])
        if len(shown):
            limits = 0.5 * shown.min(), 2 * shown.max()
            axes.plot(limits, limits, color=REFERENCE, linewidth=1)
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_xlim(*limits)
            axes.set_ylim(*limits)
        axes.set_xlabel("flux in MD (1/ns)")
        axes.set_ylabel("flux (1/ns)")
        axes.legend(loc="upper left")
        return png(figure)


def _label_states(panel: Any, n_states: int) -> None:  # noqa: ANN401 - matplotlib's axes
    ticks = np.arange(n_states)
    panel.set_xticks(ticks, [str(tick + 1) for tick in ticks])
    panel.set_yticks(ticks, [str(tick + 1) for tick in ticks])
    panel.set_xlabel("to state")
