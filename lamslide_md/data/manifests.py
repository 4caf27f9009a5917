"""The manifest beside a trajectory: a JSON file of the same stem that says what the numbers in it mean."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from lamslide_md.errors import InputError, option

KIND = "lamslide_md trajectory"
"""Marks a JSON file as a manifest: any other JSON beside a trajectory is none of ours."""

PROGRESS = ("n_frames", "wall_time_s", "n_bytes")
"""Entries that tell how far a trajectory is, not what it is."""
DIGESTS = ("start", "weights", "model")
"""Entries too long, or too little telling, to be shown."""


class Manifest(BaseModel):
    """What a reader needs to know of a trajectory; the writer may add more."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)

    kind: str = KIND
    format_version: int = 1
    frame_interval_ps: float
    temperature_K: float | None = None
    n_atoms: int
    n_frames: int | None = None
    """Frames of the finished trajectory; None while it is being written."""
    n_chains: PositiveInt = 1
    """Independent chains of equal length that stand one after another in the file."""


def manifest_path(trajectory: Path) -> Path:
    """Where the manifest of a trajectory lies."""
    return trajectory.with_suffix(".json")


def find_manifest(trajectory: Path) -> Manifest | None:
    """Read the manifest beside a trajectory, if there is one.

    Parameters
    ----------
    trajectory
        Path of the trajectory.

    Returns
    -------
    Manifest or None
        None where no JSON of that stem exists, or one that is no manifest.

    Raises
    ------
    InputError
        If the manifest is damaged or newer than this program.
    """
    path = manifest_path(trajectory)
    if path == trajectory or not path.is_file():
        return None
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        return None
    if not (isinstance(content, dict) and content.get("kind") == KIND):
        return None
    if content.get("format_version") != 1:
        raise InputError(
            f"{path} has manifest format {content.get('format_version')!r}, this program reads 1; update lamslide_md"
        )
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, issue["loc"])) for issue in error.errors())
        raise InputError(
            f"{path} is a damaged manifest (fields {fields}); write it again, or delete it and pass "
            f"{option('frame_interval_ps')}"
        ) from error


def rollout_manifest(n_atoms: int, shape: tuple[int, ...], frame_interval_ps: float, facts: dict[str, Any]) -> Manifest:
    """Describe a finished rollout.

    Parameters
    ----------
    n_atoms
        Atoms of a frame.
    shape
        Chains, and frames of each.
    frame_interval_ps
        Time between two frames.
    facts
        JSON-able settings and provenance.

    Returns
    -------
    Manifest
        Without the time that it took.
    """
    n_chains, n_frames = shape
    return Manifest.model_validate(
        {
            "frame_interval_ps": frame_interval_ps,
            "temperature_K": facts.get("temperature_K"),
            "n_atoms": n_atoms,
            "n_frames": n_frames * n_chains,
            "n_chains": n_chains,
            "n_frames_per_chain": n_frames,
            "rollout": facts,
        }
    )


def differences(there: Manifest, now: Manifest) -> list[str]:
    """Tell in what two rollouts differ, but for how far they are and what that took.

    Parameters
    ----------
    there
        Manifest on disk.
    now
        Manifest of what is to be written.

    Returns
    -------
    list of str
        Each with both values, or that it is another one.
    """
    one, other = _identity(there), _identity(now)
    return [
        f"another {key}" if key in DIGESTS else f"{key} {one.get(key)} there, {other.get(key)} now"
        for key in {**one, **other}
        if one.get(key) != other.get(key)
    ]


def _identity(manifest: Manifest) -> dict[str, Any]:
    content = json.loads(manifest.model_dump_json())
    facts = content.pop("rollout", {})
    return {key: value for key, value in {**content, **facts}.items() if key not in PROGRESS}
