"""`Rollout`: frames of the surrogate, made as they are asked for, and handed over to mdtraj and ASE."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ase.io
import mdtraj as md
import numpy as np
from ase import Atoms
from jaxtyping import Float

from lamslide_md.data.manifests import Manifest, manifest_path
from lamslide_md.data.systems import System
from lamslide_md.data.trajectory_writer import NM_TO_ANGSTROM, STREAMED, TrajectoryWriter
from lamslide_md.errors import InputError

OnFrames = Callable[[int, int], None]
"""Called with the frames of all chains that are done, and those asked for."""

KEEP_BYTES = 2_000_000_000
"""A rollout up to this size is kept in memory once made; a larger one is made anew each time it is read."""

ASE_FORMATS = (".traj", ".extxyz", ".xyz")


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
        Makes the frames from the beginning, window by window: (chains, new frames, points, dim), nm.
    facts
        JSON-able settings and provenance.
    """

    system: System
    n_frames: int
    n_chains: int
    frame_interval_ps: float
    windows: Callable[[], Iterator[Float[np.ndarray, "chains new points dim"]]]
    facts: dict[str, Any] = field(default_factory=dict)
    _kept: np.ndarray | None = field(default=None, init=False, repr=False)

    def chunks(self, on_frames: OnFrames | None = None) -> Iterator[Float[np.ndarray, "chains new points dim"]]:
        """Make the frames, window by window, in nm.

        Parameters
        ----------
        on_frames
            Hears of progress.

        Yields
        ------
        np.ndarray
            The next frames of all chains; together exactly `n_frames`.
        """
        if self._kept is not None:
            yield self._kept
            return
        n_bytes = 4 * self.n_chains * self.n_frames * self.system.entities.n_points * self.system.entities.dim
        keep: list[np.ndarray] | None = [] if n_bytes <= KEEP_BYTES else None
        done = 0
        for window in self.windows():
            chunk = window[:, : self.n_frames - done]
            done += chunk.shape[1]
            if keep is not None:
                keep.append(chunk)
            if on_frames:
                on_frames(done * self.n_chains, self.n_frames * self.n_chains)
            if done == self.n_frames and keep is not None:
                self._kept = np.concatenate(keep, axis=1)
            yield chunk
            if done == self.n_frames:
                return

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
            Hears of progress.

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
        symbols = [atom.element.symbol for atom in self._topology().atoms]
        frames = []
        for chain, (points, times) in enumerate(zip(self.points_nm(), self._times(), strict=True)):
            for positions, time_ps in zip(points, times, strict=True):
                info = {"time_ps": float(time_ps), "chain": chain}
                frames.append(Atoms(symbols, positions * NM_TO_ANGSTROM, info=info))
        return frames

    def save(self, path: str | Path, on_frames: OnFrames | None = None) -> Path:
        """Write all chains to one file, one after another, as they come.

        Beside it stand a manifest (JSON) with interval, chains and provenance, by which `lamslide_md.read` keeps the
        chains apart, and the topology (PDB). Interrupted, the frames that are done stay readable, one file for each
        chain.

        Parameters
        ----------
        path
            Any format that mdtraj or ASE writes, by its ending.
        on_frames
            Hears of progress.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InputError
            If the format is unknown, or the disk full or read-only.
        """
        path = Path(path)
        topology = self._topology()
        if path.suffix in STREAMED:
            self._stream(path, topology, on_frames)
        elif path.suffix in ASE_FORMATS:
            ase.io.write(path, self.to_ase())
        else:
            try:
                self.to_mdtraj().save(str(path))
            except (OSError, KeyError, ValueError) as error:
                raise InputError(f"cannot write {path}: {error}") from error
        manifest = Manifest.model_validate(
            {
                "frame_interval_ps": self.frame_interval_ps,
                "temperature_K": self.facts.get("temperature_K"),
                "n_atoms": topology.n_atoms,
                "n_frames": self.n_frames * self.n_chains,
                "n_chains": self.n_chains,
                "rollout": self.facts,
            }
        )
        manifest_path(path).write_text(manifest.model_dump_json(indent=1), encoding="utf-8")
        if path.suffix != ".pdb":
            md.Trajectory(self.system.reference_nm, topology).save_pdb(str(path.with_suffix(".pdb")))
        return path

    def _stream(self, path: Path, topology: md.Topology, on_frames: OnFrames | None) -> None:
        """Write each chain to a part as it grows, then join the parts."""
        parts = [path.with_name(f"{path.stem}.chain{c + 1}{path.suffix}") for c in range(self.n_chains)]
        parts = parts if self.n_chains > 1 else [path]
        writers = [TrajectoryWriter(part, topology) for part in parts]
        try:
            done = 0
            for chunk in self.chunks(on_frames):
                stop = done + chunk.shape[1]
                for writer, positions, times in zip(writers, chunk, self._times(), strict=True):
                    writer.write(positions, times[done:stop])
                done = stop
        finally:
            for writer in writers:
                writer.close()
        if self.n_chains > 1:
            with TrajectoryWriter(path, topology) as writer:
                for part in parts:
                    for piece in md.iterload(str(part), top=topology, chunk=1000):
                        writer.write(piece.xyz, piece.time.astype(np.float64))
            for part in parts:
                part.unlink()

    def _topology(self) -> md.Topology:
        self.system.labels()
        return self.system.topology

    def _times(self) -> list[np.ndarray]:
        return [self.time_ps(chain) for chain in range(self.n_chains)]
