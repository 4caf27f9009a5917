"""Frames that stand on two sides, or twice on one: MD compared with itself, a rollout as its own floor."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from jaxtyping import Float, UInt

from lamslide_md.analysis.sides import Side

MANY = 0.5
"""Two trajectories are the same where this part of the frames of the shorter one is in the other, bit by bit."""
KEYED_FRAMES = 10_000
"""Frames whose keys are computed at once: bounds memory."""


def repeat_notes(sides: Mapping[str, Side]) -> tuple[str, ...]:
    """Say where sides or trajectories are the same.

    Parameters
    ----------
    sides
        By name: "rollout", "reference" and, if there is one, "replicate".

    Returns
    -------
    tuple of str
        One sentence for each pair.
    """
    keys = {name: [frame_keys(part) for part in side.positions_nm] for name, side in sides.items()}
    notes = []
    whole = {name: np.concatenate(parts) for name, parts in keys.items()}
    for name, parts in keys.items():
        seen, counts = np.unique(whole[name], return_counts=True)
        twice = [(i, part) for i, part in enumerate(parts) if np.isin(part, seen[counts > 1]).mean() > MANY]
        for (i, one), (j, other) in combinations(twice, 2):
            if _shared(one, other) > MANY:
                notes.append(f"{name} trajectories {i} and {j} are the same: their frames count twice")
    for (side, against), meaning in _MEANINGS.items():
        shared = _shared(whole[side], whole[against]) if {side, against} <= set(whole) else 0.0
        if shared > MANY:
            least = min(len(whole[side]), len(whole[against]))
            notes.append(f"{100 * shared:.3g} % of {least} frames are in both the {side} and the {against}: {meaning}")
    return tuple(notes)


_MEANINGS = {
    ("rollout", "reference"): "it is compared with itself",
    ("replicate", "rollout"): "the floor is the rollout itself, and every ratio near 1",
    ("replicate", "reference"): "the floor is no independent MD, and too low",
}


def frame_keys(positions_nm: Float[np.ndarray, "frames atoms 3"]) -> UInt[np.ndarray, " frames"]:
    """Give every frame a number of 64 bits, the same for the same positions only (but for one chance in 2^64)."""
    factors = np.random.default_rng(0).integers(2**64, size=positions_nm[0].size, dtype=np.uint64) | np.uint64(1)
    keys = []
    for start in range(0, len(positions_nm), KEYED_FRAMES):
        part = np.ascontiguousarray(positions_nm[start : start + KEYED_FRAMES], dtype=np.float32)
        keys.append((part.reshape(len(part), -1).view(np.uint32).astype(np.uint64) * factors).sum(axis=1))
    return np.concatenate(keys)


def _shared(one: np.ndarray, other: np.ndarray) -> float:
    """Part of the frames of the shorter that are in the longer."""
    shorter, longer = sorted((one, other), key=len)
    return float(np.isin(shorter, longer).mean())
