"""What the user set for a comparison, and the settings as used, for files and the report."""

from dataclasses import dataclass
from typing import Any

from lamslide_md.analysis.compare.prepare import Prepared
from lamslide_md.analysis.compare.projected import ProjectedDatasets
from lamslide_md.analysis.features import MAX_TORSION_RESIDUES, SlowCoordinates, TicaFeatures
from lamslide_md.analysis.lag_choice import LagChoice
from lamslide_md.analysis.reference_model import ReferenceModel
from lamslide_md.errors import InputError, option
from lamslide_md.units import MOST_K, MOST_PS, MOST_SEED, check_count, check_quantity

MOST_STATES = 100_000
"""Clusters, states or bootstrap samples: beyond any use."""


@dataclass(frozen=True)
class ComparisonSettings:
    """What the user set: lag (ps, None to choose it), numbers, seed, temperature (K or None), input of TICA.

    `tica_features` None takes distances of C-alphas for proteins of more than 20 residues, torsions otherwise.
    """

    lag_ps: float | None
    n_clusters: int
    n_states: int
    n_bootstrap: int
    seed: int
    temperature_K: float | None
    tica_features: TicaFeatures | None = None

    def __post_init__(self) -> None:
        for name in ("n_clusters", "n_states", "n_bootstrap"):
            check_count(name, getattr(self, name), 2, MOST_STATES)
        if self.tica_features not in (None, "torsions", "distances"):
            called = option("tica_features")
            raise InputError(f'{called} must be "torsions", "distances" or "auto", got {self.tica_features!r}')
        check_count("seed", self.seed, 0, MOST_SEED)
        if self.lag_ps is not None:
            check_quantity("lag_ps", self.lag_ps, MOST_PS, "ps")
        if self.temperature_K is not None:
            check_quantity("temperature_K", self.temperature_K, MOST_K, "K")


def slow_notes(slow: SlowCoordinates, asked: TicaFeatures | None) -> tuple[str, ...]:
    """Say so where TICA sees distances that nobody asked for.

    Parameters
    ----------
    slow
        What TICA was fitted on.
    asked
        What the user asked for, or None.

    Returns
    -------
    tuple of str
        One note, or none.
    """
    if slow.pairs is None or asked is not None:
        return ()
    return (
        f"slow coordinates (TICs, states) are those of {len(slow.pairs)} distances between C-alphas, as for every "
        f"protein of more than {MAX_TORSION_RESIDUES} residues; {option('tica_features')}=torsions takes the torsions",
    )


def settings_shown(
    prepared: Prepared,
    settings: ComparisonSettings,
    lag: LagChoice,
    projected: ProjectedDatasets,
    reference_model: ReferenceModel,
    slow: SlowCoordinates,
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
    slow
        What TICA was fitted on.

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
        "tica_features": slow.name,
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
