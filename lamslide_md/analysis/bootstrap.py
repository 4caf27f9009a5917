"""Error bars by block bootstrap: frames near in time are not independent, blocks longer than the memory are."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

MIN_BLOCKS, MAX_BLOCKS = 10, 50
BLOCK_RELAXATIONS = 3.0
"""A block lasts at least so many relaxation times, as far as at least MIN_BLOCKS blocks remain."""


def choose_n_blocks(total_ps: float, relaxation_ps: float) -> int:
    """Choose how many blocks to cut a dataset into.

    Parameters
    ----------
    total_ps
        Duration of the dataset, ps.
    relaxation_ps
        Slowest relaxation time known, ps.

    Returns
    -------
    int
        Between 10 and 50; fewer blocks, i.e. longer ones, for slower relaxation.
    """
    wanted = total_ps / (BLOCK_RELAXATIONS * relaxation_ps) if relaxation_ps > 0 else MAX_BLOCKS
    return int(np.clip(wanted, MIN_BLOCKS, MAX_BLOCKS))


def split_into_blocks(n_frames: Sequence[int], n_blocks: int) -> tuple[Int[np.ndarray, " _"], ...]:
    """Assign every frame of every trajectory to a block of nearly equal length.

    No block spans two trajectories; short trajectories are one block each.

    Parameters
    ----------
    n_frames
        Length of every trajectory.
    n_blocks
        Number of blocks aimed at.

    Returns
    -------
    tuple of np.ndarray
        Block index of every frame, per trajectory, rising from 0.
    """
    length = sum(n_frames) / n_blocks
    assigned, start = [], 0
    for n in n_frames:
        own = min(max(1, round(n / length)), n)
        assigned.append(start + np.arange(n) * own // n)
        start += own
    return tuple(assigned)


def bootstrap_weights(n_blocks: int, n_draws: int, seed: int) -> Float[np.ndarray, "draws blocks"]:
    """Draw how often every block appears in every bootstrap sample.

    Parameters
    ----------
    n_blocks
        Number of blocks.
    n_draws
        Number of bootstrap samples.
    seed
        Seed of the draws.

    Returns
    -------
    np.ndarray
        Counts, each row summing to n_blocks.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_blocks, np.full(n_blocks, 1.0 / n_blocks), size=n_draws).astype(float)


def block_sums(
    indices: Sequence[Int[np.ndarray, " _"]], blocks: Sequence[Int[np.ndarray, " _"]], n_blocks: int, n_bins: int
) -> Float[np.ndarray, "blocks bins"]:
    """Count the frames of every block in every bin.

    Parameters
    ----------
    indices
        Bin of every frame, per trajectory.
    blocks
        Block of every frame, per trajectory.
    n_blocks
        Number of blocks.
    n_bins
        Number of bins.

    Returns
    -------
    np.ndarray
        Counts; their sum over the blocks is the histogram.
    """
    flat = np.concatenate([block * n_bins + index for index, block in zip(indices, blocks, strict=True)])
    return np.bincount(flat, minlength=n_blocks * n_bins).reshape(n_blocks, n_bins).astype(float)


def standard_error(draws: Float[np.ndarray, " draws"]) -> float | None:
    """Take the standard deviation over the bootstrap samples; None if fewer than half of them are defined."""
    finite = draws[np.isfinite(draws)]
    if len(finite) < max(2, len(draws) / 2):
        return None
    return float(finite.std(ddof=1))
