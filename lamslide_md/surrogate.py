"""`Surrogate`: both trained stages with all that gives their numbers a meaning."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mdtraj as md
import numpy as np
from jaxtyping import Float
from lightning_fabric import Fabric

from lamslide_md.chains import chain_points
from lamslide_md.data.systems import Recording, System
from lamslide_md.errors import InputError
from lamslide_md.model_file import Header, load_weights, read_model_file, write_model_file
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.models.solvers import check_solver
from lamslide_md.rollout import Rollout
from lamslide_md.starts import draw_starts, known_frames
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

        Parameters
        ----------
        path
            Target; replaced only once the new file is complete.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        header = Header.model_validate(
            {
                "settings": self.settings,
                "systems": [system.to_dict() for system in self.systems],
                "starts_nm": [starts.tolist() for starts in self.starts_nm],
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

        Parameters
        ----------
        path
            File written by `save`.
        accelerator
            Of Lightning Fabric: where the model is to run.

        Returns
        -------
        Surrogate
            As it was saved.

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
        keep_rigid: bool = True,
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
        solver
            How windows are sampled: ``euler``, ``heun``, ``dopri5`` (chooses its own steps) or ``sde``.
        n_solver_steps
            Steps of the solver in each window.
        seed
            Same seed, same frames, on the same machine.
        keep_rigid
            Put distances that hardly change in the training data (bonds, angles, planar groups) back into the range
            that it has shown, as constraints do in molecular dynamics; frames within the range are not touched.

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
        if isinstance(start, str) and start == "reference":
            system, known_nm = self.systems[0], draw_starts(self.starts_nm[0], n_chains, seed)
        else:
            system, known_nm = known_frames(start, self.systems, self.settings.flow.n_known, n_chains)

        def windows() -> Iterator[np.ndarray]:
            known = np.stack([system.place(frames, self.settings.placement) for frames in known_nm])
            for points in chain_points(
                self.autoencoder,
                self.flow,
                system,
                known / self.length_scale_nm,
                self.length_scale_nm,
                solver,
                n_solver_steps,
                seed,
                keep_rigid=keep_rigid,
            ):
                yield points * np.float32(self.length_scale_nm)

        facts = {
            "solver": solver,
            "n_solver_steps": n_solver_steps,
            "seed": seed,
            "keep_rigid": keep_rigid,
            "temperature_K": self.temperature_K,
            "model": self.provenance,
        }
        return Rollout(system, n_frames, n_chains, self.frame_interval_ps, windows, facts)
