"""The result of a comparison: every measure beside its noise floor, and what is behind it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lamslide_md.analysis.kinetics.markov_result import MarkovResult
from lamslide_md.analysis.measures.measure import Measure
from lamslide_md.analysis.playback import Playback
from lamslide_md.analysis.proteins.result import ProteinResult, Strips
from lamslide_md.analysis.results import (
    AutocorrelationResult,
    Maps,
    TorsionResult,
    to_plain,
)
from lamslide_md.io.given_paths import path_of
from lamslide_md.io.outputs import write_result

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Comparison:
    """Every measure of a rollout against its reference, beside the same measure of independent MD (the floor).

    `measures` is the table; `torsions`, `maps`, `markov` and `memory` (autocorrelations) are the details behind it, by
    dataset ("rollout", "reference", "floor"). `floor` says what the floor is, `notes` what was cut back, `failures`
    what could not be estimated and why; `settings` and `provenance` say where the numbers come from. Chains of more
    than ten residues have a `protein` (RMSF, contacts, secondary structure), and `strips` of the latter over time.
    """

    measures: tuple[Measure, ...]
    torsions: tuple[TorsionResult, ...]
    maps: Maps
    markov: MarkovResult
    memory: AutocorrelationResult
    playback: Playback
    floor: str
    notes: tuple[str, ...]
    failures: tuple[str, ...]
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    protein: ProteinResult | None = None
    strips: Strips | None = None

    def measure(self, key: str) -> Measure:
        """Give the measure with this key; KeyError names those there are."""
        for measure in self.measures:
            if measure.kind.key == key:
                return measure
        raise KeyError(f"no measure {key!r}; there are {', '.join(m.kind.key for m in self.measures)}")

    def to_dict(self) -> dict[str, Any]:
        """Give all numbers as plain Python objects for JSON, None where undefined; without frames for playback."""
        left_out = {"playback", "strips"} | ({"protein"} if self.protein is None else set())
        listed = [field.name for field in fields(self) if field.name not in left_out]
        return {"format_version": FORMAT_VERSION} | {name: to_plain(getattr(self, name)) for name in listed}

    def save_json(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write :meth:`to_dict` as JSON; a file that is there and no such is kept, unless it is to be overwritten."""
        content = json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"
        write_result(path_of(path, "path"), content, "compare", overwrite)

    def summary(self) -> str:
        """Give the table of measures, floors, ratios and error bars as plain text."""
        from lamslide_md.analysis.report.text import summary_text

        return summary_text(self)

    def save_report(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the report, one HTML file that needs no network; what is there is kept as by :meth:`save_json`."""
        from lamslide_md.analysis.report.html import report_html

        write_result(path_of(path, "path"), report_html(self), "compare", overwrite)
