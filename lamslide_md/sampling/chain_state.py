"""`ChainState`: all that chains go on from; and the restart file, from which a rollout goes on to the same bits."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float

from lamslide_md.errors import InputError
from lamslide_md.io.arrays import read_arrays, write_arrays
from lamslide_md.io.manifest_models import MOST_SECONDS
from lamslide_md.shares import Share, seeded_in_turn

FORMAT_VERSION = 1

PLAIN = ("window", "known", "n_frames", "lengths", "wall_time_s", "format_version")
"""What restart files held before there were checksums, the first ones all but the last of it."""

COMPLAINT = "is damaged"
MEND = "roll out anew, without continuing"


@dataclass(frozen=True)
class ChainState:
    """All that chains go on from: nothing else is carried from one window to the next.

    Attributes
    ----------
    context
        The frames that the next window continues, placed and in units of the model's length scale, to the bit.
    window
        Index of the next window.
    seed
        Of the noise, which is drawn by seed and window.
    """

    context: Float[np.ndarray, "chains context points dim"]
    window: int = 0
    seed: int = 0

    def after(self, frames: Float[np.ndarray, "chains frames points dim"]) -> "ChainState":
        """Go on by the target frames of one window: the last frames become the context."""
        both = np.concatenate([self.context, frames.astype(np.float32)], axis=1)
        return ChainState(both[:, -self.context.shape[1] :], self.window + 1, self.seed)

    def of_shape(self, other: "ChainState") -> "ChainState":
        """Refuse a state of other frames, or of another number of them, than another one; otherwise it is this one."""
        mine, theirs = self.context.shape, other.context.shape
        if mine != theirs:
            raise InputError(
                f"the restart file holds {mine} chains, frames, points and dimensions, this rollout goes on from "
                f"{theirs}; {MEND}"
            )
        return self


def noise_stream(seed: int, window: int, share: Share | None = None) -> torch.Generator:
    """Source of the noise of one window: chains can go on at any window as if they had not stopped.

    Parameters
    ----------
    seed
        Of all noise.
    window
        Its index.
    share
        Which of all chains are drawn here, with the noise that they have among all.

    Returns
    -------
    torch.Generator
        For this window.
    """
    return seeded_in_turn(seed, window, share or Share())


def label_stream(seed: int, window: int, share: Share | None = None) -> np.random.Generator:
    """Source of the labels of one window's frames, where molecular dynamics exchanges some; see `noise_stream`."""
    random = np.random.default_rng([seed, window, 1])
    return random if share is None else _SharedLabels(random.bit_generator, share)


class _SharedLabels(np.random.Generator):
    """Draws a number for each of all chains, and gives those of its own."""

    def __init__(self, bits: np.random.BitGenerator, share: Share) -> None:
        super().__init__(bits)
        self._share = share

    def random(self, size: int) -> np.ndarray:  # type: ignore[override]
        """Numbers from 0 to 1 for the own chains."""
        own = super().random(self._share.total)[self._share.rows(self._share.rank)]
        if len(own) != size:
            raise ValueError(f"{size} chains are none of {self._share}")
        return own


@dataclass(frozen=True)
class RestartFile:
    """What an unfinished rollout goes on from; the manifest tells the rest, such as the seed.

    Attributes
    ----------
    state
        Where the chains stand.
    n_frames
        Frames of each chain that are on disk.
    lengths
        Of the files of the chains, as `GrowingFile.extend` measures them.
    wall_time_s
        Time spent so far.
    digests
        SHA-256 of the chains so far, as `GrowingFile.digest` tells it; none in files of earlier versions.
    """

    state: ChainState
    n_frames: int
    lengths: tuple[int, ...]
    wall_time_s: float
    digests: tuple[str, ...] = ()

    def save(self, path: Path) -> None:
        """Replace the file, which is either the old or the new one at any moment.

        Parameters
        ----------
        path
            File.

        Raises
        ------
        OSError
            If the disk is full or read-only.
        """
        write_arrays(
            path,
            format_version=FORMAT_VERSION,
            window=self.state.window,
            known=self.state.context,
            n_frames=self.n_frames,
            lengths=np.array(self.lengths, dtype=np.int64),
            wall_time_s=self.wall_time_s,
            digests=np.array(self.digests, dtype=np.str_),
        )

    @classmethod
    def load(cls, path: Path) -> "RestartFile":
        """Read what `save` wrote.

        Parameters
        ----------
        path
            File.

        Returns
        -------
        RestartFile
            As it was saved.

        Raises
        ------
        InputError
            If the file is damaged or newer than this program.
        """
        content = read_arrays(path, COMPLAINT, MEND, needed=PLAIN[:-1], plain=PLAIN)
        version = content.get("format_version", np.array(1))  # the first files did not tell
        if version.shape or version != FORMAT_VERSION:
            raise InputError(
                f"{path} has restart format {version}, this program reads {FORMAT_VERSION}; update lamslide_md, "
                f"or {MEND}"
            )
        context, digests = content["known"], content.get("digests", np.array([], dtype=np.str_))
        lengths, wall_time_s = content["lengths"], content["wall_time_s"]
        if context.ndim != 4 or context.dtype != np.float32 or not np.isfinite(context).all():
            raise _damaged(path, "known", "no frames of chains, or not finite")
        if lengths.shape != (len(context),) or lengths.dtype != np.int64 or (lengths < 0).any():
            raise _damaged(path, "lengths", f"no length for each of {len(context)} chains")
        if digests.dtype.kind != "U" or digests.shape not in ((0,), lengths.shape):
            raise _damaged(path, "digests", f"none for each of {len(context)} chains")
        if wall_time_s.shape or wall_time_s.dtype != np.float64 or not 0 <= wall_time_s <= MOST_SECONDS:
            raise _damaged(path, "wall_time_s", "no time")
        window, n_frames = (_count(path, name, content[name]) for name in ("window", "n_frames"))
        if window > n_frames:
            raise _damaged(path, "window", f"{window} windows in {n_frames} frames")
        state = ChainState(context, window)
        return cls(state, n_frames, tuple(lengths.tolist()), float(wall_time_s), tuple(digests.tolist()))


def _count(path: Path, name: str, array: np.ndarray) -> int:
    if array.shape or array.dtype.kind != "i" or array < 0:
        raise _damaged(path, name, "no count")
    return int(array)


def _damaged(path: Path, name: str, what: str) -> InputError:
    return InputError(f"{path} {COMPLAINT} ({name} in it is {what}); {MEND}")
