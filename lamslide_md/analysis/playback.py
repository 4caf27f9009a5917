"""A few consecutive frames of both sides, superposed, for playback in the report."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.analysis.features import heavy_atoms
from lamslide_md.analysis.preparation import Prepared
from lamslide_md.analysis.sides import Side
from lamslide_md.systems.bonds import bond_pairs

MAX_FRAMES = 100
MAX_POSITIONS = 20_000
"""Frames times atoms: about 0.4 MB in the report."""
PICOMETRES_PER_NM = 1000.0


@dataclass(frozen=True)
class Playback:
    """Frames of both sides at the same interval; positions in whole picometres, (frames, atoms, 3)."""

    elements: tuple[str, ...]
    names: tuple[str, ...]
    bonds: Int[np.ndarray, "bonds 2"]
    interval_ps: float
    positions_pm: Mapping[str, Int[np.ndarray, "_ atoms 3"]]


def collect_playback(prepared: Prepared, interval_ps: float) -> Playback:
    """Take the first frames of both sides at a common interval and superpose them.

    Parameters
    ----------
    prepared
        The sides.
    interval_ps
        Time between the frames shown, a whole number of frames on both sides, ps.

    Returns
    -------
    Playback
        At most 100 frames a side.
    """
    topology = prepared.topology
    n_frames = max(2, min(MAX_FRAMES, MAX_POSITIONS // topology.n_atoms))
    heavy = heavy_atoms(topology)
    target = prepared.reference.positions_nm[0][0]
    frames = {}
    for name, side in (("reference", prepared.reference), ("rollout", prepared.rollout)):
        positions = superposed(_first_frames(side, interval_ps, n_frames), target, heavy)
        frames[name] = np.round(positions * PICOMETRES_PER_NM).astype(int)
    return Playback(
        elements=tuple("X" if atom.element is None else atom.element.symbol for atom in topology.atoms),
        names=tuple(str(atom) for atom in topology.atoms),
        bonds=bond_pairs(topology, prepared.reference.positions_nm[0][:100]),
        interval_ps=interval_ps,
        positions_pm=frames,
    )


def _first_frames(side: Side, interval_ps: float, n_frames: int) -> np.ndarray:
    longest = max(side.positions_nm, key=len)
    stride = max(1, round(interval_ps / side.interval_ps))
    return longest[::stride][:n_frames].astype(np.float64)


def superposed(
    positions_nm: Float[np.ndarray, "frames atoms 3"], target_nm: Float[np.ndarray, "atoms 3"], chosen: np.ndarray
) -> Float[np.ndarray, "frames atoms 3"]:
    """Move every frame onto the target by the rotation and translation that fit the chosen atoms best.

    Parameters
    ----------
    positions_nm
        Frames, nm.
    target_nm
        The frame to fit, nm; its chosen atoms are centred at the origin in the result.
    chosen
        Atoms that are fitted, bool.

    Returns
    -------
    np.ndarray
        Fitted frames, nm; never mirrored.

    References
    ----------
    Kabsch, Acta Cryst. A 32, 922 (1976).
    """
    centred = positions_nm - positions_nm[:, chosen].mean(axis=1, keepdims=True)
    goal = target_nm - target_nm[chosen].mean(axis=0)
    left, _, right = np.linalg.svd(np.einsum("fai,aj->fij", centred[:, chosen], goal[chosen]))
    right[:, -1] *= np.sign(np.linalg.det(left @ right))[:, None]
    return centred @ (left @ right)
