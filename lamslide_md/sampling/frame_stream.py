"""`FrameStream`: frames of chains, made window by window as they are asked for, and kept where they are few."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from lamslide_md.errors import InputError
from lamslide_md.sampling.chain_state import MEND, ChainState

OnFrames = Callable[[int, int], None]
"""Callback receiving the frames of all chains that are done, and those asked for."""

KEEP_BYTES = 2_000_000_000
"""Frames up to this size are kept in memory once they were asked for; more are made anew each time they are read."""

Windows = Callable[[ChainState | None], Iterator[tuple[Float[np.ndarray, "chains new points dim"], ChainState | None]]]
"""Makes new frames, nm, from a state on (from the beginning for None); with each window the state after it."""


@dataclass
class FrameStream:
    """Chains of equally many frames, cut to length out of windows.

    Attributes
    ----------
    windows
        Makes the frames.
    n_frames
        Frames of each chain.
    n_chains
        Independent chains.
    frame_bytes
        Size of one frame in memory.
    """

    windows: Windows
    n_frames: int
    n_chains: int
    frame_bytes: int
    _kept: np.ndarray | None = field(default=None, init=False, repr=False)

    def chunks(
        self, on_frames: OnFrames | None = None, state: ChainState | None = None, done: int = 0, keep: bool = True
    ) -> Iterator[tuple[Float[np.ndarray, "chains new points dim"], ChainState | None]]:
        """Make the frames, window by window.

        Parameters
        ----------
        on_frames
            Callback receiving the frames of all chains that are done, and those asked for.
        state
            Where the chains stand after the frames that are done; None at the beginning.
        done
            Frames of each chain that are there already, and left out.
        keep
            Whether to keep all frames in memory, if they are few.

        Yields
        ------
        frames
            The next ones of all chains, nm.
        state
            Where the chains stand behind them; None where it is not known.

        Raises
        ------
        InputError
            If the frames that are done are not those of the windows before the state.
        """
        if done == self.n_frames:
            return
        if self._kept is not None:
            yield self._kept[:, done:], None
            return
        is_small = self.n_chains * self.n_frames * self.frame_bytes <= KEEP_BYTES
        kept: list[np.ndarray] | None = [] if keep and done == 0 and is_small else None
        for window, after in self.windows(state):
            if state is not None and done != state.window * window.shape[1]:
                raise InputError(
                    f"the restart file tells of {done:,} frames of each chain after {state.window:,} windows of "
                    f"{window.shape[1]:,}: it is damaged; {MEND}"
                )
            state = after
            chunk = window[:, : self.n_frames - done]
            done += chunk.shape[1]
            if kept is not None:
                kept.append(chunk)
            if on_frames:
                on_frames(done * self.n_chains, self.n_frames * self.n_chains)
            if done == self.n_frames and kept is not None:
                self._kept = np.concatenate(kept, axis=1)
            yield chunk, after
            if done == self.n_frames:
                return
