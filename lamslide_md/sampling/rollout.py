"""`Rollout`: frames of the surrogate, made as they are asked for, and handed over to mdtraj and ASE."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mdtraj as md
import numpy as np
from ase import Atoms
from jaxtyping import Float

from lamslide_md.errors import InputError
from lamslide_md.io.ase_atoms import ase_frames
from lamslide_md.io.given_paths import path_of
from lamslide_md.io.structured_texts import shortened
from lamslide_md.sampling.files import RolloutFiles
from lamslide_md.sampling.frame_stream import FrameStream, OnFrames, Windows
from lamslide_md.sampling.needs import ChainTimes, check_frames
from lamslide_md.sampling.rollout_locks import only_writer_of_rollout
from lamslide_md.sampling.seeds import seed_frames
from lamslide_md.systems.system import System


@dataclass
class Rollout:
    """Chains of equally many frames; the start frames are not among them.

    Of points without a topology there are `points_nm` and `chunks`; what needs atoms raises an `InputError`.

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
    first_chain
        Number of the first chain where these are some of more, by which times go on.
    """

    system: System
    n_frames: int
    n_chains: int
    frame_interval_ps: float
    windows: Windows
    facts: dict[str, Any] = field(default_factory=dict)
    command: str = "rollout"
    first_chain: int = 0
    _stream: FrameStream = field(init=False, repr=False)

    def __post_init__(self) -> None:
        entities = self.system.entities
        frame_bytes = 4 * entities.n_points * entities.dim
        self._stream = FrameStream(self.windows, self.n_frames, self.n_chains, frame_bytes)

    @classmethod
    def of_points(
        cls,
        system: System,
        points_nm: Float[np.ndarray, "chains frames points dim"],
        frame_interval_ps: float,
        facts: dict[str, Any],
    ) -> "Rollout":
        """Make a rollout of frames that are there already, with as many chains and frames."""
        n_chains, n_frames = points_nm.shape[:2]
        windows: Windows = lambda _: iter([(points_nm, None)])  # noqa: E731
        return cls(system, n_frames, n_chains, frame_interval_ps, windows, facts, "interpolate")

    def chunks(self, on_frames: OnFrames | None = None) -> Iterator[Float[np.ndarray, "chains new points dim"]]:
        """Make the next frames of all chains, nm, window by window; together exactly `n_frames`."""
        for chunk, _ in self._stream.chunks(on_frames):
            yield chunk

    def points_nm(self, on_frames: OnFrames | None = None) -> Float[np.ndarray, "chains frames points dim"]:
        """All frames of all chains, nm."""
        check_frames(self.n_chains, self.n_frames, self._stream.frame_bytes)
        return np.concatenate(list(self.chunks(on_frames)), axis=1)

    def time_ps(self, chain: int = 0) -> Float[np.ndarray, " frames"]:
        """Times of the frames of a chain; chains follow one another."""
        return (np.arange(1, self.n_frames + 1) + (self.first_chain + chain) * self.n_frames) * self.frame_interval_ps

    def chains(self, on_frames: OnFrames | None = None) -> list[md.Trajectory]:
        """Every chain as a trajectory of its own, whose times begin one frame interval after the start."""
        topology, points_nm = self._topology(), self.points_nm(on_frames)
        time_ps = self.time_ps()
        return [md.Trajectory(chain, topology, time=time_ps) for chain in points_nm]

    def to_mdtraj(self) -> md.Trajectory:
        """All chains joined to one trajectory with uniform times; `chains` keeps them apart."""
        joined = np.concatenate([chain.xyz for chain in self.chains()])
        return md.Trajectory(joined, self.system.topology, time=np.concatenate(self._times()))

    def to_ase(self) -> list[Atoms]:
        """All chains joined to a list of ASE Atoms (Å), with ``time_ps`` and ``chain`` in their info."""
        topology, points_nm = self._topology(), self.points_nm()
        chains = zip(points_nm, self._times(), strict=True)
        return [atoms for c, (points, times) in enumerate(chains) for atoms in ase_frames(topology, points, times, c)]

    def save(
        self,
        path: str | Path,
        on_frames: OnFrames | None = None,
        *,
        resume: bool = False,
        overwrite: bool = False,
        inputs: Sequence[str | Path] = (),
        on_begun: Callable[[], None] | None = None,
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
            Callback receiving the frames of all chains that are done, and those asked for.
        resume
            Go on with the same rollout (model, start, settings) where it was interrupted; on the same machine the
            frames are those of one that was not. A finished one is left as it is.
        overwrite
            Replace the file also where it is not a rollout of the same kind that was saved before.
        inputs
            Files that are not replaced in any case, such as those that the start was read from.
        on_begun
            Called once nothing speaks against the rollout and its first files are there.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InputError
            If the format cannot hold a rollout, the file is someone else's, a device or a folder, the disk full or
            read-only, another rollout should be resumed, or someone else is writing the file.
        RolloutInterrupted
            A `KeyboardInterrupt` that says what is on disk.
        """
        path = path_of(path, "path")
        if on_frames is not None and not callable(on_frames):
            raise InputError(f"on_frames={shortened(on_frames)} is nothing that can be called; give a function")
        files = self.files(path, overwrite=overwrite, inputs=inputs)
        with only_writer_of_rollout(path):
            is_left = files.begin(resume)
            if on_begun:
                on_begun()
            if not is_left:
                return path
            with files:
                for positions_nm, state in self._stream.chunks(on_frames, files.state, files.n_done, keep=False):
                    files.add(positions_nm, state)
                files.finish()
        return path

    def files(self, path: Path, *, overwrite: bool = False, inputs: Sequence[str | Path] = ()) -> RolloutFiles:
        """Files that `save` writes, not yet begun."""
        return RolloutFiles(
            path,
            self.system,
            ChainTimes(self.n_chains, self.n_frames, self.frame_interval_ps, self.first_chain),
            self.facts,
            command=self.command,
            inputs=inputs,
            overwrite=overwrite,
            first_chain=self.first_chain,
        )

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

    def _topology(self) -> md.Topology:
        self.system.labels()
        return self.system.topology

    def _times(self) -> list[np.ndarray]:
        return [self.time_ps(chain) for chain in range(self.n_chains)]
