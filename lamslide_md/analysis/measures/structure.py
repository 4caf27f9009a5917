"""Structure checks as measures: fractions of frames and bond errors, resampled by blocks."""

import numpy as np

from lamslide_md.analysis.bootstrap import bootstrap_weights, split_into_blocks
from lamslide_md.analysis.measures.measure import Estimate
from lamslide_md.analysis.structure import FrameStructure
from lamslide_md.units import ANGSTROM_PER_NM


def structure_estimates(
    checks: FrameStructure, n_frames: list[int], n_blocks: int, n_bootstrap: int, seed: int
) -> dict[str, Estimate]:
    """Average the checks of all frames.

    Parameters
    ----------
    checks
        Checks of every frame.
    n_frames
        Length of every trajectory.
    n_blocks
        Number of blocks aimed at.
    n_bootstrap
        Number of bootstrap samples.
    seed
        Seed of the bootstrap.

    Returns
    -------
    dict
        Estimates by the key of the measure: fractions of the frames, bond error in Å.
    """
    blocks = np.concatenate(split_into_blocks(n_frames, n_blocks))
    n_actual = int(blocks[-1]) + 1
    weights = bootstrap_weights(n_actual, n_bootstrap, seed)
    sizes = np.bincount(blocks, minlength=n_actual)

    def mean(values: np.ndarray) -> Estimate:
        sums = np.bincount(blocks, weights=values.astype(float), minlength=n_actual)
        return Estimate(float(values.mean()), (weights @ sums) / (weights @ sizes))

    return {
        "broken_bond_fraction": mean(checks.broken_bond),
        "bond_error": mean(checks.bond_error_nm * ANGSTROM_PER_NM),
        "chirality_flip_fraction": mean(checks.flipped),
        "clash_fraction": mean(checks.clash),
    }
