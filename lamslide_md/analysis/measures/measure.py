"""A measure: its value for the rollout, its noise floor, their ratio, and the error bars of all three."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lamslide_md.analysis.bootstrap import standard_error


@dataclass(frozen=True)
class Estimate:
    """A value with its bootstrap samples, or no value with the reason."""

    value: float | None
    draws: Float[np.ndarray, " draws"] | None = None
    reason: str | None = None

    @property
    def error(self) -> float | None:
        """Standard error over the bootstrap samples."""
        return None if self.draws is None or self.value is None else standard_error(self.draws)


@dataclass(frozen=True)
class MeasureKind:
    """What a measure is: key in files, label in tables, unit, the group it belongs to, a sentence on what it says."""

    key: str
    label: str
    unit: str
    group: str
    meaning: str


@dataclass(frozen=True)
class Measure:
    """One row of the table. 0 is perfect for every measure; None where it is undefined, with the reason in `note`.

    `rollout` is the rollout against the reference, `floor` independent MD against the reference, `ratio` rollout/floor;
    `reference` is the reference's own value where it has one (structure). Errors are standard errors.
    """

    kind: MeasureKind
    rollout: float | None
    rollout_error: float | None
    floor: float | None
    floor_error: float | None
    ratio: float | None
    ratio_error: float | None
    reference: float | None
    note: str | None


def make_measure(kind: MeasureKind, rollout: Estimate, floor: Estimate, reference: float | None = None) -> Measure:
    """Set a measure of the rollout beside that of independent MD.

    Parameters
    ----------
    kind
        What is measured.
    rollout
        Rollout against reference.
    floor
        Independent MD against reference.
    reference
        The reference's own value.

    Returns
    -------
    Measure
        With the ratio, whose error comes from the spread of its logarithm over the bootstrap samples.
    """
    ratio, ratio_error = None, None
    if rollout.value is not None and floor.value is not None and floor.value > 0:
        ratio = rollout.value / floor.value
        if rollout.draws is not None and floor.draws is not None and ratio > 0:
            with np.errstate(divide="ignore", invalid="ignore"):
                spread = standard_error(np.log(rollout.draws) - np.log(floor.draws))
            ratio_error = None if spread is None else ratio * spread
    reasons = [f"{which}: {e.reason}" for which, e in (("rollout", rollout), ("floor", floor)) if e.reason]
    return Measure(
        kind=kind,
        rollout=rollout.value,
        rollout_error=rollout.error,
        floor=floor.value,
        floor_error=floor.error,
        ratio=ratio,
        ratio_error=ratio_error,
        reference=reference,
        note="; ".join(reasons) or None,
    )


_DISTRIBUTION = "Distributions (Jensen-Shannon distance, 0 to 0.833)"
_KINETICS = "Kinetics"
_STRUCTURE = "Structure"

KINDS = {
    kind.key: kind
    for kind in (
        MeasureKind(
            "js_distance_torsions_backbone",
            "torsions, backbone",
            "",
            _DISTRIBUTION,
            "mean over phi and psi, alpha to zeta of nucleic acids",
        ),
        MeasureKind(
            "js_distance_torsions_side_chain", "torsions, side chain", "", _DISTRIBUTION, "mean over chi1, chi2, ..."
        ),
        MeasureKind("js_distance_torsions_all", "torsions, all", "", _DISTRIBUTION, "mean over all torsions"),
        MeasureKind("js_distance_tic0", "TIC 0", "", _DISTRIBUTION, "slowest coordinate of the reference"),
        MeasureKind("js_distance_tic01", "TIC 0, 1", "", _DISTRIBUTION, "two slowest coordinates together"),
        MeasureKind("js_distance_states_occupancy", "states (a) occupancy", "", _DISTRIBUTION, "frames per state"),
        MeasureKind("js_distance_states_msm", "states (b) MSM", "", _DISTRIBUTION, "stationary distributions of MSMs"),
        MeasureKind("free_energy_error", "ΔG of the states", "kT", _DISTRIBUTION, "mean |ΔG|, G = -kT ln max(p, 1e-4)"),
        MeasureKind(
            "autocorrelation_error", "autocorrelation", "", _KINETICS, "mean |ΔC(t)| over torsions and common lags"
        ),
        MeasureKind(
            "relaxation_log_ratio",
            "relaxation times",
            "ln",
            _KINETICS,
            "mean |ln(t/t of MD)| over torsions, 0.69 is 2x",
        ),
        MeasureKind(
            "timescale_log_ratio",
            "implied timescales",
            "ln",
            _KINETICS,
            "mean |ln(t/t of MD)| of the slowest processes",
        ),
        MeasureKind(
            "passage_log_ratio", "first passage times", "ln", _KINETICS, "mean |ln(t/t of MD)| over pairs of states"
        ),
        MeasureKind(
            "transition_matrix_error",
            "transition matrix",
            "",
            _KINETICS,
            "1 - correlation between the metastable states",
        ),
        MeasureKind("flux_error", "fluxes", "", _KINETICS, "1 - correlation of the fluxes between the states"),
        MeasureKind(
            "broken_bond_fraction", "frames with a bad bond", "", _STRUCTURE, "any bond off by > 20 % of its MD mean"
        ),
        MeasureKind("bond_error", "bond error", "Å", _STRUCTURE, "mean |d - mean of MD|"),
        MeasureKind(
            "chirality_flip_fraction", "frames with a flipped centre", "", _STRUCTURE, "any chiral one not as in MD"
        ),
        MeasureKind("clash_fraction", "frames with a clash", "", _STRUCTURE, "heavy atoms 3+ bonds apart below 2.2 Å"),
    )
}
"""Every measure by its key, in the order of the table."""
