"""Both stages, one after the other."""

import time
from typing import Any

import torch
from pydantic import BaseModel
from torch import nn

from lamslide_md.config import FlowSettings, MapSettings, NumberType, Settings
from lamslide_md.errors import InputError, note
from lamslide_md.frames import from_settings
from lamslide_md.hashing import sha256_of
from lamslide_md.models.autoencoder import Autoencoder
from lamslide_md.models.latent_flow import LatentFlow
from lamslide_md.models.weights import n_parameters
from lamslide_md.training.autoencoder_stage import reconstruction_rmsd, train_autoencoder
from lamslide_md.training.building import build_autoencoder
from lamslide_md.training.flow_stage import multiplies_in_bfloat16, train_flow
from lamslide_md.training.memory_needs import check_memory
from lamslide_md.training.trainer import Trainer
from lamslide_md.training.training_data import TrainingData

FAR = 100.0
"""Held-out error, in standard deviations of the coordinates, of a first stage of which no second can be made."""

WORSE_THAN_NOTHING = 2.0
"""The same of one that does worse than answering with the mean of all frames, which is 1.7 of these off in space."""


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
        JSON-able: hashes, times, sizes and the held-out error of the first stage; how often each stage has diverged and
        gone back, where one has.

    Raises
    ------
    InputError
        If a stage diverges again and again.
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
    _check_first_stage(rmsd_nm, data.length_scale_nm, trainer.fabric.is_global_zero)
    second = _fingerprint(first, settings.flow)
    fingerprints = {"flow": second}
    if settings.flow.map is not None:
        fingerprints["map"] = _fingerprint(second, settings.flow.map)
    flow = train_flow(trainer, fingerprints, autoencoder, data.datasets, settings)
    spent_s = {"autoencoder": between_s - started_s, "flow": time.monotonic() - between_s}
    if flow.map is not None:
        spent_s["map"] = trainer.spent_s["map"]
        spent_s["flow"] -= spent_s["map"]
    facts = {
        "data_sha256": data_hash,
        "n_frames": sum(len(s.points) for s in data.datasets),
        "held_out_rmsd_nm": rmsd_nm,
        "n_parameters": _n_parameters({"autoencoder": autoencoder, "flow": flow, "map": flow.map}),
        "number_types": _number_types(trainer, second, settings.flow),
        "training_s": {phase: spent + trainer.earlier_s.get(phase, 0.0) for phase, spent in spent_s.items()},
    }
    if any(trainer.n_returns.values()):
        facts["n_returns"] = dict(trainer.n_returns)
    return autoencoder, flow, facts


def _check_first_stage(rmsd_nm: float, length_scale_nm: float, is_first: bool) -> None:
    """Refuse a first stage that has learned nothing of use to the second, or tell of it."""
    if not rmsd_nm < FAR * length_scale_nm:
        raise InputError(
            f"the first stage puts held-out frames {rmsd_nm:.3g} nm from where they are, of a molecule of "
            f"{length_scale_nm:.3g} nm: its training has diverged; lower autoencoder.optimisation.learning_rate"
        )
    if rmsd_nm > WORSE_THAN_NOTHING * length_scale_nm and is_first:
        note(
            f"the first stage puts held-out frames {rmsd_nm:.3g} nm from where they are, no nearer than their mean "
            "place: it needs more steps, or a lower autoencoder.optimisation.learning_rate"
        )


def _number_types(trainer: Trainer, fingerprint: str, settings: FlowSettings) -> dict[str, NumberType]:
    """Tell in which number types matrices were multiplied: by Muon in each stage, and by the flow's network."""
    fast = trainer.fast_type("flow", fingerprint, settings.optimisation)
    network: NumberType = "bfloat16" if multiplies_in_bfloat16(settings, fast) else "float32"
    return {**{f"{phase}_muon": own for phase, own in trainer.number_types.items()}, "flow_network": network}


def _fingerprint(*parts: BaseModel | str | float | int) -> str:
    text = "\n".join(_described(part) if isinstance(part, BaseModel) else repr(part) for part in parts)
    return sha256_of([text.encode()])


def _described(settings: BaseModel) -> str:
    """Write settings as JSON, as they were written before there was a choice of number types, or a map."""
    left_out: dict[str, Any] = {} if isinstance(settings, MapSettings) else {"map": True}
    if settings.model_dump()["optimisation"]["iteration_dtype"] == "auto":
        left_out["optimisation"] = {"iteration_dtype"}
    return settings.model_dump_json(exclude=left_out or None)


def _n_parameters(networks: dict[str, nn.Module | None]) -> dict[str, int]:
    """Parameters of each network that is there, without those of networks in it that are named, too."""
    numbers = {name: n_parameters(network) for name, network in networks.items() if network is not None}
    return numbers | {"flow": numbers["flow"] - numbers.get("map", 0)}
