"""`distil`: give a trained model a map, which draws frames in one evaluation of the network, or two."""

import copy
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import mdtraj as md
import numpy as np
import torch

from lamslide_md.config import MAP, MapSettings, Settings, checked
from lamslide_md.errors import InputError
from lamslide_md.flow.solvers import DEFAULT_SOLVER
from lamslide_md.hashing import sha256_of
from lamslide_md.io.given_paths import path_of
from lamslide_md.io.locks import only_writer_in
from lamslide_md.models.flow_map import FlowMap
from lamslide_md.models.weights import n_parameters, weights_digest
from lamslide_md.surrogate import Surrogate
from lamslide_md.systems.system import PointTrajectory, System
from lamslide_md.training.devices import single_device
from lamslide_md.training.flow_stage import draw_sample, errors_of, multiplies_in_bfloat16
from lamslide_md.training.latent_windows import LatentWindows
from lamslide_md.training.map_stage import train_map
from lamslide_md.training.preparing import datasets_of
from lamslide_md.training.progress import OnProgress, Progress
from lamslide_md.training.trainer import Trainer
from lamslide_md.units import MOST_SEED, check_count

N_FRAMES = 20_000
"""Of the model's own rollouts, of all systems together, from whose windows the map learns."""

HALVED = 4
"""Levels of a flow from which on a map does with half of them."""

N_CHAINS, LEAST_CHAINS = 40, 4
"""Of a system that is alone, and of each of many."""


def distil(
    model: Surrogate,
    *,
    settings: MapSettings | None = None,
    seed: int = 0,
    checkpoint_dir: str | Path | None = None,
    on_progress: OnProgress | None = None,
) -> Surrogate:
    """Learn a map from a model's own rollouts: no trajectory is needed, and the flow stays as it is.

    Parameters
    ----------
    model
        Whose flow is asked, on the device that it is on.
    settings
        Of the map; None: those that the model was trained with, or the usual ones.
    seed
        Of the rollouts, weights, batches and noise.
    checkpoint_dir
        Where to keep checkpoints; what was interrupted goes on from there. Nothing else may use the folder meanwhile.
    on_progress
        Callback receiving a `Progress` about once a second.

    Returns
    -------
    Surrogate
        The same model with the map, which its rollouts ask if it is as good.

    Raises
    ------
    InputError
        If a setting is impossible, the model continues several frames and has none to start from, or something else
        uses the folder.
    """
    if not isinstance(model, Surrogate):
        raise InputError(f"model is of type {type(model).__name__}; give a Surrogate, such as Surrogate.load gives")
    check_count("seed", seed, 0, MOST_SEED)
    folder = None if checkpoint_dir is None else path_of(checkpoint_dir, "checkpoint_dir")
    new = checked(with_map(model.settings, settings))
    with ExitStack() as held:
        if folder is not None:
            held.enter_context(only_writer_in(folder, "checkpoint_dir"))
        fabric = single_device(next(model.flow.parameters()).device.type)
        trainer = Trainer(fabric, seed=seed, checkpoint_dir=folder, on_progress=on_progress)
        held.enter_context(trainer.threads.chosen())
        flow = copy.deepcopy(model.flow)
        flow.map = None
        flow.map = _learned(model, new, trainer)
    spent_s = trainer.spent_s["map"] + trainer.earlier_s["map"]
    provenance = model.provenance | {
        "training_s": model.provenance.get("training_s", {}) | {"map": spent_s},
        "n_parameters": model.provenance.get("n_parameters", {}) | {"map": n_parameters(flow.map)},
        "distilled": {"seed": seed, "n_frames": N_FRAMES},
    }
    return Surrogate(**{**vars(model), "flow": flow, "settings": new, "provenance": provenance})


def with_map(settings: Settings, wanted: MapSettings | None = None) -> Settings:
    """Let settings have a map: the one that is wanted, or else their own, or else the usual one.

    The usual one has half the levels of a flow of four and more, which is as good (docs/decisions/map.md).
    """
    flow = settings.flow
    usual = MAP if flow.depth < HALVED else MAP.model_copy(update={"depth": -(-flow.depth // 2)})
    return settings.model_copy(update={"flow": flow.model_copy(update={"map": wanted or flow.map or usual})})


def _learned(model: Surrogate, settings: Settings, trainer: Trainer) -> FlowMap:
    """Roll out, and train a map on windows of that."""
    own = settings.flow
    assert own.map is not None, "there are no settings of a map"
    made_of = (weights_digest(model.autoencoder, model.flow), settings.model_dump_json(), str(trainer.seed))
    fingerprint = sha256_of(part.encode() for part in made_of)
    rollouts = list(_rollouts(model, trainer))
    datasets = [
        dataset.scaled(model.length_scale_nm)
        for system in model.systems
        for dataset in datasets_of(system, rollouts, settings, model.frame_interval_ps)
    ]
    source = LatentWindows(model.autoencoder, datasets, settings)
    sample, owners = draw_sample(source, own, torch.Generator().manual_seed(trainer.seed))
    errors = errors_of(model.flow, source, sample, owners, trainer.seed)
    bfloat16 = multiplies_in_bfloat16(own, trainer.fast_type("map", fingerprint, own.map.optimisation))
    return train_map(trainer, fingerprint, model.flow, source, settings, errors, bfloat16)


def _rollouts(model: Surrogate, trainer: Trainer) -> Iterator[PointTrajectory]:
    """Roll every system out, each chain a trajectory."""
    n_systems, longest = len(model.systems), model.settings.flow.n_frames
    n_chains = max(LEAST_CHAINS, N_CHAINS // n_systems)
    n_frames = max(2 * longest, N_FRAMES // (n_systems * n_chains))
    for place, system in enumerate(model.systems):
        rollout = model.rollout(
            _start(model, system), n_frames, n_chains=n_chains, seed=trainer.seed, solver=DEFAULT_SOLVER
        )

        def show(done: int, total: int, place: int = place) -> None:
            if trainer.on_progress:
                trainer.on_progress(Progress("rollout", place * total + done, n_systems * total))

        for chain in rollout.points_nm(show):
            yield PointTrajectory(system, chain, model.frame_interval_ps)


def _start(model: Surrogate, system: System) -> PointTrajectory | md.Trajectory | str:
    """Frames that a system can be rolled out from."""
    if len(model.systems) == 1 and model.starts_nm:
        return "reference"
    if model.settings.flow.n_known > 1:
        raise InputError(
            f"this model continues {model.settings.flow.n_known} frames and has none of its {len(model.systems)} "
            "systems: train it anew, with flow.map among the settings"
        )
    if system.topology is not None:
        return md.Trajectory(system.reference_nm[None], system.topology)
    return PointTrajectory(system, np.asarray(system.reference_nm)[None], model.frame_interval_ps)
