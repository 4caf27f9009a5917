"""One side of a comparison described in the reference's coordinates, cut into blocks for the bootstrap."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.analysis.bootstrap import bootstrap_weights, choose_n_blocks, split_into_blocks
from lamslide_md.analysis.features import Torsion, torsion_angles
from lamslide_md.analysis.landscape import Landscape
from lamslide_md.analysis.sides import Side

Path = Int[np.ndarray, " _"]


@dataclass(frozen=True)
class Sample:
    """Torsion angles (rad), TICs and clusters of every frame of one side, per trajectory, with its blocks.

    `weights` (draws, blocks) say how often each block appears in each bootstrap sample.
    """

    name: str
    interval_ps: float
    angles: tuple[Float[np.ndarray, "_ torsions"], ...]
    tics: tuple[Float[np.ndarray, "_ tics"], ...]
    clusters: tuple[Path, ...]
    blocks: tuple[Path, ...]
    weights: Float[np.ndarray, "draws blocks"]

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.weights.shape[1]

    @property
    def n_frames(self) -> int:
        """Frames of all trajectories."""
        return sum(map(len, self.angles))

    @property
    def longest_ps(self) -> float:
        """Duration of the longest trajectory, ps."""
        return (max(map(len, self.angles)) - 1) * self.interval_ps

    @property
    def block_ps(self) -> float:
        """Mean duration of a block, ps."""
        return self.n_frames * self.interval_ps / self.n_blocks

    @cached_property
    def all_angles(self) -> Float[np.ndarray, "frames torsions"]:
        """Angles of all frames, rad."""
        return np.concatenate(self.angles)

    @cached_property
    def all_tics(self) -> Float[np.ndarray, "frames tics"]:
        """TICs of all frames."""
        return np.concatenate(self.tics)


def project(
    side: Side,
    torsions: tuple[Torsion, ...],
    landscape: Landscape,
    *,
    relaxation_ps: float,
    n_bootstrap: int,
    seed: int,
) -> Sample:
    """Describe one side in the reference's coordinates.

    Parameters
    ----------
    side
        Positions of the side.
    torsions
        Torsions to describe it by.
    landscape
        Fitted on the reference.
    relaxation_ps
        Slowest relaxation time, from which the block length follows, ps.
    n_bootstrap
        Number of bootstrap samples.
    seed
        Seed of the bootstrap.

    Returns
    -------
    Sample
        The side with its blocks.
    """
    angles = tuple(torsion_angles(positions, torsions) for positions in side.positions_nm)
    tics = tuple(landscape.tics(part) for part in angles)
    clusters = tuple(landscape.clusters(part) for part in tics)
    lengths = [len(part) for part in angles]
    blocks = split_into_blocks(lengths, choose_n_blocks(side.total_ps, relaxation_ps))
    n_blocks = int(max(block[-1] for block in blocks)) + 1
    weights = bootstrap_weights(n_blocks, n_bootstrap, seed)
    return Sample(side.name, side.interval_ps, angles, tics, clusters, blocks, weights)
