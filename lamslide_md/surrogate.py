"""`Surrogate`: how a model is trained and kept; `Sampler` has what can be asked of it."""

from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import torch

from lamslide_md.config import Settings, checked, preset_settings
from lamslide_md.errors import InputError, collected_notes
from lamslide_md.io.given_paths import path_of
from lamslide_md.io.header_file import MEND, Content
from lamslide_md.io.locks import only_writer, only_writer_in
from lamslide_md.io.model_file import load_weights, read_model_file, write_model_file
from lamslide_md.io.model_header import Header
from lamslide_md.io.outputs import check_outputs, check_place
from lamslide_md.io.structured_texts import shortened
from lamslide_md.io.system_arrays import arrays_of, starts_of, system_of
from lamslide_md.processes import is_first
from lamslide_md.sampling.sampler import Sampler
from lamslide_md.systems.resolver import EXTENTS_KEY
from lamslide_md.training.building import build_autoencoder, build_flow
from lamslide_md.training.devices import agreed, check_accelerator, ends_with_others, group_fabric, single_device
from lamslide_md.training.gathering import Source, gather, items_of
from lamslide_md.training.preparing import prepare_data
from lamslide_md.training.preset_choice import usual_preset
from lamslide_md.training.progress import OnProgress
from lamslide_md.training.ranks import RankJob, train_on_devices
from lamslide_md.training.stages import train_both
from lamslide_md.training.trainer import Trainer
from lamslide_md.units import MOST_K, MOST_PS, MOST_SEED, check_count, check_quantity

LIBRARIES = ("lamslide_md", "torch", "mdtraj", "numpy")
"""Whose versions are kept with a model."""


class Surrogate(Sampler):
    """A model of the dynamics of one or more systems at one temperature and frame interval.

    See `Sampler` for its attributes and for what can be asked of it.
    """

    @classmethod
    def fit(
        cls,
        trajectories: Source,
        *,
        preset: str | None = None,
        settings: Settings | None = None,
        frame_interval_ps: float | None = None,
        temperature_K: float | None = None,
        seed: int = 0,
        checkpoint_dir: str | Path | None = None,
        on_progress: OnProgress | None = None,
        accelerator: str = "auto",
        devices: int | None = None,
        nodes: int | None = None,
    ) -> "Surrogate":
        """Train both stages, on one device or on several that share every batch.

        Several devices of this machine are each given a process. Processes that torchrun has started, on this machine
        or on several, train together: each calls this method with the same data, and all have the same model.

        Parameters
        ----------
        trajectories
            One or several trajectories of a molecule or of points; several molecules as several
            trajectories.
        preset
            Name of the settings: ``quick``, ``peptide``, ``protein``, ``standard``, ``paper``, or another of
            `config.PRESETS`, which are called DOMAIN-BUDGET: ``charges-quick``. None: ``protein`` for chains of more
            than six amino acids, else ``quick``.
        settings
            Settings in full, instead of a preset.
        frame_interval_ps
            Time between two frames of the model, ps; the preset's, or that of the data if it is longer.
        temperature_K
            Of the data, K; kept with the model.
        seed
            Of weights, batches and noise.
        checkpoint_dir
            Where to keep checkpoints; a training that was interrupted continues from there, on the CPU exactly if
            OMP_NUM_THREADS is set. No other training may use the folder meanwhile.
        on_progress
            Callback receiving a `Progress` about once a second.
        accelerator
            Of Lightning Fabric: ``auto``, ``cpu``, ``cuda``, ``mps``.
        devices
            On each machine; one, or as many as torchrun was told, when left out. They divide the batch size.
        nodes
            Machines, on which torchrun has to start the processes.

        Returns
        -------
        Surrogate
            Ready to roll out.

        Raises
        ------
        InputError
            If the preset is unknown, the data too short, the frame intervals or devices do not fit, or another
            training uses the folder.
        """
        check_count("seed", seed, 0, MOST_SEED)
        for name, value, most, unit in (
            ("frame_interval_ps", frame_interval_ps, MOST_PS, "ps"),
            ("temperature_K", temperature_K, MOST_K, "K"),
        ):
            if value is not None:
                check_quantity(name, value, most, unit)
        if settings is not None and not isinstance(settings, Settings):
            raise InputError(
                f"settings={shortened(settings)} is of type {type(settings).__name__}; give config.Settings"
            )
        if on_progress is not None and not callable(on_progress):
            raise InputError(f"on_progress={shortened(on_progress)} is nothing that can be called; give a function")
        if preset is None:
            preset = "quick" if settings else usual_preset(items_of(trajectories))
        named = preset_settings(preset)
        settings = checked(settings or named)
        folder = None if checkpoint_dir is None else path_of(checkpoint_dir, "checkpoint_dir")
        fabric = group_fabric(accelerator, devices, nodes, settings)
        with ExitStack() as held:
            with agreed(fabric):
                if folder is not None and is_first():
                    held.enter_context(only_writer_in(folder, "checkpoint_dir"))
                notes = held.enter_context(collected_notes())
                data = prepare_data(gather(trajectories, settings), settings, frame_interval_ps)
            if fabric is None and devices not in (None, 1):
                job = RankJob(data, settings, seed, folder, accelerator, devices)
                autoencoder, flow, facts = train_on_devices(job, on_progress)
            else:
                fabric = fabric or single_device(accelerator)
                trainer = Trainer(fabric, seed=seed, checkpoint_dir=folder, on_progress=on_progress)
                with ends_with_others(), trainer.threads.chosen():
                    autoencoder, flow, facts = train_both(trainer, data, settings)
        facts |= {EXTENTS_KEY: data.extents_nm(), "trajectory_hashes": data.trajectory_hashes(), "notes": notes}
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

    def save(self, path: str | Path, *, half_precision: bool = False, overwrite: bool = False) -> Path:
        """Write one `.lamslide` file: weights and arrays (safetensors) and a small JSON header.

        Parameters
        ----------
        path
            Target; replaced only once the new file is complete. Of processes that trained together the first writes it.
        half_precision
            Half the size; rollouts are other draws from nearly the same model.
        overwrite
            Replace the file also where it is no model.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InputError
            If the file is there and no model, cannot be written, or is being written by someone else.
        """
        path = path_of(path, "path")
        if not is_first():
            return path
        check_place(path)
        first = self.systems[0].entities
        header = Header(
            settings=self.settings,
            n_slots=first.n_slots,
            length_scale_nm=self.length_scale_nm,
            frame_interval_ps=self.frame_interval_ps,
            temperature_K=self.temperature_K,
            provenance=self.provenance,
        )
        starts_nm = self.starts_nm or (None,) * len(self.systems)
        systems = [arrays_of(system, starts) for system, starts in zip(self.systems, starts_nm, strict=True)]
        content = Content(header, systems, first.vocabularies)
        with only_writer(path):
            check_outputs("train", {"the model": path}, overwrite=overwrite)
            write_model_file(path, {"autoencoder": self.autoencoder, "flow": self.flow}, content, half_precision)
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
        path = path_of(path, "path")
        check_accelerator(accelerator)
        tensors, content = read_model_file(path)
        header = content.header
        try:
            systems = tuple(system_of(arrays, content.vocabularies, header.n_slots) for arrays in content.systems)
            starts_nm = tuple(starts_of(arrays, header.settings.flow.n_known) for arrays in content.systems)
            with torch.device("meta"):
                autoencoder = build_autoencoder(
                    [s.entities for s in systems], header.settings.autoencoder, header.settings.placement
                )
                flow = build_flow(autoencoder, header.settings)
        except (KeyError, ValueError, IndexError, RuntimeError) as error:
            raise InputError(f"{path} is damaged: its header does not fit together ({error}); {MEND}") from error
        load_weights(path, tensors, {"autoencoder": autoencoder, "flow": flow})
        device = single_device(accelerator).device
        for module in (autoencoder, flow):
            module.to(device).eval().requires_grad_(False)
        return cls(
            autoencoder,
            flow,
            systems,
            starts_nm if len(starts_nm[0]) else (),
            header.settings,
            header.length_scale_nm,
            header.frame_interval_ps,
            header.temperature_K,
            header.provenance,
        )
