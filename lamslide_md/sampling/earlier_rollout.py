"""What an earlier rollout has left under the same name: all of it, or what it goes on from."""

from collections.abc import Sequence
from pathlib import Path

from lamslide_md.errors import InputError, note
from lamslide_md.io.growing_base import GrowingFile
from lamslide_md.io.manifests import Manifest, content_of, differences, parse
from lamslide_md.io.unchanged import is_unchanged
from lamslide_md.sampling.chain_state import MEND, RestartFile
from lamslide_md.sampling.rollout_names import RolloutNames


def is_finished(names: RolloutNames, wanted: Manifest) -> bool:
    """Tell whether a rollout is there, whole, and the one that is wanted."""
    there = _manifest_at(names.manifest)
    if there is None or there.n_frames is None or differences(there, wanted):
        return False
    if getattr(there, "n_bytes", None) != size_of(names.path):
        return False
    if is_unchanged(names.path, there):
        return True
    note(f"{names.path} is not as it was written, by the checksum in its manifest; it is made again")
    return False


def restart_of(names: RolloutNames, wanted: Manifest, growing: Sequence[GrowingFile]) -> RestartFile | None:
    """Find what an interrupted rollout goes on from.

    Parameters
    ----------
    names
        Of the files of the rollout.
    wanted
        Manifest of the rollout that is to go on.
    growing
        Its chains, which then know where they stand.

    Returns
    -------
    RestartFile or None
        None if there is none, and the rollout begins anew.

    Raises
    ------
    InputError
        If another rollout is there, or its manifest or a chain of it is missing or damaged.
    """
    there = _manifest_at(names.growing_manifest)
    usual = names.path.with_name(f"{names.path.stem}.restart.npz")
    left = [file for file in (names.restart, usual) if file.is_file()]
    if there is None and left:
        raise InputError(
            f"{names.growing_manifest} is missing, empty or damaged: nothing else tells of which rollout {left[0]} is; "
            f"put it back, or {MEND}"
        )
    there = there or _manifest_at(names.manifest)
    if there is None:
        return None
    if changed := "; ".join(differences(there, wanted)):
        raise InputError(f"{names.path} holds another rollout: {changed}; choose another file, or begin anew")
    if not names.restart.is_file():
        return None
    restart = RestartFile.load(names.restart)
    n_frames = getattr(wanted, "n_frames_per_chain", restart.n_frames)
    if restart.n_frames > n_frames:
        raise InputError(
            f"{names.restart} tells of {restart.n_frames:,} frames of each chain, of which there are to be "
            f"{n_frames:,}: it is damaged or of another rollout; {MEND}"
        )
    if (n_points := restart.state.context.shape[2]) != wanted.n_atoms:
        raise InputError(f"{names.restart} holds frames of {n_points} points, not of {wanted.n_atoms}; {MEND}")
    missing = [str(part) for part in names.parts if not part.is_file()]
    if missing or len(restart.lengths) != len(names.parts):
        raise InputError(
            f"{names.restart} cannot go on: {', '.join(missing) or 'a chain'} is missing; put it back, or {MEND}"
        )
    digests = restart.digests or [None] * len(growing)
    for file, length, digest in zip(growing, restart.lengths, digests, strict=True):
        file.resume(length, digest, restart.n_frames)
    return restart


def size_of(path: Path) -> int | None:
    """Bytes of a file; None where there is none."""
    return path.stat().st_size if path.is_file() else None


def _manifest_at(place: Path) -> Manifest | None:
    content = content_of(place)
    return None if content is None else parse(place, content)
