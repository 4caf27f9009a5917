"""A dataset of a comparison: its trajectories, and their projection on the reference model in blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.analysis.bootstrap import block_sums, bootstrap_weights, choose_n_blocks, split_into_blocks
from lamslide_md.analysis.features import SlowCoordinates
from lamslide_md.analysis.reference_model import ReferenceModel
from lamslide_md.data.stored_frames import Frames, Index, chosen

Path = Int[np.ndarray, " _"]


@dataclass(frozen=True)
class Dataset:
    """Trajectories that belong together, cut to the compared atoms; positions in nm, shape (frames, atoms, 3) each.

    Where its frames are chosen from those of another dataset, that is its `source`, and `rows` has for each trajectory
    the number of that in the source, and which of its frames these are.
    """

    name: str
    positions_nm: tuple[Frames, ...]
    interval_ps: float
    source: "Dataset | None" = None
    rows: tuple[tuple[int, Path], ...] = ()

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
        spread = np.linspace(0, self.n_frames - 1, n_frames).round().astype(int)
        starts = np.cumsum([0] + [len(positions) for positions in self.positions_nm])
        which = [spread[(spread >= start) & (spread < stop)] - start for start, stop in pairwise(starts)]
        return replace(self._chosen(which), interval_ps=self.interval_ps * self.n_frames / n_frames)

    def strided(self, stride: int) -> "Dataset":
        """Keep every so-many-th frame of every trajectory."""
        every = [slice(None, None, stride)] * len(self.positions_nm)
        return replace(self._chosen(every), interval_ps=self.interval_ps * stride)

    def halves(self) -> tuple["Dataset", "Dataset"]:
        """First and second half of the frames; a trajectory across the middle is cut."""
        starts = np.cumsum([0] + [len(positions) for positions in self.positions_nm])[:-1]
        cuts = [int(cut) for cut in np.maximum(self.n_frames // 2 - starts, 0)]
        return (
            replace(self._chosen([slice(None, cut) for cut in cuts]), name=f"first half of the {self.name}"),
            replace(self._chosen([slice(cut, None) for cut in cuts]), name=f"second half of the {self.name}"),
        )

    def _chosen(self, which: Sequence[Index]) -> "Dataset":
        """Choose frames of every trajectory, without those of which none is left."""
        whole = tuple((index, np.arange(len(part))) for index, part in enumerate(self.positions_nm))
        rows = [(index, old[new]) for (index, old), new in zip(self.rows or whole, which, strict=True)]
        parts = [chosen(part, new) for part, new in zip(self.positions_nm, which, strict=True)]
        kept = [number for number, part in enumerate(parts) if len(part)]
        return replace(
            self,
            positions_nm=tuple(parts[number] for number in kept),
            source=self.source or self,
            rows=tuple(rows[number] for number in kept),
        )


@dataclass(frozen=True)
class Described:
    """Torsion angles (rad), TICs and clusters of every frame of a dataset, per trajectory."""

    angles: tuple[Float[np.ndarray, "_ torsions"], ...]
    tics: tuple[Float[np.ndarray, "_ tics"], ...]
    clusters: tuple[Path, ...]

    def of(self, dataset: Dataset) -> "Described":
        """Give those of a dataset whose source this one is, without a copy where its frames are evenly spaced."""
        if dataset.source is None:
            return self
        rows = [(index, _evenly(frames)) for index, frames in dataset.rows]

        def some(parts: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
            return tuple(parts[index][frames] for index, frames in rows)

        return Described(some(self.angles), some(self.tics), some(self.clusters))


def _evenly(frames: Path) -> Index:
    """The slice that gives the same frames, where there is one."""
    steps = np.diff(frames)
    even = len(steps) > 0 and steps[0] > 0 and bool((steps == steps[0]).all())
    return slice(int(frames[0]), int(frames[-1]) + 1, int(steps[0])) if even else frames


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

    def all_of_angle(self, torsion: int) -> Float[np.ndarray, " frames"]:
        """One angle of all frames, rad."""
        return np.concatenate([part[:, torsion] for part in self.angles])

    def all_of_tic(self, tic: int) -> Float[np.ndarray, " frames"]:
        """One TIC of all frames."""
        return np.concatenate([part[:, tic] for part in self.tics])


def describe(
    dataset: Dataset,
    angles: tuple[Float[np.ndarray, "_ torsions"], ...],
    reference_model: ReferenceModel,
    slow: SlowCoordinates = SlowCoordinates(),  # noqa: B008 - frozen
) -> Described:
    """Project every frame of a dataset on the reference model.

    Parameters
    ----------
    dataset
        Positions of the dataset.
    angles
        Its torsion angles, rad.
    reference_model
        Fitted on the reference.
    slow
        The coordinates that it was fitted on.

    Returns
    -------
    Described
        For this dataset and those chosen from it.
    """
    pairs = zip(dataset.positions_nm, angles, strict=True)
    tics = tuple(
        np.concatenate([reference_model.tics(coordinates) for coordinates in slow.parts(*pair)]) for pair in pairs
    )
    return Described(angles, tics, tuple(reference_model.clusters(part) for part in tics))


def project(dataset: Dataset, described: Described, *, relaxation_ps: float, n_bootstrap: int, seed: int) -> Projected:
    """Cut a dataset into blocks, with their bootstrap weights.

    Parameters
    ----------
    dataset
        The dataset.
    described
        Its frames on the reference model, or those of its source.
    relaxation_ps
        Slowest relaxation time, from which the block length follows, ps.
    n_bootstrap
        Number of bootstrap samples.
    seed
        Seed of the bootstrap.

    Returns
    -------
    Projected
        The dataset with its blocks.
    """
    lengths = [len(part) for part in dataset.positions_nm]
    blocks = split_into_blocks(lengths, choose_n_blocks(dataset.total_ps, relaxation_ps))
    n_blocks = int(max(block[-1] for block in blocks)) + 1
    weights = bootstrap_weights(n_blocks, n_bootstrap, seed)
    own = described.of(dataset)
    return Projected(dataset.name, dataset.interval_ps, own.angles, own.tics, own.clusters, blocks, weights)


def block_populations(projected: Projected, reference_model: ReferenceModel) -> Float[np.ndarray, "blocks states"]:
    """Count the frames of every block in every metastable state."""
    states = tuple(reference_model.state_of_cluster[part] for part in projected.clusters)
    return block_sums(states, projected.blocks, projected.n_blocks, reference_model.n_states)
