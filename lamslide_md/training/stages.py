"""Both stages, one after the other."""

import time
from typing import Any

import torch
from pydantic import BaseModel
from torch import nn

from lamslide_md.config import FlowSettings, NumberType, Settings
from lamslide_md.frames import from_settings
from lamslide_md.hashing import sha256_of
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.training.autoencoder_stage import reconstruction_rmsd, train_autoencoder
from lamslide_md.training.building import build_autoencoder
from lamslide_md.training.finite_weights import check_finite
from lamslide_md.training.flow_stage import multiplies_in_bfloat16, train_flow
from lamslide_md.training.memory_needs import check_memory
from lamslide_md.training.trainer import Trainer
from lamslide_md.training.training_data import TrainingData


def train_both(
    trainer: Trainer, data: TrainingData, settings: Settings
) -> tuple[Autoencoder, LatentFlow, dict[str, Any]]:
    """Train the first stage, test it on held-out frames, and train the second on its latents.

    Parameters
    ----------
    trainer
        The training loop.
    data
        Trajectories.
    settings
        Of both stages.

    Returns
    -------
    autoencoder
        First stage.
    flow
        Second stage.
    facts
        JSON-able: hashes, times, sizes and the held-out error of the first stage.

    Raises
    ------
    InputError
        If a stage ends with weights that are not finite.
    """
    started_s = time.monotonic()
    data_hash = data.data_hash()
    windows = from_settings(settings.placement).windows
    trained_on, held_out = data.held_out(settings.flow.n_frames if windows.per_window else 1)
    first = _fingerprint(data_hash, data.frame_interval_ps, trainer.seed, settings.autoencoder, settings.placement)
    if windows.per_window:
        first = _fingerprint(first, settings.flow.n_frames, settings.flow.n_known)
    if windows.pairs_within_entities:
        first = _fingerprint(first, "distances within residues")  # whose loss was divided by all pairs before
    if settings.exchange:
        first = _fingerprint(first, "exchange")
    entities = [dataset.entities for dataset in data.datasets]
    with torch.device("meta"):
        planned = build_autoencoder(entities, settings.autoencoder, settings.placement)
    check_memory(planned, data.datasets, settings, trainer.fabric.device)
    autoencoder = train_autoencoder(trainer, first, trained_on, settings)
    between_s = time.monotonic()
    rmsd_nm = reconstruction_rmsd(autoencoder, held_out, settings) * data.length_scale_nm
    check_finite("autoencoder", autoencoder, rmsd_nm)
    second = _fingerprint(first, settings.flow)
    flow = train_flow(trainer, second, autoencoder, data.datasets, settings)
    check_finite("flow", flow)
    spent_s = {"autoencoder": between_s - started_s, "flow": time.monotonic() - between_s}
    facts = {
        "data_sha256": data_hash,
        "n_frames": sum(len(s.points) for s in data.datasets),
        "held_out_rmsd_nm": rmsd_nm,
        "n_parameters": {"autoencoder": _n_parameters(autoencoder), "flow": _n_parameters(flow)},
        "number_types": _number_types(trainer, second, settings.flow),
        "training_s": {phase: spent + trainer.earlier_s.get(phase, 0.0) for phase, spent in spent_s.items()},
    }
    return autoencoder, flow, facts


def _number_types(trainer: Trainer, fingerprint: str, settings: FlowSettings) -> dict[str, NumberType]:
    """Tell in which number types matrices were multiplied: by Muon in each stage, and by the flow's network."""
    fast = trainer.fast_type("flow", fingerprint, settings.optimisation)
    network: NumberType = "bfloat16" if multiplies_in_bfloat16(settings, fast) else "float32"
    return {**{f"{phase}_muon": own for phase, own in trainer.number_types.items()}, "flow_network": network}


def _fingerprint(*parts: BaseModel | str | float | int) -> str:
    text = "\n".join(_described(part) if isinstance(part, BaseModel) else repr(part) for part in parts)
    return sha256_of([text.encode()])


def _described(settings: BaseModel) -> str:
    """Write settings as JSON, as they were written before there was a choice of number types where there is none."""
    chosen = settings.model_dump()["optimisation"]["iteration_dtype"] != "auto"
    return settings.model_dump_json(exclude=None if chosen else {"optimisation": {"iteration_dtype"}})


def _n_parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())
