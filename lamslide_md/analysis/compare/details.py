"""The details behind the table: results per torsion, of the MSMs, notes for the reader, settings as used."""

from dataclasses import dataclass
from typing import Any

from lamslide_md.analysis.compare.prepare import Prepared
from lamslide_md.analysis.datasets.dataset import Projected
from lamslide_md.analysis.lag_choice import LagChoice
from lamslide_md.analysis.measures.autocorrelation import AutocorrelationCurves
from lamslide_md.analysis.measures.distributions import torsion_estimates
from lamslide_md.analysis.reference_model import ReferenceModel
from lamslide_md.analysis.results import TorsionResult
from lamslide_md.errors import InputError


@dataclass(frozen=True)
class ComparisonSettings:
    """What the user set: lag (ps, None to choose it), numbers, seed, temperature (K or None)."""

    lag_ps: float | None
    n_clusters: int
    n_states: int
    n_bootstrap: int
    seed: int
    temperature_K: float | None

    def __post_init__(self) -> None:
        for name in ("n_clusters", "n_states", "n_bootstrap"):
            if getattr(self, name) < 2:
                raise InputError(f"{name} must be at least 2, got {getattr(self, name)}")
        if self.seed < 0:
            raise InputError(f"seed must not be negative, got {self.seed}")
        if self.temperature_K is not None and not self.temperature_K > 0:
            raise InputError(f"temperature_K must be positive, got {self.temperature_K:g}")


@dataclass(frozen=True)
class ProjectedDatasets:
    """Every dataset projected on the reference model, named as in :class:`Prepared`."""

    rollout: Projected
    reference: Projected
    floor: Projected
    kinetic_floor: Projected
    floor_reference: Projected


def torsion_results(
    prepared: Prepared, projected: ProjectedDatasets, autocorrelations: dict[str, AutocorrelationCurves]
) -> tuple[TorsionResult, ...]:
    """Give every torsion's distances and relaxation times.

    Parameters
    ----------
    prepared
        The datasets.
    projected
        The datasets projected on the reference model.
    autocorrelations
        Autocorrelation curves by dataset.

    Returns
    -------
    tuple of TorsionResult
        In the order of the torsions.
    """
    rollout = torsion_estimates(projected.rollout, projected.reference)
    floor = torsion_estimates(projected.floor, projected.floor_reference)
    return tuple(
        TorsionResult(
            name=torsion.name,
            kind=torsion.kind,
            js_distance=rollout[column].value,
            js_distance_error=rollout[column].error,
            js_distance_floor=floor[column].value,
            relaxation_ps={
                which: float(autocorrelations[which].relaxation_ps[column])
                for which in ("rollout", "reference", "floor")
            },
        )
        for column, torsion in enumerate(prepared.torsions)
    )


def block_notes(projected: ProjectedDatasets, relaxation_ps: float | None) -> tuple[str, ...]:
    """Warn of blocks that are too short for the slowest torsion.

    Parameters
    ----------
    projected
        The datasets with their blocks.
    relaxation_ps
        Slowest relaxation time of the reference, ps, or None.

    Returns
    -------
    tuple of str
        One note per dataset concerned.
    """
    if relaxation_ps is None:
        return ("no torsion of the reference relaxes within half of it: error bars are too small",)
    short = [s for s in (projected.rollout, projected.reference, projected.floor) if s.block_ps < 2 * relaxation_ps]
    return tuple(
        f"bootstrap blocks of the {s.name} last {s.block_ps:.0f} ps, the slowest torsion relaxes in "
        f"{relaxation_ps:.0f} ps: its error bars are too small"
        for s in short
    )


def settings_shown(
    prepared: Prepared,
    settings: ComparisonSettings,
    lag: LagChoice,
    projected: ProjectedDatasets,
    reference_model: ReferenceModel,
) -> dict[str, Any]:
    """Give the settings as used, for files and the report.

    Parameters
    ----------
    prepared
        The datasets.
    settings
        As asked for.
    lag
        Lag used, and why.
    projected
        The datasets projected on the reference model.
    reference_model
        Fitted on the reference.

    Returns
    -------
    dict
        Plain values.
    """
    return {
        "lag_ps": lag.lag_ps,
        "lag_reason": lag.reason,
        "n_clusters": settings.n_clusters,
        "n_states_asked": settings.n_states,
        "n_states": reference_model.n_states,
        "n_tics": reference_model.n_tics,
        "n_bootstrap": settings.n_bootstrap,
        "seed": settings.seed,
        "temperature_K": settings.temperature_K,
        "n_atoms": prepared.topology.n_atoms,
        "sides": {
            which: {
                "n_trajectories": len(dataset.angles),
                "n_frames": dataset.n_frames,
                "interval_ps": dataset.interval_ps,
                "n_blocks": dataset.n_blocks,
            }
            for which, dataset in (
                ("rollout", projected.rollout),
                ("reference", projected.reference),
                ("floor", projected.floor),
                ("kinetic_floor", projected.kinetic_floor),
            )
        },
    }
