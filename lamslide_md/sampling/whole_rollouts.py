"""What is told of a rollout that cannot be written, and whether all of it is in its files before they are joined."""

from collections.abc import Sequence
from pathlib import Path

from lamslide_md.errors import InputError, option
from lamslide_md.io.frame_counts import count_frames
from lamslide_md.sampling.chain_state import MEND


def check_whole(path: Path, parts: Sequence[Path], n_frames: int, n_atoms: int) -> None:
    """Refuse to join files that do not hold all frames.

    Parameters
    ----------
    path
        The rollout.
    parts
        Files that become it.
    n_frames
        Of all of them.
    n_atoms
        Atoms of a frame.

    Raises
    ------
    InputError
        If there are more or fewer: what the rollout went on from told of others.
    """
    try:
        n_found = sum(count_frames(part, n_atoms) for part in parts)
    except OSError as error:
        raise InputError(f"{path} cannot be made of its parts: {error}; {MEND}") from error
    if n_found != n_frames:
        raise InputError(
            f"{path} would have {n_found:,} of {n_frames:,} frames, which is all that is in "
            f"{', '.join(map(str, parts))}: files or counts that it went on from were damaged; {MEND}"
        )


def no_room(path: Path, error: OSError, parts: Sequence[Path], n_done: int, n_frames: int) -> InputError:
    """Say that a rollout cannot be written, and what of it is on disk.

    Parameters
    ----------
    path
        The rollout.
    error
        Why.
    parts
        Files in which it grows, which may not be there yet.
    n_done
        Frames that are in them, of all chains.
    n_frames
        Frames that were asked for.

    Returns
    -------
    InputError
        To be raised.
    """
    there = [str(part) for part in parts if part.is_file()] if n_done else []
    found = f"{n_done:,} of {n_frames:,} frames are in {', '.join(there)}" if there else "no frame was written"
    return InputError(f"cannot write {path} ({error}); {found}: free space and go on with {option('resume=True')}")
