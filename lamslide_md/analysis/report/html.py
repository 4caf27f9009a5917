"""The report: one HTML file with its figures inside, readable without a network."""

from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lamslide_md.analysis.measures.measure import Measure
from lamslide_md.analysis.playback import Playback
from lamslide_md.analysis.report import figures, kinetic_figures, protein_figures
from lamslide_md.analysis.report.templates import templates
from lamslide_md.analysis.report.text import (
    is_shown,
    measure_row,
    number,
    ratio_text,
    speed_lines,
    with_error,
)

if TYPE_CHECKING:
    from lamslide_md.analysis.compare.comparison import Comparison

AT_FLOOR_ERRORS = 2.0
AT_FLOOR_RATIO = 1.1
"""Up to here a ratio is no news, however small its error."""
MAX_TORSIONS, MAX_MAPS = 24, 12
"""Pictures of a protein's torsions and Ramachandran maps: those that are farthest from MD."""
HEADLINES = (
    "js_distance_torsions_all",
    "js_distance_tic0",
    "js_distance_states_occupancy",
    "relaxation_log_ratio",
    "broken_bond_fraction",
)


@dataclass(frozen=True)
class Picture:
    """A figure: PNG as a data URI, and what it shows, for those who cannot see it."""

    source: str
    description: str


def report_html(comparison: "Comparison") -> str:
    """Render the report.

    Parameters
    ----------
    comparison
        What to report.

    Returns
    -------
    str
        A complete HTML document without references to other files.
    """
    environment = templates()
    environment.filters |= {"number": number, "plain": "{:g}".format}
    style = environment.get_template("style.css").render()
    groups: dict[str, list[dict[str, Any]]] = {}
    for measure in filter(is_shown, comparison.measures):
        groups.setdefault(measure.kind.group, []).append(_row(measure))
    return environment.get_template("report.html").render(
        comparison=comparison,
        style=style,
        title=str(comparison.provenance.get("title", "Rollout against MD")),
        headlines=[_row(comparison.measure(key)) for key in HEADLINES],
        groups=groups,
        failed=[failure.split(":")[0] for failure in comparison.failures],
        speed=speed_lines(comparison),
        pictures=_pictures(comparison),
        timescale_rows=_timescale_rows(comparison),
        playback=_playback(comparison.playback),
        viewer_licence=_asset("3Dmol-LICENSE.txt"),
        viewer_script=_asset("3Dmol-min.js"),
        playback_script=_asset("playback.js"),
        provenance=_flat(comparison.provenance),
        settings=_flat(comparison.settings),
        deviations={which: test.largest_deviation for which, test in comparison.markov.chapman_kolmogorov.items()},
    )


def _asset(name: str) -> str:
    return files("lamslide_md.analysis.report").joinpath(name).read_text(encoding="utf-8")


def _playback(playback: Playback) -> dict[str, Any]:
    return {
        "elements": playback.elements,
        "names": playback.names,
        "bonds": playback.bonds.tolist(),
        "cartoon": playback.cartoon and asdict(playback.cartoon),
        "interval_ps": playback.interval_ps,
        "frames": {which: frames.tolist() for which, frames in playback.positions_pm.items()},
    }


def _row(measure: Measure) -> dict[str, Any]:
    label, rollout, floor, ratio, reference = measure_row(measure)
    return {
        "label": label,
        "meaning": measure.kind.meaning,
        "rollout": rollout,
        "floor": floor,
        "ratio": ratio,
        "reference": reference,
        "verdict": _verdict(measure),
        "note": measure.note,
        "short_ratio": "" if measure.ratio is None else f"{ratio_text(measure).split(' ')[0]}x floor",
    }


def _verdict(measure: Measure) -> str:
    """Give the class of the ratio: "floor" within two errors of MD's own noise, else "above"; "none" if undefined."""
    if measure.rollout is not None and measure.floor is not None and measure.rollout <= measure.floor:
        return "floor"
    if measure.ratio is None:
        return "above" if measure.rollout and measure.floor == 0 else "none"
    at_floor = measure.ratio - AT_FLOOR_ERRORS * (measure.ratio_error or 0.0) <= 1.0 or measure.ratio <= AT_FLOOR_RATIO
    return "floor" if at_floor else "above"


def _pictures(comparison: "Comparison") -> dict[str, list[Picture]]:
    maps = comparison.maps
    columns = [(column, comparison.torsions[column]) for column in _shown_torsions(comparison)]
    ramachandran = [
        Picture(
            figures.energy_maps(
                maps_of["reference"], maps_of["rollout"], (-180.0, 180.0, -180.0, 180.0), (f"φ {name} (°)", "ψ (°)")
            ),
            f"Ramachandran maps of {name}, MD and rollout",
        )
        for name, maps_of in _shown_maps(comparison).items()
    ]
    tics = []
    if maps.tics:
        x, y = maps.tic_edges
        extent = (float(x[0]), float(x[-1]), float(y[0]), float(y[-1]))
        source = figures.energy_maps(maps.tics["reference"], maps.tics["rollout"], extent, ("TIC 0", "TIC 1"))
        tics.append(Picture(source, "free energy over the two slowest coordinates, MD and rollout"))
    return {
        "protein": _protein_pictures(comparison),
        "ramachandran": ramachandran,
        "tics": tics,
        "torsions": [Picture(figures.torsion_histogram(comparison, c), f"histogram of {t.name}") for c, t in columns],
        "autocorrelation": [
            Picture(kinetic_figures.autocorrelation(comparison, c), f"autocorrelation of {t.name}") for c, t in columns
        ],
        "states": [
            Picture(figures.state_populations(comparison), "populations of the metastable states"),
            Picture(kinetic_figures.transition_matrices(comparison), "transition matrices of MD and rollout"),
            *_passage_pictures(comparison),
        ],
        "timescales": [Picture(kinetic_figures.timescales_over_lag(comparison), "implied timescales over lag")],
        "tests": [
            Picture(
                kinetic_figures.chapman_kolmogorov(comparison, state), f"Chapman-Kolmogorov test of state {state + 1}"
            )
            for state in range(comparison.markov.n_states)
        ],
    }


def _shown_torsions(comparison: "Comparison") -> list[int]:
    """All torsions of a small molecule, those of a protein that are farthest from MD."""
    columns = range(len(comparison.torsions))
    if comparison.protein is None:
        return list(columns)
    return sorted(sorted(columns, key=lambda column: -(comparison.torsions[column].js_distance or 0.0))[:MAX_TORSIONS])


def _shown_maps(comparison: "Comparison") -> dict[str, Any]:
    """All Ramachandran maps of a small molecule, those of a protein's residues that are farthest from MD."""
    maps = dict(comparison.maps.ramachandran)
    if comparison.protein is None:
        return maps
    distances = {torsion.name: torsion.js_distance or 0.0 for torsion in comparison.torsions}
    worst = sorted(maps, key=lambda name: -distances.get(f"phi {name}", 0.0) - distances.get(f"psi {name}", 0.0))
    return {name: maps[name] for name in maps if name in worst[:MAX_MAPS]}


def _protein_pictures(comparison: "Comparison") -> list[Picture]:
    protein = comparison.protein
    if protein is None:
        return []
    pictures = [
        Picture(protein_figures.fluctuations(comparison, protein), "RMSF along the chain of MD, floor and rollout"),
        Picture(protein_figures.contact_maps(protein), "contact maps of MD and rollout"),
    ]
    if comparison.strips is not None:
        source = protein_figures.secondary_over_time(protein, comparison.strips)
        pictures.append(Picture(source, "secondary structure of every residue over time, MD and rollout"))
    return pictures


def _passage_pictures(comparison: "Comparison") -> list[Picture]:
    pictures = []
    if any((comparison.markov.passage_ps[which] > 0).any() for which in ("reference", "rollout")):
        source = kinetic_figures.passage_times(comparison)
        pictures.append(Picture(source, "mean first passage times of MD and rollout"))
    if comparison.markov.n_states > 2:
        pictures.append(Picture(kinetic_figures.fluxes(comparison), "fluxes between states, rollout over MD"))
    return pictures


def _timescale_rows(comparison: "Comparison") -> list[tuple[str, list[str]]]:
    names = {"rollout": "rollout", "reference": "MD", "floor": "MD floor"}
    return [
        (
            name,
            [
                with_error(t.value_ps, t.error_ps) if t.reason is None else t.reason
                for t in comparison.markov.timescales[which]
            ],
        )
        for which, name in names.items()
    ]


def _flat(entries: Any, prefix: str = "") -> list[tuple[str, str]]:  # noqa: ANN401 - any provenance the caller gives
    rows = []
    for key, value in entries.items():
        name = f"{prefix}{key}"
        rows += (
            _flat(value, f"{name} · ") if hasattr(value, "items") else [(name, "-" if value is None else str(value))]
        )
    return rows
