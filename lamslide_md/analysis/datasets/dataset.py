"""A dataset of a comparison: its trajectories, and their projection on the reference model in blocks."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.analysis.bootstrap import block_sums, bootstrap_weights, choose_n_blocks, split_into_blocks
from lamslide_md.analysis.features import SlowCoordinates, Torsion, torsion_angles
from lamslide_md.analysis.reference_model import ReferenceModel

Path = Int[np.ndarray, " _"]


@dataclass(frozen=True)
class Dataset:
    """Trajectories that belong together, cut to the compared atoms; positions in nm, shape (frames, atoms, 3) each."""

    name: str
    positions_nm: tuple[np.ndarray, ...]
    interval_ps: float

    @property
    def n_frames(self) -> int:
        """Frames of all trajectories together."""
        return sum(len(positions) for positions in self.positions_nm)

    @property
    def longest_ps(self) -> float:
        """Duration of the longest trajectory, ps."""
        return (max(len(positions) for positions in self.positions_nm) - 1) * self.interval_ps

    @property
    def total_ps(self) -> float:
        """Duration of all trajectories together, ps."""
        return self.n_frames * self.interval_ps

    def thinned(self, n_frames: int) -> "Dataset":
        """Keep that many frames, evenly spread over all trajectories; all of them if there are fewer."""
        if n_frames >= self.n_frames:
            return self
        chosen = np.linspace(0, self.n_frames - 1, n_frames).round().astype(int)
        starts = np.cumsum([0] + [len(positions) for positions in self.positions_nm])
        parts = [
            positions[chosen[(chosen >= start) & (chosen < start + len(positions))] - start]
            for positions, start in zip(self.positions_nm, starts[:-1], strict=True)
        ]
        kept = tuple(part for part in parts if len(part))
        return replace(self, positions_nm=kept, interval_ps=self.interval_ps * self.n_frames / n_frames)

    def strided(self, stride: int) -> "Dataset":
        """Keep every so-many-th frame of every trajectory."""
        return replace(
            self,
            positions_nm=tuple(positions[::stride] for positions in self.positions_nm),
            interval_ps=self.interval_ps * stride,
        )

    def halves(self) -> tuple["Dataset", "Dataset"]:
        """First and second half of the frames; a trajectory across the middle is cut."""
        middle = self.n_frames // 2
        first, second, start = [], [], 0
        for positions in self.positions_nm:
            cut = min(max(middle - start, 0), len(positions))
            first += [positions[:cut]] if cut else []
            second += [positions[cut:]] if cut < len(positions) else []
            start += len(positions)
        return (
            replace(self, name=f"first half of the {self.name}", positions_nm=tuple(first)),
            replace(self, name=f"second half of the {self.name}", positions_nm=tuple(second)),
        )


@dataclass(frozen=True)
class Projected:
    """Torsion angles (rad), TICs and clusters of every frame of a dataset, per trajectory, with its blocks.

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
    dataset: Dataset,
    torsions: tuple[Torsion, ...],
    reference_model: ReferenceModel,
    *,
    relaxation_ps: float,
    n_bootstrap: int,
    seed: int,
    slow: SlowCoordinates = SlowCoordinates(),  # noqa: B008 - frozen
) -> Projected:
    """Project a dataset on the reference model.

    Parameters
    ----------
    dataset
        Positions of the dataset.
    torsions
        Torsions to describe it by.
    reference_model
        Fitted on the reference.
    relaxation_ps
        Slowest relaxation time, from which the block length follows, ps.
    n_bootstrap
        Number of bootstrap samples.
    seed
        Seed of the bootstrap.
    slow
        The coordinates that the reference model was fitted on.

    Returns
    -------
    Projected
        The dataset with its blocks.
    """
    angles = tuple(torsion_angles(positions, torsions) for positions in dataset.positions_nm)
    tics = tuple(
        reference_model.tics(slow.of(positions, part))
        for positions, part in zip(dataset.positions_nm, angles, strict=True)
    )
    clusters = tuple(reference_model.clusters(part) for part in tics)
    lengths = [len(part) for part in angles]
    blocks = split_into_blocks(lengths, choose_n_blocks(dataset.total_ps, relaxation_ps))
    n_blocks = int(max(block[-1] for block in blocks)) + 1
    weights = bootstrap_weights(n_blocks, n_bootstrap, seed)
    return Projected(dataset.name, dataset.interval_ps, angles, tics, clusters, blocks, weights)


def block_populations(projected: Projected, reference_model: ReferenceModel) -> Float[np.ndarray, "blocks states"]:
    """Count the frames of every block in every metastable state."""
    states = tuple(reference_model.state_of_cluster[part] for part in projected.clusters)
    return block_sums(states, projected.blocks, projected.n_blocks, reference_model.n_states)
