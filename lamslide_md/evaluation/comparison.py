"""A rollout judged against reference MD: every measure beside its noise floor."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import mdtraj as md

from lamslide_md.errors import InputError
from lamslide_md.evaluation.details import Settings
from lamslide_md.evaluation.judgement import Judgement, judge
from lamslide_md.evaluation.markov_details import MarkovResult
from lamslide_md.evaluation.measures import Measure
from lamslide_md.evaluation.playback import Playback
from lamslide_md.evaluation.preparation import prepare
from lamslide_md.evaluation.profiles import Maps
from lamslide_md.evaluation.provenance import library_versions
from lamslide_md.evaluation.results import MemoryResult, TorsionResult, to_plain
from lamslide_md.outputs import write_result

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Comparison:
    """Every measure of a rollout against its reference, beside the same measure of independent MD (the floor).

    `measures` is the table; `torsions`, `maps`, `markov` and `memory` are the details behind it, by side ("rollout",
    "reference", "floor"). `floor` says what the floor is, `notes` what was cut back, `failures` what could not be
    estimated and why; `settings` and `provenance` say where the numbers come from.
    """

    measures: tuple[Measure, ...]
    torsions: tuple[TorsionResult, ...]
    maps: Maps
    markov: MarkovResult
    memory: MemoryResult
    playback: Playback
    floor: str
    notes: tuple[str, ...]
    failures: tuple[str, ...]
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]

    def measure(self, key: str) -> Measure:
        """Give the measure with this key; KeyError names those there are."""
        for measure in self.measures:
            if measure.kind.key == key:
                return measure
        raise KeyError(f"no measure {key!r}; there are {', '.join(m.kind.key for m in self.measures)}")

    def to_dict(self) -> dict[str, Any]:
        """Give all numbers as plain Python objects for JSON, None where undefined; without the frames for playback."""
        listed = [field.name for field in fields(self) if field.name != "playback"]
        return {"format_version": FORMAT_VERSION} | {name: to_plain(getattr(self, name)) for name in listed}

    def save_json(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write :meth:`to_dict` as JSON; a file that is there and no such is kept, unless it is to be overwritten."""
        write_result(Path(path), json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n", "compare", overwrite)

    def summary(self) -> str:
        """Give the table of measures, floors, ratios and error bars as plain text."""
        from lamslide_md.evaluation.report.text import summary_text

        return summary_text(self)

    def save_report(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the report, one HTML file that needs no network; what is there is kept as by :meth:`save_json`."""
        from lamslide_md.evaluation.report.html import report_html

        write_result(Path(path), report_html(self), "compare", overwrite)


def compare(
    rollout: md.Trajectory | Sequence[md.Trajectory],
    reference: md.Trajectory | Sequence[md.Trajectory],
    *,
    rollout_interval_ps: float,
    reference_interval_ps: float,
    replicate: md.Trajectory | Sequence[md.Trajectory] | None = None,
    replicate_interval_ps: float | None = None,
    lag_ps: float | Literal["auto"] = 100.0,
    n_clusters: int = 100,
    n_states: int = 10,
    n_bootstrap: int = 200,
    seed: int = 0,
    temperature_K: float | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Comparison:
    """Compare a rollout with reference MD in distributions, kinetics and structure.

    All estimators (TICA, clusters, states) are fitted on the reference only. Every measure comes with its noise floor:
    the same measure of independent MD, from `replicate` or, without one, of the reference's second half against its
    first.

    Parameters
    ----------
    rollout
        Trajectory or trajectories to judge; hydrogens may be missing.
    reference
        MD of the same molecule, trajectory or trajectories.
    rollout_interval_ps
        Time between two frames of the rollout, ps.
    reference_interval_ps
        Time between two frames of the reference, ps.
    replicate
        Independent MD for the noise floor.
    replicate_interval_ps
        Time between two frames of the replicate, ps; the reference's if not given.
    lag_ps
        Lag of TICA and of the MSMs, ps; a whole number of frames on every side. "auto" takes the shortest lag at which
        the reference's slowest timescale has levelled off.
    n_clusters
        k-means clusters, the states of the MSMs.
    n_states
        Metastable states; fewer are used, and noted, when the spectrum of the reference does not support them.
    n_bootstrap
        Bootstrap samples behind the error bars.
    seed
        Seed of k-means and bootstrap.
    temperature_K
        Temperature, K, to give free energies in kcal/mol; without it (also not in `provenance`) they are in kT.
    provenance
        What to show beside the numbers. `rollout_ns_per_s` and `md_ns_per_s` are shown with their ratio, everything
        else as given.

    Returns
    -------
    Comparison
        All measures; print its `summary()` or save its report.

    Raises
    ------
    InputError
        If the sides are not the same molecule, hold coordinates that are not finite, are too short for the lag, or have
        frame intervals that do not divide it.

    References
    ----------
    Jing et al., arXiv 2409.17808 (the protocol).
    """
    prepared = prepare(
        rollout,
        reference,
        replicate,
        rollout_interval_ps=float(rollout_interval_ps),
        reference_interval_ps=float(reference_interval_ps),
        replicate_interval_ps=float(replicate_interval_ps or reference_interval_ps),
    )
    settings = Settings(
        lag_ps=_lag_ps(lag_ps),
        n_clusters=n_clusters,
        n_states=n_states,
        n_bootstrap=n_bootstrap,
        seed=seed,
        temperature_K=_temperature(temperature_K, provenance),
    )
    judgement = judge(prepared, settings)
    parts = {field.name: getattr(judgement, field.name) for field in fields(Judgement)}
    shown = dict(provenance or {}) | {"versions": library_versions()}
    return Comparison(**parts, floor=prepared.floor_text, provenance=shown)


def _lag_ps(lag_ps: object) -> float | None:
    if lag_ps == "auto":
        return None
    try:
        return float(str(lag_ps))
    except ValueError:
        raise InputError(f'lag_ps must be a time in ps or "auto", got {lag_ps!r}') from None


def _temperature(temperature_K: float | None, provenance: Mapping[str, Any] | None) -> float | None:
    value = temperature_K if temperature_K is not None else (provenance or {}).get("temperature_K")
    return None if value is None else float(value)
