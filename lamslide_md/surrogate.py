"""`Surrogate`: both trained stages with all that gives their numbers a meaning."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mdtraj as md
import numpy as np
from jaxtyping import Float
from lightning_fabric import Fabric

from lamslide_md.data.batch import Batch
from lamslide_md.data.systems import Recording, System
from lamslide_md.data.topologies import labels_of
from lamslide_md.data.windows import Series
from lamslide_md.errors import InputError
from lamslide_md.model_file import Header, load_weights, read_model_file, write_model_file
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.chaining import chain_windows
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.models.solvers import check_solver
from lamslide_md.rollout import Rollout
from lamslide_md.training.building import build_autoencoder, build_flow
from lamslide_md.training.engine import Engine, OnProgress
from lamslide_md.training.presets import Settings, preset_settings
from lamslide_md.training.recordings import Source, gather, prepare_data
from lamslide_md.training.stages import train_both

LIBRARIES = ("lamslide_md", "torch", "mdtraj", "numpy")
"""Whose versions are kept with a model."""


@dataclass(frozen=True)
class Surrogate:
    """A model of the dynamics of one or more systems at one temperature and frame interval.

    Attributes
    ----------
    autoencoder, flow
        The two stages, frozen.
    systems
        What the model was trained on; their vocabularies are the model's.
    starts_nm
        For each system, windows of known frames from the training data: (starts, known frames, points, dim).
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

    @classmethod
    def fit(
        cls,
        trajectories: Source,
        *,
        preset: str = "quick",
        settings: Settings | None = None,
        frame_interval_ps: float | None = None,
        temperature_K: float | None = None,
        seed: int = 0,
        checkpoint_dir: str | Path | None = None,
        on_progress: OnProgress | None = None,
        accelerator: str = "auto",
    ) -> "Surrogate":
        """Train both stages.

        Parameters
        ----------
        trajectories
            One or several trajectories of a molecule, or recordings of points; several molecules as several
            trajectories.
        preset
            Name of the settings: ``quick``, ``standard`` or ``paper``.
        settings
            Settings in full, instead of a preset.
        frame_interval_ps
            Time between two frames of the model, ps; the preset's, or that of the data if it is longer.
        temperature_K
            Of the data, K; kept with the model.
        seed
            Of weights, batches and noise.
        checkpoint_dir
            Where to keep checkpoints; a training that was interrupted continues from there, exactly on the CPU.
        on_progress
            Hears of progress.
        accelerator
            Of Lightning Fabric: ``auto``, ``cpu``, ``cuda``, ``mps``.

        Returns
        -------
        Surrogate
            Ready to roll out.

        Raises
        ------
        InputError
            If the preset is unknown, the data too short, or the frame intervals do not fit.
        """
        settings = settings or preset_settings(preset)
        data = prepare_data(gather(trajectories, settings), settings, frame_interval_ps)
        engine = Engine(
            Fabric(accelerator=accelerator, devices=1),
            seed=seed,
            checkpoint_dir=None if checkpoint_dir is None else Path(checkpoint_dir),
            on_progress=on_progress,
        )
        autoencoder, flow, facts = train_both(engine, data, settings)
        provenance = {"preset": preset, "seed": seed, **facts, "versions": {name: version(name) for name in LIBRARIES}}
        return cls(
            autoencoder,
            flow,
            data.systems,
            data.starts(settings.flow.n_known),
            settings,
            data.length_scale_nm,
            data.frame_interval_ps,
            temperature_K,
            provenance,
        )

    def save(self, path: str | Path) -> Path:
        """Write one `.lamslide` file: weights (safetensors) and everything else (JSON header).

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        header = Header.model_validate(
            {
                "settings": self.settings,
                "systems": [system.to_dict() for system in self.systems],
                "starts_nm": [np.round(starts, 5).tolist() for starts in self.starts_nm],
                "length_scale_nm": self.length_scale_nm,
                "frame_interval_ps": self.frame_interval_ps,
                "temperature_K": self.temperature_K,
                "provenance": self.provenance,
            }
        )
        path = Path(path)
        write_model_file(path, {"autoencoder": self.autoencoder, "flow": self.flow}, header)
        return path

    @classmethod
    def load(cls, path: str | Path, accelerator: str = "auto") -> "Surrogate":
        """Read a `.lamslide` file.

        Raises
        ------
        InputError
            If the file is no model file, damaged, or of a newer format.
        """
        path = Path(path)
        tensors, header = read_model_file(path)
        try:
            systems = tuple(System.from_dict(content.model_dump()) for content in header.systems)
            starts_nm = tuple(np.array(starts, dtype=np.float32) for starts in header.starts_nm)
            autoencoder = build_autoencoder([system.entities for system in systems], header.settings.autoencoder)
            flow = build_flow(autoencoder, header.settings.flow)
        except (KeyError, ValueError, IndexError) as error:
            raise InputError(f"{path} is damaged: its header does not fit together ({error})") from error
        load_weights(path, tensors, {"autoencoder": autoencoder, "flow": flow})
        device = Fabric(accelerator=accelerator, devices=1).device
        for module in (autoencoder, flow):
            module.to(device).eval().requires_grad_(False)
        return cls(
            autoencoder,
            flow,
            systems,
            starts_nm,
            header.settings,
            header.length_scale_nm,
            header.frame_interval_ps,
            header.temperature_K,
            header.provenance,
        )

    def rollout(
        self,
        start: md.Trajectory | Recording | str = "reference",
        n_frames: int = 10_000,
        *,
        n_chains: int = 1,
        solver: str = "euler",
        n_solver_steps: int = 10,
        seed: int = 0,
    ) -> Rollout:
        """Roll out chains of windows; nothing is computed until frames are asked for.

        Parameters
        ----------
        start
            Frames to start from, chain c from frame c modulo their number (a model with several known frames takes the
            last ones, for all chains). ``reference``: frames of the training data drawn with the seed.
        n_frames
            New frames of each chain.
        n_chains
            Independent chains, sampled as one batch.
        solver, n_solver_steps
            How windows are sampled: ``euler``, ``heun``, ``dopri5`` (chooses its own steps) or ``sde``.
        seed
            Same seed, same frames, on the same machine.

        Returns
        -------
        Rollout
            Exactly `n_frames` frames for each chain, the first one frame interval after the start.

        Raises
        ------
        InputError
            If the start lacks atoms of the model, or a setting is impossible.
        """
        check_solver(solver, n_solver_steps)
        if n_frames < 1 or n_chains < 1:
            raise InputError(f"n_frames={n_frames} and n_chains={n_chains} must both be at least 1")
        system, known_nm = self._known_frames(start, n_chains, seed)

        def windows() -> Iterator[np.ndarray]:
            batch = self._batch(system, known_nm)
            for positions in chain_windows(self.autoencoder, self.flow, batch, solver, n_solver_steps, seed):
                yield system.entities.to_points(positions.cpu().numpy()) * self.length_scale_nm

        facts = {
            "solver": solver,
            "n_solver_steps": n_solver_steps,
            "seed": seed,
            "temperature_K": self.temperature_K,
            "model": self.provenance,
        }
        return Rollout(system, n_frames, n_chains, self.frame_interval_ps, windows, facts)

    def _known_frames(
        self, start: md.Trajectory | Recording | str, n_chains: int, seed: int
    ) -> tuple[System, Float[np.ndarray, "chains known points dim"]]:
        """Find the system and the known frames of every chain, nm."""
        n_known = self.settings.flow.n_known
        if isinstance(start, str):
            if start != "reference":
                raise InputError(f"start={start!r} is neither a trajectory nor 'reference'")
            system, starts = self.systems[0], self.starts_nm[0]
            return system, starts[np.random.default_rng(seed).integers(len(starts), size=n_chains)]
        if isinstance(start, Recording):
            vocabularies = self.systems[0].entities.vocabularies
            entities = start.system.entities.with_vocabularies(vocabularies)
            system, points_nm = replace(start.system, entities=entities), start.points_nm
        else:
            system = self._system_of(start)
            points_nm = system.select(start).xyz
        if len(points_nm) < n_known:
            raise InputError(f"the start has {len(points_nm)} frame(s); this model needs {n_known} known frames")
        if not np.isfinite(points_nm).all():
            raise InputError("the start has coordinates that are not finite")
        if n_known > 1:
            return system, np.repeat(points_nm[None, -n_known:], n_chains, axis=0)
        return system, points_nm[np.arange(n_chains) % len(points_nm)][:, None]

    def _system_of(self, start: md.Trajectory) -> System:
        """Choose the trained system whose atoms the start has; the error of the first one if none fits."""
        for system in self.systems[1:]:
            if set(system.labels()) <= set(labels_of(start.topology)):
                return system
        return self.systems[0]

    def _batch(self, system: System, known_nm: Float[np.ndarray, "chains known points dim"]) -> Batch:
        """Place and scale known frames, on the model's device."""
        placed = np.stack([system.place(frames, self.settings.placement) for frames in known_nm])
        scaled = placed.astype(np.float32) / np.float32(self.length_scale_nm)
        series = Series(system.entities, scaled.reshape(-1, *scaled.shape[2:]))
        frames = np.arange(len(series.points)).reshape(scaled.shape[:2])
        return series.batch(frames).to(next(self.flow.parameters()).device)
