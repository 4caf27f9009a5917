"""The presets there are: one registry of DOMAIN-BUDGET, such as ``charges-quick``, and short names of usual ones."""

from lamslide_md.config.forecasts import TASKS, forecast_settings
from lamslide_md.config.molecules import MOLECULES
from lamslide_md.config.settings import Settings
from lamslide_md.errors import InputError

BUDGETS = ("quick", "standard", "paper")
"""Minutes on two CPU cores, hours on them, and published sizes for a GPU."""

SHORT_NAMES = {
    "quick": "molecule-quick",
    "peptide": "peptide-quick",
    "protein": "protein-quick",
    "standard": "molecule-standard",
    "paper": "peptide-paper",
}

PRESETS: dict[str, Settings] = {
    **{short: MOLECULES[name] for short, name in SHORT_NAMES.items()},
    **MOLECULES,
    **{f"{task}-{budget}": forecast_settings(task, budget) for task in TASKS for budget in BUDGETS},
}
"""By name, the short ones first. Domains are molecules that roll out (``molecule``, ``peptide``) and forecasts
(``md17``, ``charges``, ``pedestrians``, ``basketball``)."""


def preset_settings(preset: str) -> Settings:
    """Look up a preset.

    Parameters
    ----------
    preset
        Its name.

    Returns
    -------
    Settings
        In full.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if not isinstance(preset, str) or preset not in PRESETS:
        raise InputError(f"unknown preset {preset!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[preset]
