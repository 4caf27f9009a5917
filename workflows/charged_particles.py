"""Charged particles in free space: the simulated benchmark of relational and equivariant networks."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.errors import InputError
from lamslide_md.frames.centred import centred
from lamslide_md.io.arrays import read_arrays, write_arrays
from lamslide_md.io.locks import only_writer
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.system import PointTrajectory, System

SIGNS = ("+", "-")
TOGETHER = 500
"""Trajectories simulated at once: their state stays in the processor's cache."""


@dataclass(frozen=True)
class ChargedParticles:
    """Particles of unit mass and charge +1 or -1 that attract and repel by Coulomb's law, in units of their own.

    Attributes
    ----------
    n_particles
        Of each trajectory.
    timestep
        Of the integration by velocity Verlet.
    steps_per_frame
        Steps from one frame to the next.
    n_frames
        Of each trajectory, the first one at time 0.
    position_std
        Standard deviation of the initial coordinates, which are normal.
    speed
        Of every particle at time 0, in a random direction.
    strength
        Of the interaction.
    greatest_force
        No component of the force on a particle exceeds it.

    References
    ----------
    Kipf et al., arXiv 1802.04687 (charged particles); Satorras et al., arXiv 2102.09844 (three dimensions, no walls).
    """

    n_particles: int = 5
    timestep: float = 0.001
    steps_per_frame: int = 100
    n_frames: int = 30
    position_std: float = 1.0
    speed: float = 0.5
    strength: float = 1.0
    greatest_force: float = 100.0

    def __post_init__(self) -> None:
        for name in ("n_particles", "steps_per_frame", "n_frames", "timestep", "position_std", "greatest_force"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}={getattr(self, name)} must be above 0")

    @property
    def frame_interval(self) -> float:
        """Time between two frames."""
        return self.timestep * self.steps_per_frame

    def simulate(self, n_trajectories: int, seed: int) -> "NBodyTrajectories":
        """Draw initial states and follow them.

        Parameters
        ----------
        n_trajectories
            How many.
        seed
            Of the initial states; the same trajectories come first however many are asked for.

        Returns
        -------
        NBodyTrajectories
            Positions and energies of all frames.

        Raises
        ------
        InputError
            If none is asked for.
        """
        if n_trajectories < 1:
            raise InputError(f"n_trajectories={n_trajectories} must be at least 1")
        streams = np.random.SeedSequence(seed).spawn(-(-n_trajectories // TOGETHER))
        parts = []
        for first, stream in zip(range(0, n_trajectories, TOGETHER), streams, strict=True):
            charges, positions, velocities = self.draw(TOGETHER, np.random.default_rng(stream))
            n = min(TOGETHER, n_trajectories - first)
            parts.append(self.follow(charges[:n], positions[:n], velocities[:n]))
        return NBodyTrajectories(
            np.concatenate([part.positions for part in parts]),
            np.concatenate([part.charges for part in parts]),
            np.concatenate([part.energy for part in parts]),
            self.frame_interval,
        )

    def draw(
        self, n: int, generator: np.random.Generator
    ) -> tuple[Int[np.ndarray, "n particles"], Float[np.ndarray, "n particles 3"], Float[np.ndarray, "n particles 3"]]:
        """Draw charges, positions and velocities at time 0."""
        charges = generator.choice(np.array([1, -1]), size=(n, self.n_particles))
        positions = self.position_std * generator.normal(size=(n, self.n_particles, 3))
        velocities = generator.normal(size=(n, self.n_particles, 3))
        return charges, positions, velocities * self.speed / np.linalg.norm(velocities, axis=-1, keepdims=True)

    def follow(
        self,
        charges: Int[np.ndarray, "n particles"],
        positions: Float[np.ndarray, "n particles 3"],
        velocities: Float[np.ndarray, "n particles 3"],
    ) -> "NBodyTrajectories":
        """Integrate Newton's equations by velocity Verlet, so that positions and velocities belong to the same time.

        Parameters
        ----------
        charges
            Of all particles.
        positions
            At time 0.
        velocities
            At time 0.

        Returns
        -------
        NBodyTrajectories
            With `n_frames` frames.
        """
        coupling = self.strength * charges[:, :, None] * charges[:, None]
        x, v = positions.astype(np.float64), velocities.astype(np.float64)
        force = self._forces(x, coupling)
        frames, energies = [x], [_energy(x, v, coupling)]
        for step in range(1, (self.n_frames - 1) * self.steps_per_frame + 1):
            v = v + 0.5 * self.timestep * force
            x = x + self.timestep * v
            force = self._forces(x, coupling)
            v = v + 0.5 * self.timestep * force
            if step % self.steps_per_frame == 0:
                frames.append(x)
                energies.append(_energy(x, v, coupling))
        return NBodyTrajectories(
            np.stack(frames, axis=1).astype(np.float32), charges, np.stack(energies, axis=1), self.frame_interval
        )

    def _forces(self, x: np.ndarray, coupling: np.ndarray) -> np.ndarray:
        apart = x[:, :, None] - x[:, None]
        squared = np.einsum("nijd,nijd->nij", apart, apart)
        # No force of a particle on itself.
        np.einsum("nii->ni", squared)[...] = 1.0
        force = np.einsum("nij,nijd->nid", coupling / (squared * np.sqrt(squared)), apart)
        return force.clip(-self.greatest_force, self.greatest_force)


def _energy(x: np.ndarray, v: np.ndarray, coupling: np.ndarray) -> np.ndarray:
    first, second = np.triu_indices(x.shape[1], k=1)
    distance = np.linalg.norm(x[:, first] - x[:, second], axis=-1)
    return 0.5 * np.square(v).sum(axis=(1, 2)) + (coupling[:, first, second] / distance).sum(axis=1)


@dataclass(frozen=True)
class NBodyTrajectories:
    """Trajectories of charged particles.

    Attributes
    ----------
    positions
        Of all frames.
    charges
        Of all particles.
    energy
        Kinetic and potential, in every frame.
    frame_interval
        Time between two frames.
    """

    positions: Float[np.ndarray, "trajectories frames particles 3"]
    charges: Int[np.ndarray, "trajectories particles"]
    energy: Float[np.ndarray, "trajectories frames"]
    frame_interval: float

    def point_trajectories(self) -> list[PointTrajectory]:
        """Each trajectory as a `PointTrajectory`; those with the same charges share a system.

        Returns
        -------
        list of PointTrajectory
            Kinds are the signs of the charges.
        """
        systems: dict[tuple[int, ...], System] = {}
        trajectories = []
        for charges, positions in zip(self.charges, self.positions, strict=True):
            pattern = tuple(charges.tolist())
            if pattern not in systems:
                entities = Entities.points([SIGNS[0] if q > 0 else SIGNS[1] for q in pattern], dim=3)
                systems[pattern] = System(_with_both_signs(entities, charges), centred(positions[0]))
            trajectories.append(PointTrajectory(systems[pattern], positions, self.frame_interval))
        return trajectories

    def save(self, path: Path) -> None:
        """Write a file of numpy arrays; it is there only once it is complete.

        Parameters
        ----------
        path
            File, ``.npz``.
        """
        with only_writer(path):
            write_arrays(path, **vars(self))

    @classmethod
    def load(cls, path: Path) -> "NBodyTrajectories":
        """Read what `save` wrote.

        Parameters
        ----------
        path
            File.

        Returns
        -------
        NBodyTrajectories
            As it was saved.

        Raises
        ------
        InputError
            If the file is missing, damaged, or another one.
        """
        complaint, mend = "holds no trajectories of charged particles", "simulate anew"
        needed = ("positions", "charges", "energy", "frame_interval")
        content = read_arrays(path, complaint, mend, needed=needed)
        interval = content["frame_interval"]
        if interval.shape or not np.issubdtype(interval.dtype, np.number):
            raise InputError(f"{path} {complaint} (frame_interval is no number); {mend}")
        return cls(content["positions"], content["charges"], content["energy"], float(interval))


def _with_both_signs(entities: Entities, charges: Int[np.ndarray, " particles"]) -> Entities:
    """Give particles whose charges are all alike the vocabulary of the others."""
    return replace(entities, kinds=(charges < 0).astype(int)[:, None], vocabularies=(SIGNS,))
