"""Where chains stand between two windows, and the file from which a rollout goes on to the same bits."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from lamslide_md.errors import InputError
from lamslide_md.io.arrays import read_arrays, write_arrays

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Place:
    """Where chains stand: nothing else is carried from one window to the next.

    Attributes
    ----------
    window
        Index of the next window, by which its noise is drawn.
    known
        The frames that the next window continues, placed and in units of the model's length scale, to the bit.
    """

    window: int
    known: Float[np.ndarray, "chains known points dim"]

    def after(self, new: Float[np.ndarray, "chains new points dim"]) -> "Place":
        """Go on by the new frames of one window, in units of the length scale."""
        frames = np.concatenate([self.known, new.astype(np.float32)], axis=1)
        return Place(self.window + 1, frames[:, -self.known.shape[1] :])


@dataclass(frozen=True)
class Restart:
    """What an unfinished rollout goes on from.

    Attributes
    ----------
    place
        Where the chains stand.
    n_frames
        Frames of each chain that are on disk.
    lengths
        Of the files of the chains, as `GrowingFile.extend` measures them.
    wall_time_s
        Time spent so far.
    """

    place: Place
    n_frames: int
    lengths: tuple[int, ...]
    wall_time_s: float

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
            window=self.place.window,
            known=self.place.known,
            n_frames=self.n_frames,
            lengths=np.array(self.lengths, dtype=np.int64),
            wall_time_s=self.wall_time_s,
        )

    @classmethod
    def load(cls, path: Path) -> "Restart":
        """Read what `save` wrote.

        Parameters
        ----------
        path
            File.

        Returns
        -------
        Restart
            As it was saved.

        Raises
        ------
        InputError
            If the file is damaged or newer than this program.
        """
        complaint, mend = "is damaged", "roll out anew, without continuing"
        needed = ("window", "known", "n_frames", "lengths", "wall_time_s")
        content = read_arrays(path, complaint, mend, needed=needed)
        version = content.get("format_version", np.array(1))  # the first files did not tell
        if version.shape or version != FORMAT_VERSION:
            raise InputError(
                f"{path} has restart format {version}, this program reads {FORMAT_VERSION}; update lamslide_md, "
                f"or {mend}"
            )
        try:
            return cls(
                Place(int(content["window"]), content["known"]),
                int(content["n_frames"]),
                tuple(int(length) for length in content["lengths"]),
                float(content["wall_time_s"]),
            )
        except (TypeError, ValueError) as error:
            raise InputError(f"{path} {complaint} ({error}); {mend}") from error
