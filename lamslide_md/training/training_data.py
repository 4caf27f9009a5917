"""What both stages train on: trajectories placed and scaled."""

from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Float

from lamslide_md.data.stored_frames import StoredFrames, blocks_of
from lamslide_md.hashing import sha256_of
from lamslide_md.systems.extents import extent_of
from lamslide_md.systems.system import PointTrajectory, System
from lamslide_md.training.windows import SystemDataset

HELD_OUT_FRACTION = 0.02
"""Last part of every trajectory that the first stage is not trained on, but tested."""

N_STARTS, LEAST_STARTS = 32, 4
"""Windows of context frames kept with the model for each system; at least the latter of a large one."""

START_NUMBERS = 50_000
"""Coordinates of all of them, about: in the file of a large system they would be what takes most room."""


@dataclass(frozen=True)
class TrainingData:
    """Placed and scaled trajectories of one or more systems.

    Attributes
    ----------
    trajectories
        As given, their systems with joint vocabularies.
    systems
        Each system once.
    datasets
        Placed, in length scales.
    length_scale_nm
        Standard deviation of the placed coordinates.
    frame_interval_ps
        Of the model.
    """

    trajectories: list[PointTrajectory]
    systems: tuple[System, ...]
    datasets: list[SystemDataset]
    length_scale_nm: float
    frame_interval_ps: float

    def held_out(self, n_frames: int = 1) -> tuple[list[SystemDataset], list[SystemDataset]]:
        """Split every trajectory into what the first stage is trained on and the last frames, which it is not.

        Parameters
        ----------
        n_frames
            Of the windows that the last frames must hold to be of use.

        Returns
        -------
        training, test
            The test is the whole where nothing is long enough.
        """
        parts = [dataset.split(HELD_OUT_FRACTION) for dataset in self.datasets]
        test = [cut for _, cut in parts if cut is not None and len(cut.starts(n_frames))]
        return [kept for kept, _ in parts], test or self.datasets

    def starts(self, n_known: int) -> tuple[Float[np.ndarray, "_ _ _ dim"], ...]:
        """Windows of context frames at equal distances in time, nm, if there is only one system to roll out."""
        if len(self.systems) > 1:
            return ()
        windows, n_numbers = [], n_known * self.datasets[0].entities.n_points * self.datasets[0].entities.dim
        n_starts = min(N_STARTS, max(LEAST_STARTS, START_NUMBERS // n_numbers))
        for dataset in self.datasets:
            first = dataset.starts(n_known)
            first = first[np.unique(np.linspace(0, len(first) - 1, -(-n_starts // len(self.datasets))).astype(int))]
            windows.append(dataset.points[first[:, None] + np.arange(n_known) * dataset.frame_stride])
        return (np.round(np.concatenate(windows)[:n_starts] * np.float32(self.length_scale_nm), 5),)

    def extents_nm(self) -> list[list[float]]:
        """Least and largest radius of gyration of each system, nm, by which starts are checked."""
        parts = [[r.points_nm for r in self.trajectories if r.system is system] for system in self.systems]
        own = [[extent_of(block) for points in some for block in blocks_of(points)] for some in parts]
        return [[min(low for low, _ in ends), max(high for _, high in ends)] for ends in own]

    def trajectory_hashes(self) -> list[str]:
        """Hash each trajectory's coordinates, by which it is recognised where it is given again."""
        return [coordinates_hash(trajectory.points_nm) for trajectory in self.trajectories]

    def data_hash(self) -> str:
        """SHA-256 of all coordinates and frame intervals."""
        return sha256_of(
            part.tobytes()
            for trajectory in self.trajectories
            for part in chain(
                [np.float64(trajectory.frame_interval_ps)],
                (np.ascontiguousarray(block, dtype=np.float32) for block in blocks_of(trajectory.points_nm)),
            )
        )


def coordinates_hash(points_nm: Float[np.ndarray, "frames points dim"] | StoredFrames) -> str:
    """SHA-256 of coordinates to 1e-4 nm, so that what a file format rounds does not count."""
    # Zero is added, as there are two of it.
    return sha256_of((np.round(block * 1e4) + 0.0).astype(np.float32).tobytes() for block in blocks_of(points_nm))
