"""What an earlier rollout has left under the same name: all of it, or what it goes on from."""

from pathlib import Path

from lamslide_md.errors import InputError
from lamslide_md.io.manifests import Manifest, content_of, differences, parse
from lamslide_md.sampling.chain_state import RestartFile
from lamslide_md.sampling.rollout_names import RolloutNames


def is_finished(names: RolloutNames, wanted: Manifest) -> bool:
    """Tell whether a rollout is there, whole, and the one that is wanted."""
    there = _manifest_at(names.manifest)
    if there is None or there.n_frames is None or differences(there, wanted):
        return False
    return getattr(there, "n_bytes", None) == size_of(names.path)


def restart_of(names: RolloutNames, wanted: Manifest) -> RestartFile | None:
    """Find what an interrupted rollout goes on from.

    Parameters
    ----------
    names
        Of the files of the rollout.
    wanted
        Manifest of the rollout that is to go on.

    Returns
    -------
    RestartFile or None
        None if there is none, and the rollout begins anew.

    Raises
    ------
    InputError
        If another rollout is there, or a chain of it is missing.
    """
    there = _manifest_at(names.growing_manifest) or _manifest_at(names.manifest)
    if there is None:
        return None
    if changed := "; ".join(differences(there, wanted)):
        raise InputError(f"{names.path} holds another rollout: {changed}; choose another file, or begin anew")
    if not names.restart.is_file():
        return None
    restart = RestartFile.load(names.restart)
    missing = [str(part) for part in names.parts if not part.is_file()]
    if missing or len(restart.lengths) != len(names.parts):
        raise InputError(
            f"{names.restart} cannot go on: {', '.join(missing) or 'a chain'} is missing; put it back, or "
            "roll out anew, without continuing"
        )
    return restart


def size_of(path: Path) -> int | None:
    """Bytes of a file; None where there is none."""
    return path.stat().st_size if path.is_file() else None


def _manifest_at(place: Path) -> Manifest | None:
    content = content_of(place)
    return None if content is None else parse(place, content)
