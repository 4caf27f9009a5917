"""The projected datasets of a comparison: their results per torsion, and notes on their blocks."""

from dataclasses import dataclass

from lamslide_md.analysis.compare.prepare import Prepared
from lamslide_md.analysis.datasets.dataset import Projected
from lamslide_md.analysis.measures.autocorrelation import AutocorrelationCurves
from lamslide_md.analysis.measures.distributions import torsion_estimates
from lamslide_md.analysis.results import TorsionResult


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
