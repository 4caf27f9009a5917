"""All measures of one rollout: fit on the reference, describe every side alike, compare each with its floor."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lamslide_md.analysis.details import Samples, Settings, block_notes, settings_shown, torsion_results
from lamslide_md.analysis.distances import BOLTZMANN_KCAL_PER_MOL_K
from lamslide_md.analysis.distribution_measures import distribution_estimates
from lamslide_md.analysis.features import torsion_angles
from lamslide_md.analysis.lag_choice import LagChoice, choose_lag
from lamslide_md.analysis.landscape import Landscape, fit_landscape
from lamslide_md.analysis.markov_details import MarkovResult, markov_result
from lamslide_md.analysis.markov_measures import markov_estimates
from lamslide_md.analysis.markov_summary import MarkovSummary, markov_summary
from lamslide_md.analysis.measures import KINDS, Estimate, Measure, make_measure
from lamslide_md.analysis.memory_measures import MemoryCurves, common_lags_ps, memory_curves, memory_estimates
from lamslide_md.analysis.playback import Playback, collect_playback
from lamslide_md.analysis.preparation import (
    Prepared,
    base_interval_ps,
    check_lag,
    longest_lag_ps,
    short_notes,
    slowest_relaxation_ps,
)
from lamslide_md.analysis.profiles import Maps, collect_maps
from lamslide_md.analysis.results import MemoryResult, TorsionResult
from lamslide_md.analysis.samples import Sample, project
from lamslide_md.analysis.sides import Side
from lamslide_md.analysis.structure import check_structure, learn_structure, mirror_note
from lamslide_md.analysis.structure_measures import structure_estimates
from lamslide_md.units import whole_frames

N_LAGS_OF_TIMESCALES = 8
LONGEST_LAG = 5.0
"""Timescales are shown up to this multiple of the lag, and up to a third of the shortest side."""
LENGTH_PER_LAG = 3.0


@dataclass(frozen=True)
class Judgement:
    """Everything a :class:`Comparison` holds but its provenance."""

    measures: tuple[Measure, ...]
    torsions: tuple[TorsionResult, ...]
    maps: Maps
    markov: MarkovResult
    memory: MemoryResult
    playback: Playback
    notes: tuple[str, ...]
    failures: tuple[str, ...]
    settings: Mapping[str, Any]


def judge(prepared: Prepared, settings: Settings) -> Judgement:
    """Measure a rollout against its reference, with floors and error bars.

    Parameters
    ----------
    prepared
        Sides of the same atoms.
    settings
        Lags and numbers.

    Returns
    -------
    Judgement
        Measures and what is behind them.
    """
    angles = tuple(torsion_angles(part, prepared.torsions) for part in prepared.reference.positions_nm)
    relaxation_ps = slowest_relaxation_ps(angles, prepared.reference.interval_ps)
    lag = _resolve_lag(prepared, settings, angles, relaxation_ps)
    lag_frames = whole_frames(lag.lag_ps, prepared.reference.interval_ps, "lag_ps")
    landscape = fit_landscape(
        angles,
        tica_lag_frames=lag_frames,
        lag_frames=lag_frames,
        lag_ps=lag.lag_ps,
        n_clusters=settings.n_clusters,
        n_states=settings.n_states,
        seed=settings.seed,
    )
    samples = _project_all(prepared, landscape, relaxation_ps, settings)
    lags_ps = common_lags_ps(base_interval_ps(prepared), longest_lag_ps(prepared, relaxation_ps))
    memories = _memories(samples, lags_ps)
    summaries = _summaries(samples, landscape, lag.lag_ps)
    estimates, floors = _estimates(prepared, samples, landscape, memories, summaries)
    structures, mirror_notes = _structure(prepared, samples, settings)
    measures = _table(
        estimates | structures["rollout"], floors | structures["floor"], structures["reference"], settings
    )
    shown = {"rollout": samples.rollout, "reference": samples.reference, "floor": samples.floor}
    by_side = shown | {"floor": samples.kinetic_floor}
    return Judgement(
        measures=measures,
        torsions=torsion_results(prepared, samples, memories),
        maps=collect_maps(shown, prepared.torsions),
        markov=markov_result(by_side, landscape, summaries, _timescale_lags_ps(prepared, lag.lag_ps), settings.seed),
        memory=MemoryResult(lags_ps, {side: memories[side].autocorrelation for side in shown}),
        playback=collect_playback(prepared, base_interval_ps(prepared)),
        notes=(
            *mirror_notes,
            *prepared.notes,
            *short_notes(prepared, lag.lag_ps),
            *landscape.notes,
            *block_notes(samples, relaxation_ps),
        ),
        failures=tuple(f"{measure.kind.label}: {measure.note}" for measure in measures if _failed(measure)),
        settings=settings_shown(prepared, settings, lag, samples, landscape),
    )


def _resolve_lag(
    prepared: Prepared, settings: Settings, angles: tuple[np.ndarray, ...], relaxation_ps: float | None
) -> LagChoice:
    choice = LagChoice(settings.lag_ps, "as asked for") if settings.lag_ps is not None else None
    if choice is None:
        choice = choose_lag(
            angles,
            prepared.reference.interval_ps,
            base_ps=base_interval_ps(prepared),
            longest_ps=min(prepared.reference.longest_ps, prepared.rollout.longest_ps),
            relaxation_ps=relaxation_ps,
            n_clusters=settings.n_clusters,
            seed=settings.seed,
        )
    check_lag(prepared, choice.lag_ps)
    return choice


def _timescale_lags_ps(prepared: Prepared, lag_ps: float) -> np.ndarray:
    shortest_ps = min(s.longest_ps for s in (prepared.rollout, prepared.reference, prepared.kinetic_floor))
    longest_ps = min(shortest_ps / LENGTH_PER_LAG, LONGEST_LAG * lag_ps)
    return common_lags_ps(base_interval_ps(prepared), longest_ps, N_LAGS_OF_TIMESCALES)[1:]


def _failed(measure: Measure) -> bool:
    return measure.note is not None and "no such torsion" not in measure.note


def _project_all(prepared: Prepared, landscape: Landscape, relaxation_ps: float | None, settings: Settings) -> Samples:
    def described(side: Side, seed: int) -> Sample:
        slowest_ps = side.longest_ps if relaxation_ps is None else relaxation_ps
        return project(
            side,
            prepared.torsions,
            landscape,
            relaxation_ps=slowest_ps,
            n_bootstrap=settings.n_bootstrap,
            # Sides with equally many blocks must not be resampled alike.
            seed=settings.seed * 10 + seed,
        )

    reference = described(prepared.reference, 1)
    same = prepared.floor_reference is prepared.reference
    return Samples(
        rollout=described(prepared.rollout, 0),
        reference=reference,
        floor=described(prepared.floor, 2),
        kinetic_floor=described(prepared.kinetic_floor, 3),
        floor_reference=reference if same else described(prepared.floor_reference, 4),
    )


def _memories(samples: Samples, lags_ps: np.ndarray) -> dict[str, MemoryCurves]:
    reference = memory_curves(samples.reference, lags_ps)
    same = samples.floor_reference is samples.reference
    return {
        "rollout": memory_curves(samples.rollout, lags_ps),
        "reference": reference,
        "floor": memory_curves(samples.kinetic_floor, lags_ps),
        "floor_reference": reference if same else memory_curves(samples.floor_reference, lags_ps),
    }


def _summaries(samples: Samples, landscape: Landscape, lag_ps: float) -> dict[str, MarkovSummary]:
    reference = markov_summary(samples.reference, landscape, lag_ps)
    same = samples.floor_reference is samples.reference
    return {
        "rollout": markov_summary(samples.rollout, landscape, lag_ps),
        "reference": reference,
        "floor": markov_summary(samples.kinetic_floor, landscape, lag_ps),
        "floor_reference": reference if same else markov_summary(samples.floor_reference, landscape, lag_ps),
    }


def _estimates(
    prepared: Prepared,
    samples: Samples,
    landscape: Landscape,
    memories: dict[str, MemoryCurves],
    summaries: dict[str, MarkovSummary],
) -> tuple[dict[str, Estimate], dict[str, Estimate]]:
    rollout = (
        distribution_estimates(samples.rollout, samples.reference, prepared.torsions, landscape)
        | memory_estimates(memories["rollout"], memories["reference"])
        | markov_estimates(summaries["rollout"], summaries["reference"])
    )
    floor = (
        distribution_estimates(samples.floor, samples.floor_reference, prepared.torsions, landscape)
        | memory_estimates(memories["floor"], memories["floor_reference"])
        | markov_estimates(summaries["floor"], summaries["floor_reference"])
    )
    return rollout, floor


def _structure(
    prepared: Prepared, samples: Samples, settings: Settings
) -> tuple[dict[str, dict[str, Estimate]], list[str]]:
    rules = learn_structure(prepared.topology, prepared.reference.positions_nm)
    estimates, notes = {}, []
    for seed, name in enumerate(("rollout", "reference", "floor")):
        side: Side = getattr(prepared, name)
        n_blocks = getattr(samples, name).n_blocks
        lengths = [len(part) for part in side.positions_nm]
        checks = check_structure(rules, side.positions_nm)
        estimates[name] = structure_estimates(
            checks, lengths, n_blocks, settings.n_bootstrap, settings.seed * 10 + seed
        )
        note = mirror_note(rules, checks, side.name)
        notes += [note] if note else []
    return estimates, notes


def _table(
    rollout: dict[str, Estimate], floor: dict[str, Estimate], own: dict[str, Estimate], settings: Settings
) -> tuple[Measure, ...]:
    measures = []
    for key, kind in KINDS.items():
        pair = rollout[key], floor[key]
        shown = kind
        if key == "free_energy_error" and settings.temperature_K is not None:
            kt_kcal_per_mol = BOLTZMANN_KCAL_PER_MOL_K * settings.temperature_K
            pair = _scaled(pair[0], kt_kcal_per_mol), _scaled(pair[1], kt_kcal_per_mol)
            shown = replace(kind, unit="kcal/mol")
        measures.append(make_measure(shown, *pair, own[key].value if key in own else None))
    return tuple(measures)


def _scaled(estimate: Estimate, factor: float) -> Estimate:
    if estimate.value is None or estimate.draws is None:
        return estimate
    return Estimate(estimate.value * factor, estimate.draws * factor, estimate.reason)
