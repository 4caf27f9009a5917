"""All measures of one rollout: fit on the reference, project every dataset alike, compare each with its floor."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from lamslide_md.analysis.compare.comparison import Comparison
from lamslide_md.analysis.compare.estimates import estimate_all
from lamslide_md.analysis.compare.prepare import (
    Prepared,
    base_interval_ps,
    check_lag,
    longest_lag_ps,
    short_notes,
    slowest_relaxation_ps,
)
from lamslide_md.analysis.compare.projected import ProjectedDatasets, block_notes, torsion_results
from lamslide_md.analysis.compare.protein import compare_protein
from lamslide_md.analysis.compare.settings import ComparisonSettings, settings_shown, slow_notes
from lamslide_md.analysis.datasets.dataset import Dataset, Described, Projected, describe, project
from lamslide_md.analysis.features import SlowCoordinates, choose_slow_coordinates, torsion_angles
from lamslide_md.analysis.kinetics.autocorrelation import common_lags_ps
from lamslide_md.analysis.kinetics.markov_result import markov_result
from lamslide_md.analysis.kinetics.markov_summary import markov_summary
from lamslide_md.analysis.lag_choice import LagChoice, choose_lag
from lamslide_md.analysis.measures.autocorrelation import autocorrelation_curves
from lamslide_md.analysis.measures.measure import Measure
from lamslide_md.analysis.playback import collect_playback
from lamslide_md.analysis.reference_model import ReferenceModel, fit_reference_model
from lamslide_md.analysis.results import (
    AutocorrelationResult,
    collect_maps,
)
from lamslide_md.errors import option
from lamslide_md.units import whole_frames

Result = TypeVar("Result")

N_LAGS_OF_TIMESCALES = 8
LONGEST_LAG = 5.0
"""Timescales are shown up to this multiple of the lag, and up to a third of the shortest dataset."""
LENGTH_PER_LAG = 3.0


def evaluate(
    prepared: Prepared, settings: ComparisonSettings, provenance: Mapping[str, Any], notes: Sequence[str] = ()
) -> Comparison:
    """Measure a rollout against its reference, with floors and error bars.

    Parameters
    ----------
    prepared
        Datasets of the same atoms.
    settings
        Lags and numbers.
    provenance
        Where the numbers come from, as shown beside them.
    notes
        What was noted when the datasets were read.

    Returns
    -------
    Comparison
        Measures and what is behind them.
    """
    angles = tuple(torsion_angles(part, prepared.torsions) for part in prepared.reference.positions_nm)
    relaxation_ps = slowest_relaxation_ps(angles, prepared.reference.interval_ps)
    slow = choose_slow_coordinates(prepared.topology, settings.tica_features)
    lag, reference_model = _fit(prepared, settings, angles, relaxation_ps, slow)
    described = {"reference": describe(prepared.reference, angles, reference_model, slow)}
    projected = _project_all(prepared, reference_model, relaxation_ps, settings, slow, described)
    protein = compare_protein(prepared, projected, lag.lag_ps)
    lags_ps = common_lags_ps(base_interval_ps(prepared), longest_lag_ps(prepared, relaxation_ps))
    autocorrelations = _each(projected, lambda dataset: autocorrelation_curves(dataset, lags_ps))
    summaries = _each(projected, lambda dataset: markov_summary(dataset, reference_model, lag.lag_ps))
    estimates, mirror_notes = estimate_all(
        prepared, projected, reference_model, autocorrelations, summaries, settings, protein
    )
    measures = estimates.measures(settings.temperature_K)
    shown = {"rollout": projected.rollout, "reference": projected.reference, "floor": projected.floor}
    by_dataset = shown | {"floor": projected.kinetic_floor}
    return Comparison(
        measures=measures,
        torsions=torsion_results(prepared, projected, autocorrelations),
        maps=collect_maps(shown, prepared.torsions),
        markov=markov_result(
            by_dataset, reference_model, summaries, _timescale_lags_ps(prepared, lag.lag_ps), settings.seed
        ),
        memory=AutocorrelationResult(lags_ps, {which: autocorrelations[which].autocorrelation for which in shown}),
        playback=collect_playback(prepared.topology, prepared.reference, prepared.rollout, base_interval_ps(prepared)),
        floor=prepared.floor_text,
        notes=(
            *notes,
            *mirror_notes,
            *prepared.notes,
            *short_notes(prepared, lag.lag_ps),
            *reference_model.notes,
            *block_notes(projected, relaxation_ps),
            *slow_notes(slow, settings.tica_features),
            *(() if protein is None else protein.notes()),
        ),
        failures=tuple(f"{measure.kind.label}: {measure.note}" for measure in measures if _failed(measure)),
        settings=settings_shown(prepared, settings, lag, projected, reference_model, slow),
        provenance=provenance,
        protein=None if protein is None else protein.result(),
        strips=None if protein is None else protein.strips(prepared),
    )


def _fit(
    prepared: Prepared,
    settings: ComparisonSettings,
    angles: tuple[np.ndarray, ...],
    relaxation_ps: float | None,
    slow: SlowCoordinates,
) -> tuple[LagChoice, ReferenceModel]:
    """Fit on the reference; what TICA is fitted on is not kept."""
    coordinates = tuple(slow.of(*parts) for parts in zip(prepared.reference.positions_nm, angles, strict=True))
    lag = _resolve_lag(prepared, settings, coordinates, relaxation_ps, slow)
    lag_frames = whole_frames(lag.lag_ps, prepared.reference.interval_ps, option("lag_ps"))
    return lag, fit_reference_model(
        coordinates,
        tica_lag_frames=lag_frames,
        lag_frames=lag_frames,
        lag_ps=lag.lag_ps,
        n_clusters=settings.n_clusters,
        n_states=settings.n_states,
        seed=settings.seed,
        to_features=slow.to_features,
    )


def _resolve_lag(
    prepared: Prepared,
    settings: ComparisonSettings,
    coordinates: tuple[np.ndarray, ...],
    relaxation_ps: float | None,
    slow: SlowCoordinates,
) -> LagChoice:
    choice = LagChoice(settings.lag_ps, "as asked for") if settings.lag_ps is not None else None
    if choice is None:
        choice = choose_lag(
            coordinates,
            prepared.reference.interval_ps,
            base_ps=base_interval_ps(prepared),
            longest_ps=min(prepared.reference.longest_ps, prepared.rollout.longest_ps),
            relaxation_ps=relaxation_ps,
            n_clusters=settings.n_clusters,
            seed=settings.seed,
            to_features=slow.to_features,
        )
    check_lag(prepared, choice.lag_ps)
    return choice


def _timescale_lags_ps(prepared: Prepared, lag_ps: float) -> np.ndarray:
    shortest_ps = min(s.longest_ps for s in (prepared.rollout, prepared.reference, prepared.kinetic_floor))
    longest_ps = min(shortest_ps / LENGTH_PER_LAG, LONGEST_LAG * lag_ps)
    return common_lags_ps(base_interval_ps(prepared), longest_ps, N_LAGS_OF_TIMESCALES)[1:]


def _failed(measure: Measure) -> bool:
    return measure.note is not None and "no such torsion" not in measure.note


def _project_all(
    prepared: Prepared,
    reference_model: ReferenceModel,
    relaxation_ps: float | None,
    settings: ComparisonSettings,
    slow: SlowCoordinates,
    described: dict[str, Described],
) -> ProjectedDatasets:
    """Project every dataset, those chosen from another one together with it; `described` are known, by name."""

    def projected(dataset: Dataset, seed: int) -> Projected:
        whole = dataset.source or dataset
        if whole.name not in described:
            angles = tuple(torsion_angles(part, prepared.torsions) for part in whole.positions_nm)
            described[whole.name] = describe(whole, angles, reference_model, slow)
        return project(
            dataset,
            described[whole.name],
            relaxation_ps=dataset.longest_ps if relaxation_ps is None else relaxation_ps,
            n_bootstrap=settings.n_bootstrap,
            # Datasets with equally many blocks must not be resampled alike.
            seed=settings.seed * 10 + seed,
        )

    reference = projected(prepared.reference, 1)
    same = prepared.floor_reference is prepared.reference
    return ProjectedDatasets(
        rollout=projected(prepared.rollout, 0),
        reference=reference,
        floor=projected(prepared.floor, 2),
        kinetic_floor=projected(prepared.kinetic_floor, 3),
        floor_reference=reference if same else projected(prepared.floor_reference, 4),
    )


def _each(projected: ProjectedDatasets, describe: Callable[[Projected], Result]) -> dict[str, Result]:
    """Describe the kinetics of every dataset, that of the reference once."""
    reference = describe(projected.reference)
    same = projected.floor_reference is projected.reference
    return {
        "rollout": describe(projected.rollout),
        "reference": reference,
        "floor": describe(projected.kinetic_floor),
        "floor_reference": reference if same else describe(projected.floor_reference),
    }
