"""`Sampler`: a trained model, and the three tasks it can be asked: to go on, to bridge, to fill in."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Unpack

import mdtraj as md
import numpy as np
from jaxtyping import Float

from lamslide_md.errors import InputError, option
from lamslide_md.io.times import frame_interval_of
from lamslide_md.models.weights import digest_of, weights_digest
from lamslide_md.sampling.bridging import fill_between, fill_spaced
from lamslide_md.sampling.chain_state import ChainState
from lamslide_md.sampling.needs import (
    COPIES_OF_A_WINDOW,
    bytes_of_a_chain,
    check_chains,
    check_frames,
    frame_bytes,
    n_groups,
    smallest_system,
)
from lamslide_md.sampling.rollout import Rollout
from lamslide_md.sampling.settings import Sampling, SamplingOptions, check_whole
from lamslide_md.sampling.starts import Start, draw_starts, start_context
from lamslide_md.sampling.trained_model import TrainedModel
from lamslide_md.shares import Share
from lamslide_md.systems.system import PointTrajectory, System


class Sampler(TrainedModel):
    """A trained model that can be asked for frames; every task takes the fields of `Sampling` as keywords."""

    def rollout(
        self,
        start: Start | str = "reference",
        n_frames: int = 10_000,
        *,
        n_chains: int = 1,
        **sampling: Unpack[SamplingOptions],
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
        **sampling
            ``solver``, ``n_solver_steps``, ``seed``, ``constrain`` of `Sampling`.

        Returns
        -------
        Rollout
            Exactly `n_frames` frames for each chain, the first one frame interval after the start.

        Raises
        ------
        InputError
            If the start lacks atoms of the model, is no structure of it or must be given, or a setting is impossible.
        """
        return self.rollout_part(None, start, n_frames, n_chains=n_chains, **sampling)

    def rollout_part(
        self,
        share: Share | None,
        start: Start | str = "reference",
        n_frames: int = 10_000,
        *,
        n_chains: int = 1,
        **sampling: Unpack[SamplingOptions],
    ) -> Rollout:
        """Roll out some of the chains of a rollout: with the starts, noise and times that they have among all.

        The frames are those of the whole rollout to rounding: matrices of another number of chains are multiplied.

        Parameters
        ----------
        share
            Which of the chains; None: all.
        start
            See `rollout`.
        n_frames
            See `rollout`.
        n_chains
            Of the whole rollout.
        **sampling
            See `rollout`.

        Returns
        -------
        Rollout
            Of these chains.
        """
        how = Sampling(**sampling).chosen(self.flow.map)
        check_whole(n_frames=n_frames, n_chains=n_chains)
        if n_frames < 1 or n_chains < 1:
            raise InputError(
                f"{option('n_frames')}={n_frames} and {option('n_chains')}={n_chains} must both be at least 1"
            )
        check_chains(self, smallest_system(self), n_chains)
        if isinstance(start, str) and start == "reference":
            if len(self.systems) > 1:
                raise InputError(
                    f"the model has learned {len(self.systems)} systems: pass a start ({option('start')}), frames of "
                    "the one to roll out"
                )
            system, context_nm = self.systems[0], draw_starts(self.starts_nm[0], n_chains, how.seed)
        else:
            system, context_nm = start_context(start, self.resolver, self.settings.flow.n_known, n_chains)
        propagator, first = self.propagator(system, how), 0
        if share is not None:
            rows = replace(share, total=n_chains).rows(share.rank)
            propagator, first = replace(propagator, share=replace(share, total=n_chains)), rows.start
            context_nm = context_nm[rows]
        groups = n_groups(bytes_of_a_chain(self, system)[0], len(context_nm)) if share is None else 1
        start_at = ChainState(self._placed(system, context_nm), seed=how.seed)

        def windows(state: ChainState | None) -> Iterator[tuple[np.ndarray, ChainState]]:
            state = start_at if state is None else replace(state, seed=how.seed).of_shape(start_at)
            while True:
                frames, state = propagator.step_in_groups(state, groups)
                yield frames * np.float32(self.length_scale_nm), state

        # By which a rollout that goes on is known again.
        made_of = {"start": digest_of(start_at.context), "weights": weights_digest(self.autoencoder, self.flow)}
        facts = self._facts(system, how) | made_of
        made = Rollout(system, n_frames, len(context_nm), self.frame_interval_ps, windows, facts)
        made.first_chain = first
        return made

    def interpolate(
        self,
        start: md.Trajectory | PointTrajectory,
        end: md.Trajectory | PointTrajectory,
        n_frames: int,
        *,
        n_paths: int = 1,
        **sampling: Unpack[SamplingOptions],
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
        **sampling
            ``solver``, ``n_solver_steps``, ``seed``, ``constrain`` of `Sampling`.

        Returns
        -------
        Rollout
            A chain for each path, of ``n_frames + 2`` frames: both ends, placed as the model places them, are in it.

        Raises
        ------
        InputError
            If an end lacks atoms, the path is longer than a window, or the model was not trained to bridge.
        """
        how, resolver = Sampling(**sampling).chosen(self.flow.map), self.resolver
        check_whole(n_frames=n_frames, n_paths=n_paths)
        if n_paths < 1:
            raise InputError(f"{option('n_paths')}={n_paths} must be at least 1")
        check_frames(n_paths, max(1, n_frames) + 2, frame_bytes(smallest_system(self)), COPIES_OF_A_WINDOW)
        system, first_nm = start_context(start, resolver, 1, n_paths)
        _, last_nm = start_context(end, resolver.only(system), 1, n_paths, "the end")
        first, last = self._placed(system, first_nm)[:, 0], self._placed(system, last_nm)[:, 0]
        paths = fill_between(first, last, n_frames, self.settings.flow, self.propagator(system, how), how.seed)
        return self._filled(system, paths, self._facts(system, how))

    def upsample(
        self, trajectory: md.Trajectory | PointTrajectory, factor: int, **sampling: Unpack[SamplingOptions]
    ) -> Rollout:
        """Draw the frames between those of a coarse trajectory.

        Parameters
        ----------
        trajectory
            Its frame interval is `factor` times the model's.
        factor
            Fine frames for one coarse frame.
        **sampling
            ``solver``, ``n_solver_steps``, ``seed``, ``constrain`` of `Sampling`.

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
        how = Sampling(**sampling).chosen(self.flow.map)
        check_whole(factor=factor)
        if isinstance(trajectory, PointTrajectory):
            interval_ps, n_coarse = trajectory.frame_interval_ps, len(trajectory.points_nm)
        elif not isinstance(trajectory, md.Trajectory):
            raise InputError(f"trajectory is of type {type(trajectory).__name__}; pass one, as lamslide_md.read gives")
        else:
            interval_ps, n_coarse = frame_interval_of(trajectory), len(trajectory.xyz)
        if not np.isclose(interval_ps, factor * self.frame_interval_ps, rtol=1e-3):
            raise InputError(
                f"frames {interval_ps:g} ps apart cannot be upsampled {factor} times to the model's "
                f"{self.frame_interval_ps:g} ps; stride the trajectory to {factor * self.frame_interval_ps:g} ps"
            )
        system, frames_nm = start_context(trajectory, self.resolver, 1, n_coarse, "the trajectory")
        coarse = self._placed(system, frames_nm)[:, 0]
        fine = fill_spaced(coarse, factor, self.settings.flow, self.propagator(system, how), how.seed)
        return self._filled(system, fine[None], self._facts(system, how))

    def _filled(
        self, system: System, points: Float[np.ndarray, "paths frames points dim"], facts: dict[str, Any]
    ) -> Rollout:
        points_nm = points * np.float32(self.length_scale_nm)
        return Rollout.of_points(system, points_nm, self.frame_interval_ps, facts)
