"""The comparison as plain text for a terminal."""

from typing import TYPE_CHECKING

from lamslide_md.analysis.measures.measure import Measure

if TYPE_CHECKING:
    from lamslide_md.analysis.compare.comparison import Comparison

UNDEFINED = "-"


def number(value: float | None) -> str:
    """Write a number with three significant digits, small ones with an exponent."""
    if value is None or value != value:
        return UNDEFINED
    if value == 0:
        return "0"
    if abs(value) < 1e-3:
        return f"{value:.1e}"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.4g}"


def with_error(value: float | None, error: float | None) -> str:
    """Write a value with its standard error, e.g. "0.083 ± 0.004"."""
    if value is None:
        return UNDEFINED
    return number(value) if not error else f"{number(value)} ± {number(error)}"


def ratio_text(measure: Measure) -> str:
    """Write the ratio of rollout and floor with one decimal, or how it is undefined."""
    if measure.ratio is None:
        return UNDEFINED
    error = "" if measure.ratio_error is None else f" ± {measure.ratio_error:.2f}"
    return f"{measure.ratio:.2f}{error}"


def measure_row(measure: Measure) -> tuple[str, str, str, str, str]:
    """Write a measure as label, rollout, floor, ratio and the reference's own value."""
    unit = f" ({measure.kind.unit})" if measure.kind.unit else ""
    return (
        measure.kind.label + unit,
        with_error(measure.rollout, measure.rollout_error),
        with_error(measure.floor, measure.floor_error),
        ratio_text(measure),
        number(measure.reference) if measure.reference is not None else "",
    )


def is_shown(measure: Measure) -> bool:
    """Leave out the measures that this molecule cannot have, such as side chains without side chains."""
    return not (measure.rollout is None and measure.note is not None and "no such torsion" in measure.note)


def speed_lines(comparison: "Comparison") -> list[str]:
    """Write ns/s of rollout and MD and their ratio, as far as the provenance has them."""
    rollout, simulation = (comparison.provenance.get(key) for key in ("rollout_ns_per_s", "md_ns_per_s"))
    lines = []
    if rollout is not None:
        lines.append(f"rollout: {rollout:.3g} ns/s")
    if simulation is not None:
        lines.append(f"MD: {simulation:.3g} ns/s")
    if rollout is not None and simulation:
        lines.append(f"rollout / MD: {rollout / simulation:.3g}x")
    return lines


def summary_text(comparison: "Comparison") -> str:
    """Write the table of measures, timescales, notes and failures.

    Parameters
    ----------
    comparison
        What to write.

    Returns
    -------
    str
        Lines of at most about 100 characters.
    """
    header = ("measure", "rollout", "MD floor", "rollout/MD", "reference")
    groups: dict[str, list[tuple[str, ...]]] = {}
    for measure in comparison.measures:
        if is_shown(measure):
            groups.setdefault(measure.kind.group, []).append(measure_row(measure))
    rows = [header, *(row for group in groups.values() for row in group)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]

    def line(row: tuple[str, ...]) -> str:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "  ".join(cells).rstrip()

    lines = [line(header), "-" * len(line(header))]
    for group, group_rows in groups.items():
        lines += [group, *(line(row) for row in group_rows)]
    lines += ["", f"MD floor: {comparison.floor}", "± one standard error (block bootstrap); 0 is perfect"]
    lines += _timescale_lines(comparison)
    lines += speed_lines(comparison)
    lines += [f"note: {note}" for note in comparison.notes]
    lines += [f"{len(comparison.failures)} not or only partly estimated:"] if comparison.failures else []
    lines += [f"  {failure}" for failure in comparison.failures]
    return "\n".join(lines)


def _timescale_lines(comparison: "Comparison") -> list[str]:
    lines = []
    for which in ("rollout", "reference", "floor"):
        shown = [
            with_error(t.value_ps, t.error_ps) if t.value_ps is not None else f"- ({t.reason})"
            for t in comparison.markov.timescales[which]
        ]
        lines.append(f"implied timescales of the {which} (ps, lag {comparison.markov.lag_ps:g}): {', '.join(shown)}")
    return lines
