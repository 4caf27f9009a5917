"""Presets for forecasts: how many frames are context and target in each benchmark, and sizes that suit it."""

from dataclasses import dataclass
from typing import Any

from lamslide_md.config.settings import AutoencoderSettings, FlowSettings, Optimisation, Settings
from lamslide_md.errors import InputError


@dataclass(frozen=True)
class Task:
    """A benchmark of forecasts.

    Attributes
    ----------
    n_context, n_target
        Context and target frames of a window.
    frame_interval
        Time between two frames, in the benchmark's unit (ps for molecules).
    reversible
        Whether windows may be learned backwards in time.
    tokens, window
        Of the small presets: latents of 16 channels, and frames of a window, of which forecasts are chained.
    paper
        Published sizes: tokens, channels, identifiers; width, depth and heads of the flow; rates and batch.
    """

    n_context: int
    n_target: int
    frame_interval: float
    reversible: bool
    tokens: int
    window: int
    paper: dict[str, Any]


TASKS = {
    "md17": Task(
        10, 20, 0.005, True, 4, 30, {"latent": (32, 32, 32), "flow": (256, 4, 16), "rates": (4e-4, 1e-3), "batch": 32}
    ),
    "charges": Task(
        10, 20, 0.1, False, 5, 15, {"latent": (16, 32, 8), "flow": (256, 6, 16), "rates": (1e-3, 1e-3), "batch": 64}
    ),
    "pedestrians": Task(
        8, 12, 0.4, False, 2, 20, {"latent": (2, 32, 10), "flow": (128, 6, 4), "rates": (1e-3, 1e-3), "batch": 1024}
    ),
    "basketball": Task(
        8, 12, 0.2, False, 4, 20, {"latent": (8, 32, 11), "flow": (256, 6, 16), "rates": (4e-4, 1e-3), "batch": 256}
    ),
}
"""Context and target frames, intervals and published sizes of the benchmarks in arXiv 2502.12128."""

TOKENS_AT_ONCE = 2048
"""Latents of all frames of all windows in a batch of the small presets: more steps of few windows learn more in the
same time than fewer steps of many (docs/decisions/small-batches.md)."""

PRESETS = ("quick", "standard", "paper")

ALIASES = {"nbody": "charges"}
"""Other names of tasks."""


def forecast_settings(task: str, preset: str) -> Settings:
    """Look up settings.

    Parameters
    ----------
    task
        Of `TASKS`, or of `ALIASES`.
    preset
        ``quick`` (minutes on two CPU cores), ``standard`` (hours on them) or ``paper`` (published sizes, for a GPU).

    Returns
    -------
    Settings
        In full.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    name = ALIASES.get(task, task)
    if name not in TASKS or preset not in PRESETS:
        raise InputError(
            f"no preset {preset!r} of {task!r}; tasks are {', '.join(TASKS)}, presets {', '.join(PRESETS)}"
        )
    if preset == "paper":
        return _paper(TASKS[name])
    return _small(TASKS[name], wide=preset == "standard")


def without_latents(settings: Settings, n_entities: int) -> Settings:
    """Change settings to the same flow on coordinates: as many tokens in a batch, so that a step costs the same.

    Parameters
    ----------
    settings
        Of a model with latents.
    n_entities
        Of the largest system, each a token of its own.

    Returns
    -------
    Settings
        Of the baseline.
    """
    own, flow = settings.autoencoder, settings.flow
    batch_size = max(1, flow.optimisation.batch_size * (own.n_latents or n_entities) // n_entities)
    optimisation = flow.optimisation.model_copy(update={"batch_size": batch_size})
    return settings.model_copy(
        update={
            "autoencoder": own.model_copy(update={"latents": "coordinates"}),
            "flow": flow.model_copy(update={"optimisation": optimisation}),
        }
    )


def _small(task: Task, wide: bool) -> Settings:
    width, depth, more = (128, 4, 10) if wide else (96, 3, 1)
    return Settings(
        frame_interval_ps=task.frame_interval,
        placement="aligned",
        atoms="all",
        check_bonds=False,
        autoencoder=AutoencoderSettings(
            linear_code=True,
            stiffness=0.0,
            latent_noise=0.02,
            kind_weight=0.1,
            n_latents=task.tokens,
            n_channels=16,
            width=width,
            optimisation=Optimisation(n_steps=800 * more, batch_size=256, learning_rate=2e-3 / (1 + wide)),
        ),
        flow=FlowSettings(
            n_frames=task.window,
            n_known=task.n_context,
            prediction="data",
            reverse_time=task.reversible,
            bridging=0.0,
            width=width,
            depth=depth,
            optimisation=Optimisation(
                n_steps=4000 * more,
                batch_size=TOKENS_AT_ONCE // (task.window * task.tokens),
                learning_rate=2e-3 / (1 + wide),
            ),
        ),
    )


def _paper(task: Task) -> Settings:
    n_latents, n_channels, n_identifiers = task.paper["latent"]
    width, depth, n_heads = task.paper["flow"]
    first_rate, second_rate = task.paper["rates"]
    batch_size = task.paper["batch"]
    return Settings(
        frame_interval_ps=task.frame_interval,
        placement="anchored",
        atoms="all",
        check_bonds=False,
        autoencoder=AutoencoderSettings(
            identifiers="random",
            n_identifiers=n_identifiers,
            n_latents=n_latents,
            n_channels=n_channels,
            width=width,
            n_heads=n_heads,
            rotate=True,
            stiffness=0.0,
            latent_noise=0.0,
            optimisation=Optimisation(
                n_steps=200_000, batch_size=batch_size, learning_rate=first_rate, matrices="adamw"
            ),
        ),
        flow=FlowSettings(
            n_frames=task.n_context + task.n_target,
            n_known=task.n_context,
            prediction="data",
            prior="white",
            width=width,
            depth=depth,
            n_heads=n_heads,
            reverse_time=False,
            bridging=0.0,
            decoded_weight=0.25,
            optimisation=Optimisation(
                n_steps=200_000, batch_size=batch_size, learning_rate=second_rate, matrices="adamw"
            ),
        ),
    )
