"""`Sampler`: a trained model, and the three tasks it can be asked: to go on, to bridge, to fill in."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.config import Settings
from lamslide_md.errors import InputError, option
from lamslide_md.flow.solvers import DEFAULT_SOLVER, DEFAULT_STEPS
from lamslide_md.frames import from_settings
from lamslide_md.io.times import frame_interval_of
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.models.weights import digest_of, weights_digest
from lamslide_md.sampling.bridging import fill_between, fill_spaced
from lamslide_md.sampling.chain_state import ChainState
from lamslide_md.sampling.propagator import Propagator
from lamslide_md.sampling.rollout import Rollout
from lamslide_md.sampling.settings import Sampling
from lamslide_md.sampling.starts import Start, draw_starts, start_context
from lamslide_md.systems.resolver import SystemResolver, stored_extents
from lamslide_md.systems.system import PointTrajectory, System


@dataclass(frozen=True)
class Sampler:
    """A trained model of the dynamics of one or more systems at one temperature and frame interval.

    Attributes
    ----------
    autoencoder, flow
        The two stages, frozen.
    systems
        What the model was trained on; their vocabularies are the model's.
    starts_nm
        Of a single system: windows of context frames from the training data, (starts, context frames, points, dim).
    settings
        Of the training.
    length_scale_nm
        Unit of length inside the model: the standard deviation of the coordinates.
    frame_interval_ps
        Time between two frames.
    temperature_K
        Of the training data; None if unknown.
    provenance
        JSON-able: data hash, seed, versions, training times, held-out error.
    """

    autoencoder: Autoencoder
    flow: LatentFlow
    systems: tuple[System, ...]
    starts_nm: tuple[Float[np.ndarray, "_ _ _ dim"], ...]
    settings: Settings
    length_scale_nm: float
    frame_interval_ps: float
    temperature_K: float | None
    provenance: dict[str, Any]

    def rollout(
        self,
        start: Start | str = "reference",
        n_frames: int = 10_000,
        *,
        n_chains: int = 1,
        solver: str = DEFAULT_SOLVER,
        n_solver_steps: int = DEFAULT_STEPS,
        seed: int = 0,
        constrain: bool = True,
    ) -> Rollout:
        """Roll out chains of windows; nothing is computed until frames are asked for.

        Parameters
        ----------
        start
            Frames to start from, chain c from frame c modulo their number (a model of several context frames takes the
            last ones, for all chains), of a system of the training or, if that was of several molecules, of another
            one whose parts they have; or several trajectories of one system, chain c from the end of trajectory c
            modulo their number. ``reference``: frames of the training data drawn with the seed, if that was of one
            system.
        n_frames
            New frames of each chain.
        n_chains
            Independent chains, sampled as one batch.
        solver
            How windows are sampled: ``euler``, ``heun``, ``dopri5`` (chooses its own steps) or ``sde``.
        n_solver_steps
            Steps of the solver in each window.
        seed
            Same seed, same frames, on the same machine.
        constrain
            Put frames back into what the training data has never left, as constraints do in molecular dynamics: the
            ranges of distances that hardly change (bonds, angles, planar groups), atoms that do not overlap, and the
            chirality of centres. Frames that keep all of these are not touched.

        Returns
        -------
        Rollout
            Exactly `n_frames` frames for each chain, the first one frame interval after the start.

        Raises
        ------
        InputError
            If the start lacks atoms of the model, is no structure of it or must be given, or a setting is impossible.
        """
        sampling = Sampling(solver, n_solver_steps, seed)
        if n_frames < 1 or n_chains < 1:
            raise InputError(
                f"{option('n_frames')}={n_frames} and {option('n_chains')}={n_chains} must both be at least 1"
            )
        if isinstance(start, str) and start == "reference":
            if len(self.systems) > 1:
                raise InputError(
                    f"the model has learned {len(self.systems)} systems: pass a start ({option('start')}), frames of "
                    "the one to roll out"
                )
            system, context_nm = self.systems[0], draw_starts(self.starts_nm[0], n_chains, seed)
        else:
            system, context_nm = start_context(start, self.resolver, self.settings.flow.n_known, n_chains)
        propagator = self.propagator(system, sampling, constrain)
        start_at = ChainState(self._placed(system, context_nm), seed=seed)

        def windows(state: ChainState | None) -> Iterator[tuple[np.ndarray, ChainState]]:
            state = start_at if state is None else replace(state, seed=seed)
            while True:
                frames, state = propagator.step(state)
                yield frames * np.float32(self.length_scale_nm), state

        # By which a rollout that goes on is known again.
        made_of = {"start": digest_of(start_at.context), "weights": weights_digest(self.autoencoder, self.flow)}
        facts = self._facts(system, sampling, constrain) | made_of
        return Rollout(system, n_frames, n_chains, self.frame_interval_ps, windows, facts)

    def interpolate(
        self,
        start: md.Trajectory | PointTrajectory,
        end: md.Trajectory | PointTrajectory,
        n_frames: int,
        *,
        n_paths: int = 1,
        solver: str = DEFAULT_SOLVER,
        n_solver_steps: int = DEFAULT_STEPS,
        seed: int = 0,
        constrain: bool = True,
    ) -> Rollout:
        """Draw paths between two frames, as a transition of given duration would take.

        Parameters
        ----------
        start
            Path p begins at frame p modulo their number.
        end
            Path p ends at frame p modulo their number.
        n_frames
            New frames between the ends: the transition takes ``n_frames + 1`` frame intervals.
        n_paths
            Independent paths.
        solver
            As in `rollout`.
        n_solver_steps
            Steps of the solver in each window.
        seed
            Same seed, same frames, on the same machine.
        constrain
            As in `rollout`.

        Returns
        -------
        Rollout
            A chain for each path, of ``n_frames + 2`` frames: both ends, placed as the model places them, are in it.

        Raises
        ------
        InputError
            If an end lacks atoms, the path is longer than a window, or the model was not trained to bridge.
        """
        sampling = Sampling(solver, n_solver_steps, seed)
        resolver = self.resolver
        system, first_nm = start_context(start, resolver, 1, n_paths)
        _, last_nm = start_context(end, resolver.only(system), 1, n_paths, "the end")
        first, last = self._placed(system, first_nm)[:, 0], self._placed(system, last_nm)[:, 0]
        propagator = self.propagator(system, sampling, constrain)
        paths = fill_between(first, last, n_frames, self.settings.flow, propagator, seed)
        return self._filled(system, paths, self._facts(system, sampling, constrain))

    def upsample(
        self,
        trajectory: md.Trajectory | PointTrajectory,
        factor: int,
        *,
        solver: str = DEFAULT_SOLVER,
        n_solver_steps: int = DEFAULT_STEPS,
        seed: int = 0,
        constrain: bool = True,
    ) -> Rollout:
        """Draw the frames between those of a coarse trajectory.

        Parameters
        ----------
        trajectory
            Its frame interval is `factor` times the model's.
        factor
            Fine frames for one coarse frame.
        solver
            As in `rollout`.
        n_solver_steps
            Steps of the solver in each window.
        seed
            Same seed, same frames, on the same machine.
        constrain
            As in `rollout`.

        Returns
        -------
        Rollout
            One chain of ``(coarse frames - 1) * factor + 1`` frames; those given are in it, placed as the model places
            them.

        Raises
        ------
        InputError
            If the frame intervals do not fit, atoms are missing, or the model was not trained to bridge.
        """
        sampling = Sampling(solver, n_solver_steps, seed)
        if isinstance(trajectory, PointTrajectory):
            interval_ps, n_coarse = trajectory.frame_interval_ps, len(trajectory.points_nm)
        else:
            interval_ps, n_coarse = frame_interval_of(trajectory), len(trajectory.xyz)
        if not np.isclose(interval_ps, factor * self.frame_interval_ps, rtol=1e-3):
            raise InputError(
                f"frames {interval_ps:g} ps apart cannot be upsampled {factor} times to the model's "
                f"{self.frame_interval_ps:g} ps; stride the trajectory to {factor * self.frame_interval_ps:g} ps"
            )
        system, frames_nm = start_context(trajectory, self.resolver, 1, n_coarse, "the trajectory")
        coarse = self._placed(system, frames_nm)[:, 0]
        propagator = self.propagator(system, sampling, constrain)
        fine = fill_spaced(coarse, factor, self.settings.flow, propagator, seed)
        return self._filled(system, fine[None], self._facts(system, sampling, constrain))

    @property
    def resolver(self) -> SystemResolver:
        """What the model can be asked about."""
        extents_nm = stored_extents(self.provenance, len(self.systems))
        return SystemResolver(self.systems, self.settings, self.autoencoder.pool.size, extents_nm)

    def propagator(self, system: System, sampling: Sampling, constrain: bool = True) -> Propagator:
        """Both stages at work on one system.

        Parameters
        ----------
        system
            What moves.
        sampling
            How windows are drawn; the seed is a matter of the `ChainState`.
        constrain
            As in `rollout`.

        Returns
        -------
        Propagator
            Draws windows, in units of the length scale.
        """
        return Propagator(
            self.autoencoder,
            self.flow,
            self.settings.flow.n_forward,
            from_settings(self.settings.placement),
            system,
            self.length_scale_nm,
            sampling.make_solver(),
            constrain,
        )

    def _placed(
        self, system: System, frames_nm: Float[np.ndarray, "windows context points dim"]
    ) -> Float[np.ndarray, "windows context points dim"]:
        """Place and scale context frames."""
        placed = np.stack([system.place(frames, self.settings.placement) for frames in frames_nm])
        return (placed / np.float32(self.length_scale_nm)).astype(np.float32)

    def _facts(self, system: System, sampling: Sampling, constrain: bool) -> dict[str, Any]:
        return asdict(sampling) | {
            "constrain": constrain,
            "in_training": self.resolver.has_learned(system),
            "temperature_K": self.temperature_K,
            "model": self.provenance,
        }

    def _filled(
        self, system: System, points: Float[np.ndarray, "paths frames points dim"], facts: dict[str, Any]
    ) -> Rollout:
        points_nm = points * np.float32(self.length_scale_nm)
        return Rollout.of_points(system, points_nm, self.frame_interval_ps, facts)
