"""`Rollout`: frames of the surrogate, made as they are asked for, and handed over to mdtraj and ASE."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mdtraj as md
import numpy as np
from ase import Atoms
from jaxtyping import Float

from lamslide_md.io.ase_atoms import ase_frames
from lamslide_md.sampling.chain_state import ChainState
from lamslide_md.sampling.files import RolloutFiles
from lamslide_md.sampling.seeds import seed_frames
from lamslide_md.systems.system import System

OnFrames = Callable[[int, int], None]
"""Called with the frames of all chains that are done, and those asked for."""

KEEP_BYTES = 2_000_000_000
"""A rollout up to this size is kept in memory once it was asked for; a larger one is made anew each time it is read."""

Windows = Callable[
    [ChainState | None], Iterator[tuple[Float[np.ndarray, "chains target points dim"], ChainState | None]]
]
"""Makes new frames, nm, from a state on (from the beginning for None); with each window the state after it."""


@dataclass
class Rollout:
    """Chains of equally many frames; the start frames are not among them.

    Attributes
    ----------
    system
        What was rolled out.
    n_frames
        Frames of each chain.
    n_chains
        Independent chains.
    frame_interval_ps
        Time between two frames; the first frame is one interval after the start.
    windows
        Makes the frames, window by window.
    facts
        JSON-able settings and provenance.
    command
        Which makes it: ``rollout`` or ``interpolate``.
    """

    system: System
    n_frames: int
    n_chains: int
    frame_interval_ps: float
    windows: Windows
    facts: dict[str, Any] = field(default_factory=dict)
    command: str = "rollout"
    _kept: np.ndarray | None = field(default=None, init=False, repr=False)

    @classmethod
    def of_points(
        cls,
        system: System,
        points_nm: Float[np.ndarray, "chains frames points dim"],
        frame_interval_ps: float,
        facts: dict[str, Any],
    ) -> "Rollout":
        """Make a rollout of frames that are there already.

        Parameters
        ----------
        system
            What they are frames of.
        points_nm
            All of them.
        frame_interval_ps
            Time between two frames.
        facts
            JSON-able settings and provenance.

        Returns
        -------
        Rollout
            With as many chains and frames.
        """
        n_chains, n_frames = points_nm.shape[:2]
        windows: Windows = lambda _: iter([(points_nm, None)])  # noqa: E731
        return cls(system, n_frames, n_chains, frame_interval_ps, windows, facts, "interpolate")

    def chunks(self, on_frames: OnFrames | None = None) -> Iterator[Float[np.ndarray, "chains target points dim"]]:
        """Make the frames, window by window, in nm.

        Parameters
        ----------
        on_frames
            Callback receiving the frames made so far and the frames wanted, after every window.

        Yields
        ------
        np.ndarray
            The next frames of all chains; together exactly `n_frames`.
        """
        for chunk, _ in self._chunks(None, 0, on_frames):
            yield chunk

    def points_nm(self, on_frames: OnFrames | None = None) -> Float[np.ndarray, "chains frames points dim"]:
        """All frames of all chains, nm."""
        return np.concatenate(list(self.chunks(on_frames)), axis=1)

    def time_ps(self, chain: int = 0) -> Float[np.ndarray, " frames"]:
        """Times of the frames of a chain; chains follow one another."""
        return (np.arange(1, self.n_frames + 1) + chain * self.n_frames) * self.frame_interval_ps

    def chains(self, on_frames: OnFrames | None = None) -> list[md.Trajectory]:
        """Every chain as a trajectory of its own.

        Parameters
        ----------
        on_frames
            Callback receiving the frames made so far and the frames wanted, after every window.

        Returns
        -------
        list of md.Trajectory
            Times begin one frame interval after the start in each.

        Raises
        ------
        InputError
            If the system is a set of points without a topology.
        """
        self.system.labels()
        time_ps = self.time_ps()
        return [md.Trajectory(chain, self.system.topology, time=time_ps) for chain in self.points_nm(on_frames)]

    def to_mdtraj(self) -> md.Trajectory:
        """All chains joined to one trajectory; `chains` keeps them apart.

        Returns
        -------
        md.Trajectory
            Chain after chain, with uniform times.

        Raises
        ------
        InputError
            If the system is a set of points without a topology.
        """
        joined = np.concatenate([chain.xyz for chain in self.chains()])
        return md.Trajectory(joined, self.system.topology, time=np.concatenate(self._times()))

    def to_ase(self) -> list[Atoms]:
        """All chains joined to a list of ASE Atoms (Å), with ``time_ps`` and ``chain`` in their info."""
        topology = self._topology()
        chains = zip(self.points_nm(), self._times(), strict=True)
        return [atoms for c, (points, times) in enumerate(chains) for atoms in ase_frames(topology, points, times, c)]

    def save(
        self,
        path: str | Path,
        on_frames: OnFrames | None = None,
        *,
        resume: bool = False,
        overwrite: bool = False,
        inputs: Sequence[str | Path] = (),
    ) -> Path:
        """Write all chains to one file, one after another, as they come.

        Beside it stand the topology (PDB) and a manifest (JSON) with interval, chains, wall time and provenance, by
        which `lamslide_md.read` keeps the chains apart. Interrupted at any moment, even by a kill, the frames that are
        done stay readable: of one chain in the file itself (xtc, trr, extxyz, traj), otherwise of each in
        ``STEM.chainN`` (a trr for formats that cannot grow), and ``STEM.restart.npz`` is what the rollout goes on from.
        An earlier rollout in the file stays until the new one is whole, which grows as ``STEM.new`` meanwhile. Where
        the name of topology or manifest is taken by a file that is not of this rollout, they get another one.
        Nothing stays in memory: what is asked for afterwards is made anew, of the same frames.

        Parameters
        ----------
        path
            Any format that mdtraj or ASE writes, by its ending.
        on_frames
            Callback receiving the frames made so far and the frames wanted, after every window.
        resume
            Go on with the same rollout (model, start, settings) where it was interrupted; on the same machine the
            frames are those of one that was not. A finished one is left as it is.
        overwrite
            Replace the file also where it is not a rollout of the same kind that was saved before.
        inputs
            Files that are not replaced in any case, such as those that the start was read from.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InputError
            If the format cannot hold a rollout, the file is someone else's, a device or a folder, the disk full or
            read-only, or another rollout should be resumed.
        RolloutInterrupted
            A `KeyboardInterrupt` that says what is on disk.
        """
        path = Path(path)
        what = (self.system, np.stack(self._times()), self.frame_interval_ps, self.facts)
        files = RolloutFiles(path, *what, command=self.command, inputs=inputs, overwrite=overwrite)
        if not files.begin(resume):
            return path
        with files:
            for positions_nm, state in self._chunks(files.state, files.n_done, on_frames, keep=False):
                files.add(positions_nm, state)
            files.finish()
        return path

    def seeds(self, n: int, method: str = "msm", *, lag_ps: float | None = None, seed: int = 0) -> md.Trajectory:
        """Choose frames to start MD from: the least certain ones of an MSM, or ones spread over what was visited.

        Parameters
        ----------
        n
            Seeds.
        method
            ``msm``: least counts; ``uniform``: evenly spread; see `lamslide_md.sampling.seeds`.
        lag_ps
            Lag of TICA and the MSM, ps; 10 frames when left out.
        seed
            Of the clustering.

        Returns
        -------
        md.Trajectory
            The most wanted first. `time` is that in `to_mdtraj`, where the index is ``time / frame_interval_ps - 1``.

        Raises
        ------
        InputError
            If there are fewer frames than seeds, no torsion, or the method is unknown.
        """
        frames = (self.chunks, self._topology(), self.system.reference_nm, self._times())
        return seed_frames(*frames, self.frame_interval_ps, n, method, lag_ps=lag_ps, seed=seed)

    def _chunks(
        self, state: ChainState | None, done: int, on_frames: OnFrames | None, keep: bool = True
    ) -> Iterator[tuple[Float[np.ndarray, "chains target points dim"], ChainState | None]]:
        """Frames from `done` on, window by window, and where the chains stand behind each; kept if they are few."""
        if done == self.n_frames:
            return
        if self._kept is not None:
            yield self._kept[:, done:], None
            return
        n_bytes = 4 * self.n_chains * self.n_frames * self.system.entities.n_points * self.system.entities.dim
        kept: list[np.ndarray] | None = [] if keep and done == 0 and n_bytes <= KEEP_BYTES else None
        for window, after in self.windows(state):
            chunk = window[:, : self.n_frames - done]
            done += chunk.shape[1]
            if kept is not None:
                kept.append(chunk)
            if on_frames:
                on_frames(done * self.n_chains, self.n_frames * self.n_chains)
            if done == self.n_frames and kept is not None:
                self._kept = np.concatenate(kept, axis=1)
            yield chunk, after
            if done == self.n_frames:
                return

    def _topology(self) -> md.Topology:
        self.system.labels()
        return self.system.topology

    def _times(self) -> list[np.ndarray]:
        return [self.time_ps(chain) for chain in range(self.n_chains)]
