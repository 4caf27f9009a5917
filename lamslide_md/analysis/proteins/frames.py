"""A dataset of a protein as seen by the rules of the reference: numbers of every frame, and sums over blocks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import mdtraj as md
import numpy as np
from jaxtyping import Float, Int

from lamslide_md.analysis.proteins.contacts import ContactCounts, count_contacts
from lamslide_md.analysis.proteins.rules import ProteinRules, alpha_trajectory
from lamslide_md.analysis.proteins.secondary import CLASSES, secondary_structure
from lamslide_md.data.stored_frames import Frames, chosen, pieces_of

MAX_COUNTED = 5000
"""Contacts and secondary structure are counted in at most so many frames, evenly spread."""


@dataclass(frozen=True)
class ProteinFrames:
    """Every frame of a dataset, trajectories end to end, and its blocks with their bootstrap weights.

    `fitted_nm` (frames, residues, 3) are C-alphas superposed on the reference's mean, `rmsd_nm` their distance from the
    reference's first frame, superposed on that, `gyration_nm` their radius of gyration. `secondary` (blocks, residues,
    3) counts frames as helix, strand, coil: zeros for residues without a whole backbone.
    """

    lengths: tuple[int, ...]
    blocks: Int[np.ndarray, " frames"]
    weights: Float[np.ndarray, "draws blocks"]
    fitted_nm: Float[np.ndarray, "frames residues 3"]
    rmsd_nm: Float[np.ndarray, " frames"]
    gyration_nm: Float[np.ndarray, " frames"]
    scores_nm: Float[np.ndarray, "frames components"]
    displacements_nm: Float[np.ndarray, "blocks residues 3"]
    squares_nm2: Float[np.ndarray, "blocks residues"]
    contacts: ContactCounts
    secondary: Float[np.ndarray, "blocks residues 3"]

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return self.weights.shape[1]

    @cached_property
    def block_sizes(self) -> Float[np.ndarray, " blocks"]:
        """Frames of every block."""
        return np.bincount(self.blocks, minlength=self.n_blocks).astype(float)

    def rmsf_nm(self, weights: Float[np.ndarray, "draws blocks"]) -> Float[np.ndarray, "draws residues"]:
        """Root mean square fluctuation of every C-alpha about its own mean, nm, for every row of block weights."""
        n_frames = weights @ self.block_sizes
        means = np.tensordot(weights, self.displacements_nm, axes=1) / n_frames[:, None, None]
        squares = weights @ self.squares_nm2 / n_frames[:, None]
        return np.sqrt(np.maximum(squares - (means**2).sum(axis=-1), 0.0))


def see_protein(
    rules: ProteinRules,
    positions_nm: Sequence[Frames],
    blocks: Sequence[Int[np.ndarray, " _"]],
    weights: Float[np.ndarray, "draws blocks"],
    lag: int,
) -> ProteinFrames:
    """Describe every frame of a dataset.

    Parameters
    ----------
    rules
        Learnt from the reference.
    positions_nm
        Trajectories of the same atoms, nm.
    blocks
        Block of every frame, per trajectory.
    weights
        How often each block appears in each bootstrap sample.
    lag
        Frames after which contacts are looked at again.

    Returns
    -------
    ProteinFrames
        Of a size that grows with frames times residues.
    """
    n_blocks = weights.shape[1]
    joined = np.concatenate(blocks)
    trajectory = alpha_trajectory(
        rules.topology,
        rules.alphas,
        np.concatenate([piece[:, rules.alphas.atoms] for piece in pieces_of(positions_nm)]),
    )
    rmsd_nm = md.rmsd(trajectory, alpha_trajectory(rules.topology, rules.alphas, rules.first_nm[None]))
    trajectory.superpose(alpha_trajectory(rules.topology, rules.alphas, rules.mean_nm[None]))
    displacements = trajectory.xyz - rules.mean_nm
    stride = -(-len(joined) // MAX_COUNTED)
    every = slice(None, None, stride)
    counted = [(chosen(part, every), block[every]) for part, block in zip(positions_nm, blocks, strict=True)]
    return ProteinFrames(
        lengths=tuple(map(len, positions_nm)),
        blocks=joined,
        weights=weights,
        fitted_nm=trajectory.xyz,
        rmsd_nm=rmsd_nm.astype(np.float64),
        gyration_nm=_gyration(trajectory.xyz),
        # Divided so that the components are on the scale of an RMSD, whatever the length of the chain.
        scores_nm=displacements.reshape(len(joined), -1) @ rules.components.T / np.sqrt(len(rules.alphas)),
        displacements_nm=_block_sums(displacements, joined, n_blocks),
        squares_nm2=_block_sums((displacements**2).sum(axis=-1), joined, n_blocks),
        contacts=count_contacts(rules, positions_nm, blocks, n_blocks, stride, lag),
        secondary=_count_secondary(rules, counted, n_blocks),
    )


def _count_secondary(rules: ProteinRules, counted: Sequence[tuple[Frames, np.ndarray]], n_blocks: int) -> np.ndarray:
    counts = np.zeros((n_blocks, len(rules.alphas), len(CLASSES)))
    whole = np.flatnonzero(rules.complete)
    for positions_nm, blocks in counted:
        codes = secondary_structure(rules.topology, rules.alphas.residues[whole], positions_nm)
        for index in range(len(CLASSES)):
            counts[:, whole, index] += _block_sums(codes == index, blocks, n_blocks)
    return counts


def _gyration(alphas_nm: np.ndarray) -> np.ndarray:
    centred = alphas_nm - alphas_nm.mean(axis=1, keepdims=True)
    return np.sqrt((centred**2).sum(axis=-1).mean(axis=1, dtype=np.float64))


def _block_sums(values: np.ndarray, blocks: np.ndarray, n_blocks: int) -> np.ndarray:
    """Sum over the frames of every block; blocks rise from frame to frame."""
    sums = np.zeros((n_blocks, *values.shape[1:]))
    starts = np.flatnonzero(np.diff(blocks, prepend=-1))
    sums[blocks[starts]] = np.add.reduceat(values.astype(np.float64), starts, axis=0)
    return sums
