"""Autocorrelation of torsions: how fast every angle loses its correlation with the past."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.errors import InputError

RELAXED = float(np.exp(-1.0))
"""A torsion has relaxed when its normalised autocorrelation falls below 1/e."""

Trajectories = Sequence[Float[np.ndarray, "_ torsions"]]


def cosine_autocorrelation(
    angles: Float[np.ndarray, "frames torsions"] | Trajectories, lag_frames: Sequence[int] | Int[np.ndarray, " lags"]
) -> Float[np.ndarray, "lags torsions"]:
    """Mean cosine of the change of every torsion after given lags, <cos(theta(s) - theta(s + t))>.

    Parameters
    ----------
    angles
        Angles of one trajectory or a list of trajectories, rad.
    lag_frames
        Lags t, in frames, each shorter than the longest trajectory.

    Returns
    -------
    np.ndarray
        1 where the torsion has not moved, |<e^(i theta)>|² where it has forgotten.

    Raises
    ------
    InputError
        If no trajectory is longer than a lag.
    """
    listed = [angles] if isinstance(angles, np.ndarray) else list(angles)
    rows = []
    for lag in lag_frames:
        changes = [
            trajectory[lag:] - trajectory[: len(trajectory) - lag] for trajectory in listed if len(trajectory) > lag
        ]
        if not changes:
            raise InputError(f"lag of {lag} frames needs a longer trajectory than {max(map(len, listed))} frames")
        rows.append(np.cos(np.concatenate(changes)).mean(axis=0))
    return np.stack(rows)


def torsion_autocorrelation(angles: Trajectories, n_lags: int) -> Float[np.ndarray, "lags torsions"]:
    """Normalised autocorrelation of every torsion at lags 0, 1, ..., n_lags - 1 frames, by FFT.

    C(t) = [<cos(theta(s) - theta(s + t))> - |<e^(i theta)>|²] / (1 - |<e^(i theta)>|²), pooled over the trajectories.

    Parameters
    ----------
    angles
        Angles of every trajectory, rad.
    n_lags
        Number of lags, at most the frames of the longest trajectory.

    Returns
    -------
    np.ndarray
        1 at lag 0; NaN for a torsion that never moves.
    """
    n_torsions = angles[0].shape[1]
    products, pairs = np.zeros((n_lags, n_torsions)), np.zeros(n_lags)
    for trajectory in angles:
        n_frames, reach = len(trajectory), min(n_lags, len(trajectory))
        vectors = np.exp(1j * trajectory.astype(np.float64))
        # Zeros up to twice the length keep the circular convolution from wrapping round.
        spectrum = np.abs(np.fft.fft(vectors, n=1 << int(2 * n_frames - 1).bit_length(), axis=0)) ** 2
        products[:reach] += np.fft.ifft(spectrum, axis=0).real[:reach]
        pairs[:reach] += n_frames - np.arange(reach)
    mean = np.concatenate([np.exp(1j * trajectory) for trajectory in angles]).mean(axis=0)
    return normalised_autocorrelation(products / pairs[:, None], np.abs(mean) ** 2)


def normalised_autocorrelation(
    autocorrelation: Float[np.ndarray, "*lags torsions"], plateau: Float[np.ndarray, "*torsions"]
) -> Float[np.ndarray, "*lags torsions"]:
    """Rescale it from 1 and its plateau |<e^(i theta)>|² to 1 and 0; NaN for a torsion that never moves."""
    spread = 1.0 - plateau
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(spread > 1e-9, (autocorrelation - plateau) / np.where(spread > 1e-9, spread, 1.0), np.nan)


def relaxation_times(
    autocorrelation: Float[np.ndarray, "lags torsions"], lags_ps: Float[np.ndarray, " lags"]
) -> Float[np.ndarray, " torsions"]:
    """Time at which every torsion's autocorrelation first falls below 1/e, interpolated between the lags.

    Parameters
    ----------
    autocorrelation
        Normalised; the first lag must be 0.
    lags_ps
        Times of its rows, ps.

    Returns
    -------
    np.ndarray
        Relaxation times, ps; NaN where the autocorrelation does not fall below 1/e within the lags.
    """
    below = autocorrelation < RELAXED
    times_ps = np.full(autocorrelation.shape[1], np.nan)
    torsions = np.flatnonzero(below.any(axis=0))
    after = below[:, torsions].argmax(axis=0)
    high, low = autocorrelation[after - 1, torsions], autocorrelation[after, torsions]
    start_ps, end_ps = lags_ps[after - 1], lags_ps[after]
    # Exact for an exponential decay; a curve that falls to zero or below within one lag has no logarithm.
    decay = np.log(high / RELAXED) / np.log(high / np.where(low > 0, low, RELAXED / 2))
    fraction = np.where(low > 0, decay, (high - RELAXED) / (high - low))
    times_ps[torsions] = start_ps + (end_ps - start_ps) * fraction
    return times_ps


@dataclass(frozen=True)
class BlockAutocorrelation:
    """Sums over blocks of frames from which the autocorrelation of any resampling of the blocks follows.

    `products` (blocks, lags, torsions) and `pairs` (blocks, lags) belong to the block of the earlier frame; `vectors`
    (blocks, torsions) are sums of e^(i theta), `frames` (blocks,).
    """

    products: Float[np.ndarray, "blocks lags torsions"]
    pairs: Float[np.ndarray, "blocks lags"]
    vectors: np.ndarray
    frames: Float[np.ndarray, " blocks"]

    def autocorrelation(self, weights: Float[np.ndarray, "draws blocks"]) -> Float[np.ndarray, "draws lags torsions"]:
        """Normalised autocorrelation for every row of block weights."""
        pairs = weights @ self.pairs
        products = np.tensordot(weights, self.products, axes=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            cosines = products / pairs[..., None]
        mean = (weights @ self.vectors) / (weights @ self.frames)[:, None]
        return normalised_autocorrelation(cosines, np.abs(mean[:, None, :]) ** 2)


def block_autocorrelation(
    angles: Trajectories, blocks: Sequence[Int[np.ndarray, " _"]], n_blocks: int, lag_frames: Sequence[int]
) -> BlockAutocorrelation:
    """Sum up the autocorrelation of every block at a few lags.

    Parameters
    ----------
    angles
        Angles of every trajectory, rad.
    blocks
        Block of every frame, per trajectory.
    n_blocks
        Number of blocks.
    lag_frames
        Lags, in frames.

    Returns
    -------
    BlockAutocorrelation
        Sums from which autocorrelations of resampled blocks follow.
    """
    n_torsions = angles[0].shape[1]
    products, pairs = np.zeros((n_blocks, len(lag_frames), n_torsions)), np.zeros((n_blocks, len(lag_frames)))
    vectors, frames = np.zeros((n_blocks, n_torsions), dtype=complex), np.zeros(n_blocks)
    for trajectory, block in zip(angles, blocks, strict=True):
        starts = np.flatnonzero(np.diff(block, prepend=-1))
        frames += np.bincount(block, minlength=n_blocks)
        for row, lag in enumerate(lag_frames):
            pairs[:, row] += np.bincount(block[: max(len(block) - lag, 0)], minlength=n_blocks)
        # One torsion at a time: complex numbers of all of them would need several times the memory of the angles.
        for torsion in range(n_torsions):
            unit = np.exp(1j * trajectory[:, torsion].astype(np.float64))
            np.add.at(vectors[:, torsion], block[starts], np.add.reduceat(unit, starts))
            for row, lag in enumerate(lag_frames):
                begin = starts[starts < len(unit) - lag]
                if len(begin):
                    cosines = (unit[: len(unit) - lag].conj() * unit[lag:]).real
                    np.add.at(products[:, row, torsion], block[begin], np.add.reduceat(cosines, begin))
    return BlockAutocorrelation(products, pairs, vectors, frames)


def common_lags_ps(base_ps: float, longest_ps: float, n_lags: int = 40) -> Float[np.ndarray, " lags"]:
    """Choose lags that are whole numbers of frames in every dataset, from 0 on, spaced ever wider.

    Parameters
    ----------
    base_ps
        Smallest time that is a whole number of frames in every dataset, ps.
    longest_ps
        Longest lag, ps.
    n_lags
        At most so many lags after 0.

    Returns
    -------
    np.ndarray
        Lags, ps; the first is 0.
    """
    n_longest = max(1, int(longest_ps / base_ps + 1e-9))
    steps = np.unique(np.geomspace(1, n_longest, n_lags).round().astype(int))
    return np.concatenate([[0.0], steps * base_ps])
