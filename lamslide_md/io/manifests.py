"""The manifest beside a trajectory: a JSON file of the same stem that says what the numbers in it mean."""

import json
from glob import escape
from pathlib import Path
from typing import Any

from lamslide_md.errors import InputError, option
from lamslide_md.io.checked_values import checked
from lamslide_md.io.manifest_models import KIND, Facts, Manifest
from lamslide_md.io.records import HEAD_BYTES, is_plain_name
from lamslide_md.io.structured_texts import read_structured

PROGRESS = ("n_frames", "wall_time_s", "n_bytes", "trajectory", "topology", "written_by")
"""Entries that tell how far a trajectory is and where its files lie, not what it is."""
DIGESTS = ("start", "weights", "model")
"""Entries too long, or too little telling, to be shown."""


def manifest_path(trajectory: Path) -> Path:
    """Where the manifest of a trajectory lies, unless the name was taken."""
    return trajectory.with_suffix(".json")


def manifest_places(trajectory: Path) -> list[Path]:
    """JSON files that may be the manifest of a trajectory, those that are there beside the usual one."""
    others = trajectory.parent.glob(f"{escape(trajectory.stem)}.manifest*.json")
    return [place for place in (manifest_path(trajectory), *sorted(others)) if place != trajectory]


def find_manifest(trajectory: Path) -> Manifest | None:
    """Read the manifest beside a trajectory, if there is one.

    Parameters
    ----------
    trajectory
        Path of the trajectory.

    Returns
    -------
    Manifest or None
        None where no JSON of that stem exists, or one that is no manifest, or of another trajectory beside it.

    Raises
    ------
    InputError
        If the manifest is damaged or newer than this program.
    """
    place, content = _found(trajectory)
    return None if place is None else parse(place, content)


def manifest_file(trajectory: Path) -> Path | None:
    """Find the file that `find_manifest` reads; None where there is none."""
    return _found(trajectory)[0]


def _found(trajectory: Path) -> tuple[Path | None, dict[str, Any]]:
    if not trajectory.name:
        return None, {}
    places = manifest_places(trajectory)
    contents = {place: content for place in places if (content := _whole_content(place)) is not None}
    names = {place: _told_name(content, trajectory) for place, content in contents.items()}
    own = (place for place, name in names.items() if name == trajectory.name)
    # A trajectory that was renamed or converted keeps the one of its stem, unless that is of another one still there.
    left = (place for place, name in names.items() if not trajectory.with_name(name).exists())
    place = next(own, next(left, None))
    return place, {} if place is None else contents[place]


def _told_name(content: dict[str, Any], trajectory: Path) -> str:
    """Name of the trajectory that a manifest is of; one that tells none, or nonsense, is of the one asked for."""
    name = content.get("trajectory")
    return name if is_plain_name(name) else trajectory.name


def _whole_content(path: Path) -> dict[str, Any] | None:
    """As `content_of`; but a file that calls itself a manifest of ours and cannot be read is refused, not passed by."""
    content = content_of(path)
    if content is None and path.is_file() and _calls_itself_ours(path):
        content = read_structured(path, finite=False)
        return content if isinstance(content, dict) and content.get("kind") == KIND else None
    return content


def _calls_itself_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return KIND.encode() in file.read(HEAD_BYTES)
    except OSError:
        return False


def content_of(path: Path) -> dict[str, Any] | None:
    """Content of a JSON file that is a manifest of ours; None for any other file, or none.

    Parameters
    ----------
    path
        JSON file.

    Returns
    -------
    dict or None
        As it is, unchecked.
    """
    if not path.is_file():
        return None
    try:
        # A model whose training went wrong can have told its rollouts a NaN.
        content = read_structured(path, finite=False)
    except InputError:
        return None
    return content if isinstance(content, dict) and content.get("kind") == KIND else None


def parse(path: Path, content: dict[str, Any]) -> Manifest:
    """Check the content of a manifest.

    Parameters
    ----------
    path
        For the error message.
    content
        Of the file.

    Returns
    -------
    Manifest
        Checked.

    Raises
    ------
    InputError
        If it is damaged or newer than this program.
    """
    if content.get("format_version") != 1:
        raise InputError(
            f"{path} has manifest format {content.get('format_version')!r}, this program reads 1; update lamslide_md"
        )
    what = f"{path} is a damaged manifest"
    called = option("frame_interval_ps")
    mend = f"write it again, or delete it{f' and pass {called}' if called else ''}"
    checked(Facts, content, what, mend)
    return checked(Manifest, content, what, mend)


def own_topology(trajectory: Path) -> Path | None:
    """Find the PDB file that was written with a trajectory, under whatever name.

    Parameters
    ----------
    trajectory
        Path of the trajectory.

    Returns
    -------
    Path or None
        None where its manifest names none, or it is not there any more.
    """
    manifest = find_manifest(trajectory)
    if manifest is None or manifest.topology is None:
        return None
    name = manifest.topology
    stem = Path(manifest.trajectory or trajectory.name).stem
    if name.startswith(f"{stem}."):
        # Both may have been renamed since.
        name = trajectory.stem + name.removeprefix(stem)
    path = trajectory.with_name(name)
    return path if path.is_file() else None


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
    content = {
        "frame_interval_ps": frame_interval_ps,
        "temperature_K": facts.get("temperature_K"),
        "n_atoms": n_atoms,
        "n_frames": n_frames * n_chains,
        "n_chains": n_chains,
        "n_frames_per_chain": n_frames,
        "rollout": facts,
    }
    return checked(Manifest, content, "the rollout has impossible facts", "train the model again with possible ones")


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
