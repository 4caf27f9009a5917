"""Contacts between residues: which there are, and in how many frames of every block."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.analysis.proteins.rules import ProteinRules
from lamslide_md.systems.neighbours import close_pairs


@dataclass(frozen=True)
class ContactCounts:
    """Frames in which residues touch, for the pairs that do so at all.

    `keys` (rising) are first * number of residues + second of a pair, the lower first; `counts` (contacts, blocks) the
    frames of every block in which it touches, `block_sizes` (blocks,) the frames looked at.
    """

    n_residues: int
    keys: Int[np.ndarray, " contacts"]
    counts: Float[np.ndarray, "contacts blocks"]
    block_sizes: Float[np.ndarray, " blocks"]

    def occupancy(
        self, keys: Int[np.ndarray, " pairs"], weights: Float[np.ndarray, "draws blocks"]
    ) -> Float[np.ndarray, "draws pairs"]:
        """Part of the frames in which given pairs touch, for every row of block weights."""
        rows = np.searchsorted(self.keys, keys)
        known = rows < len(self.keys)
        known[known] = self.keys[rows[known]] == keys[known]
        occupancy = np.zeros((len(weights), len(keys)))
        occupancy[:, known] = weights @ self.counts[rows[known]].T / (weights @ self.block_sizes)[:, None]
        return occupancy

    def frequent(self, least: float) -> Int[np.ndarray, " pairs"]:
        """Keys of the pairs that touch in at least this part of the frames."""
        return self.keys[self.counts.sum(axis=1) >= least * self.block_sizes.sum()]


def count_contacts(
    rules: ProteinRules, counted: Sequence[tuple[np.ndarray, np.ndarray]], n_blocks: int
) -> ContactCounts:
    """Count in how many frames residues at least three apart touch: heavy atoms within 0.45 nm, or C-alphas within 0.8.

    Parameters
    ----------
    rules
        Atoms and cutoff.
    counted
        Positions (frames, atoms, 3), nm, and block of every frame, per trajectory.
    n_blocks
        Number of blocks.

    Returns
    -------
    ContactCounts
        Found by a search for neighbours: no array over frames and all pairs.
    """
    n_residues = len(rules.alphas)
    found, totals = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for positions_nm, blocks in counted:
        for frames, pairs in close_pairs(positions_nm[:, rules.contact_atoms], rules.contact_nm):
            residues = np.sort(rules.contact_residues[pairs], axis=1)
            apart = rules.alphas.apart(residues)
            keys = residues[apart, 0].astype(np.int64) * n_residues + residues[apart, 1]
            # Many atoms of two residues may be near: the frame counts once.
            touching = np.unique(frames[apart] * n_residues**2 + keys)
            of_block = blocks[touching // n_residues**2] * np.int64(n_residues**2) + touching % n_residues**2
            unique, count = np.unique(of_block, return_counts=True)
            found.append(unique)
            totals.append(count)
    joined, counts = np.concatenate(found), np.concatenate(totals)
    keys, rows = np.unique(joined % n_residues**2, return_inverse=True)
    table = np.zeros((len(keys), n_blocks))
    np.add.at(table, (rows, joined // n_residues**2), counts)
    sizes = np.bincount(np.concatenate([blocks for _, blocks in counted]), minlength=n_blocks).astype(float)
    return ContactCounts(n_residues, keys, table, sizes)
