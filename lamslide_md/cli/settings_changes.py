"""Settings of a preset, changed one by one with `--set`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lamslide_md.errors import InputError
from lamslide_md.io.structured_texts import parse_structured

if TYPE_CHECKING:
    from lamslide_md.config import Settings


def changed_settings(preset: str, changes: Sequence[str]) -> "Settings":
    """Look up a preset and change some of its settings.

    Parameters
    ----------
    preset
        Name of the preset.
    changes
        Such as ``flow.optimisation.n_steps=8000``.

    Returns
    -------
    Settings
        In full.

    Raises
    ------
    InputError
        If there is no such preset or setting, or a value is impossible.
    """
    from lamslide_md.config import preset_settings

    return with_changes(preset_settings(preset), changes)


def with_changes(settings: "Settings", changes: Sequence[str]) -> "Settings":
    """Change some of the settings.

    Parameters
    ----------
    settings
        In full.
    changes
        Such as ``flow.optimisation.n_steps=8000``.

    Returns
    -------
    Settings
        In full.

    Raises
    ------
    InputError
        If there is no such setting, or a value is impossible.
    """
    from lamslide_md.config.settings import checked

    content: dict[str, Any] = settings.model_dump()
    for change in changes:
        name, equals, text = change.partition("=")
        *parents, leaf = name.strip().split(".")
        inner = content
        for parent in parents:
            inner = inner.get(parent, {}) if isinstance(inner, dict) else {}
        if not equals or not isinstance(inner, dict) or leaf not in inner:
            raise InputError(f"--set {change}: there is no such setting; one is flow.optimisation.n_steps=8000")
        inner[leaf] = _value(text)
    return checked(content, "--set")


def _value(text: str) -> Any:  # noqa: ANN401 - whatever the user wrote
    """Take what JSON can mean as that, everything else as the text that it is."""
    try:
        return parse_structured(text, "JSON", "--set")
    except InputError:
        return text
