"""What is shown of a protein beside the table: fluctuations, contacts, secondary structure, residue by residue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt

from lamslide_md.analysis.proteins.frames import ProteinFrames
from lamslide_md.analysis.proteins.rules import ProteinRules
from lamslide_md.analysis.proteins.secondary import UNKNOWN, secondary_structure
from lamslide_md.data.stored_frames import Frames, chosen

MIN_OCCUPANCY = 0.01
MAX_STRIP_FRAMES = 300


@dataclass(frozen=True)
class ProteinResult:
    """Residue by residue, by dataset ("rollout", "reference", "floor").

    `rmsf_nm` (residues,); `contacts` (pairs, 2) are places of residues that touch in at least 1 % of the frames of one
    of them, `occupancies` (pairs,) in how many; `propensities` (residues, 3) the part of the frames as helix, strand,
    coil, zeros where a residue lacks backbone atoms. `contact_nm` is the distance up to which atoms touch.
    """

    residues: tuple[str, ...]
    rmsf_nm: Mapping[str, Float[np.ndarray, " residues"]]
    contact_nm: float
    contacts: Int[np.ndarray, "pairs 2"]
    occupancies: Mapping[str, Float[np.ndarray, " pairs"]]
    propensities: Mapping[str, Float[np.ndarray, "residues 3"]]


@dataclass(frozen=True)
class Strips:
    """Secondary structure over time of the longest trajectory, by dataset ("rollout", "reference").

    `codes` (frames, residues): 0 helix, 1 strand, 2 coil, 3 not known; a frame every `interval_ps`.
    """

    codes: Mapping[str, UInt[np.ndarray, "_ residues"]]
    interval_ps: Mapping[str, float]


def protein_result(rules: ProteinRules, datasets: Mapping[str, ProteinFrames]) -> ProteinResult:
    """Collect what is shown residue by residue.

    Parameters
    ----------
    rules
        The protein.
    datasets
        By name: "rollout", "reference", "floor".

    Returns
    -------
    ProteinResult
        Of a size that grows with the residues.
    """
    keys = np.unique(np.concatenate([side.contacts.frequent(MIN_OCCUPANCY) for side in datasets.values()]))
    whole = {which: np.ones((1, side.n_blocks)) for which, side in datasets.items()}
    n_residues = len(rules.alphas)
    return ProteinResult(
        residues=rules.names,
        rmsf_nm={which: side.rmsf_nm(whole[which])[0] for which, side in datasets.items()},
        contact_nm=rules.contact_nm,
        contacts=np.stack([keys // n_residues, keys % n_residues], axis=1),
        occupancies={which: side.contacts.occupancy(keys, whole[which])[0] for which, side in datasets.items()},
        propensities={which: _propensities(side.secondary.sum(axis=0)) for which, side in datasets.items()},
    )


def _propensities(counts: np.ndarray) -> np.ndarray:
    return counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1.0)


def secondary_strips(rules: ProteinRules, datasets: Mapping[str, tuple[Sequence[Frames], float]]) -> Strips | None:
    """Assign secondary structure over time to the longest trajectory of each dataset.

    Parameters
    ----------
    rules
        The protein.
    datasets
        Trajectories (frames, atoms, 3), nm, and the time between frames, ps, by name.

    Returns
    -------
    Strips or None
        At most 300 frames of each; None where no residue has a whole backbone.
    """
    if not rules.complete.any():
        return None
    codes, intervals_ps = {}, {}
    for which, (positions_nm, interval_ps) in datasets.items():
        longest = max(positions_nm, key=len)
        stride = -(-len(longest) // MAX_STRIP_FRAMES)
        shown = chosen(longest, slice(None, None, stride))
        codes[which] = np.full((len(shown), len(rules.alphas)), UNKNOWN, dtype=np.uint8)
        residues = rules.alphas.residues[rules.complete]
        codes[which][:, rules.complete] = secondary_structure(rules.topology, residues, shown)
        intervals_ps[which] = stride * interval_ps
    return Strips(codes, intervals_ps)
