"""Structure of single frames: bond lengths, chirality, clashes."""

from collections.abc import Sequence
from dataclasses import dataclass

import mdtraj as md
import numpy as np
from jaxtyping import Bool, Float, Int

from lamslide_md.analysis.chirality import find_centres
from lamslide_md.analysis.clashes import ClashRules, has_clash, learn_clashes
from lamslide_md.analysis.features import heavy_atoms
from lamslide_md.data.stored_frames import Frames, pieces_of
from lamslide_md.systems.bonds import bond_pairs
from lamslide_md.systems.volumes import relative_volumes

BOND_TOLERANCE = 0.2
"""A bond is broken when its length is off by more than this fraction of its mean in the reference."""
CHUNK_FRAMES = 10_000
MIRRORED_PART = 0.01
"""Mirror images in a larger part of the frames are called so; single frames are seen in the fraction of flips."""


@dataclass(frozen=True)
class StructureRules:
    """What an intact frame looks like, learnt from the reference: bonds, chiral centres, pairs that may clash.

    `bonds` (bonds, 2) with their mean lengths `bond_means_nm`; `centres` (centres, 4) are chiral ones with three
    neighbours (CA with N, C, CB) and the sign of their signed volume in the reference, +1 for L; `clashes` says which
    heavy atoms may clash.
    """

    bonds: Int[np.ndarray, "bonds 2"]
    bond_means_nm: Float[np.ndarray, " bonds"]
    centres: Int[np.ndarray, "centres 4"]
    signs: Float[np.ndarray, " centres"]
    clashes: ClashRules


@dataclass(frozen=True)
class FrameStructure:
    """Checks of every frame: broken bond, flipped centre, clash (bool), mean absolute bond error (nm), centres flipped.

    `n_flipped` counts the chiral centres of the frame that are not as in the reference.
    """

    broken_bond: Bool[np.ndarray, " frames"]
    flipped: Bool[np.ndarray, " frames"]
    clash: Bool[np.ndarray, " frames"]
    bond_error_nm: Float[np.ndarray, " frames"]
    n_flipped: Int[np.ndarray, " frames"]


def learn_structure(topology: md.Topology, positions_nm: Sequence[Frames]) -> StructureRules:
    """Learn from the reference what its bonds, chiral centres and non-bonded pairs are.

    Parameters
    ----------
    topology
        Topology of the compared atoms.
    positions_nm
        Trajectories of the reference, nm.

    Returns
    -------
    StructureRules
        Bond means over all frames; signs of C-alphas by majority, of other centres by all frames.
    """
    bonds = bond_pairs(topology, positions_nm[0][:100])
    totals = sum(
        _bond_lengths(part, bonds).sum(axis=0, dtype=np.float64) for part in pieces_of(positions_nm, CHUNK_FRAMES)
    )
    n_frames = sum(len(part) for part in positions_nm)
    centres, signs = find_centres(topology, bonds, pieces_of(positions_nm, CHUNK_FRAMES))
    clashes = learn_clashes(topology.n_atoms, bonds, heavy_atoms(topology))
    return StructureRules(bonds, np.asarray(totals) / n_frames, centres, signs, clashes)


def check_structure(rules: StructureRules, positions_nm: Sequence[Frames]) -> FrameStructure:
    """Check every frame against the rules.

    Parameters
    ----------
    rules
        Learnt from the reference.
    positions_nm
        Trajectories of the same atoms, nm.

    Returns
    -------
    FrameStructure
        One entry per frame of all trajectories.
    """
    broken, n_flipped, clash, error_nm = [], [], [], []
    for part in pieces_of(positions_nm, CHUNK_FRAMES):
        deviation_nm = np.abs(_bond_lengths(part, rules.bonds) - rules.bond_means_nm)
        broken.append((deviation_nm > BOND_TOLERANCE * rules.bond_means_nm).any(axis=1))
        error_nm.append(deviation_nm.mean(axis=1, dtype=np.float64))
        n_flipped.append((np.sign(relative_volumes(part, rules.centres)) != rules.signs).sum(axis=1))
        clash.append(has_clash(rules.clashes, part))
    flips = np.concatenate(n_flipped)
    return FrameStructure(np.concatenate(broken), flips > 0, np.concatenate(clash), np.concatenate(error_nm), flips)


def _bond_lengths(positions_nm: np.ndarray, bonds: np.ndarray) -> np.ndarray:
    return np.linalg.norm(positions_nm[:, bonds[:, 0]] - positions_nm[:, bonds[:, 1]], axis=-1)


def mirror_note(rules: StructureRules, checks: FrameStructure, name: str) -> str | None:
    """Say so where a dataset is the mirror image of the reference, holds mirror images, or is another stereoisomer.

    Parameters
    ----------
    rules
        Learnt from the reference.
    checks
        Of a dataset.
    name
        Of the dataset.

    Returns
    -------
    str or None
        A sentence, or None where less than half of the centres are inverted in nearly all frames.
    """
    n_centres = len(rules.centres)
    if n_centres == 0:
        return None
    mirrored, many = (float((checks.n_flipped >= number).mean()) for number in (n_centres, n_centres / 2))
    if mirrored > 0.5:
        how, number, fraction = f"the {name} is the mirror image of the reference", n_centres, mirrored
    elif many > 0.5:
        number, fraction = int(np.median(checks.n_flipped[checks.n_flipped >= n_centres / 2])), many
        how = f"the {name} is another stereoisomer than the reference"
    elif mirrored > MIRRORED_PART:
        how, number, fraction = f"the {name} holds mirror images of the reference", n_centres, mirrored
    else:
        return None
    return f"{how}: {number} of {n_centres} chiral centres are inverted in {100 * fraction:.3g} % of its frames"
