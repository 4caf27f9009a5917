"""Settings of both stages, and the presets that name good ones."""

from lamslide_md.config.forecasts import TASKS, forecast_settings, without_latents
from lamslide_md.config.molecules import MAP
from lamslide_md.config.presets import BUDGETS, PRESETS, preset_settings
from lamslide_md.config.settings import (
    AutoencoderSettings,
    FlowSettings,
    MapSettings,
    NumberType,
    Optimisation,
    Settings,
    checked,
)

__all__ = [
    "BUDGETS",
    "MAP",
    "PRESETS",
    "TASKS",
    "AutoencoderSettings",
    "FlowSettings",
    "MapSettings",
    "NumberType",
    "Optimisation",
    "Settings",
    "checked",
    "forecast_settings",
    "preset_settings",
    "without_latents",
]
