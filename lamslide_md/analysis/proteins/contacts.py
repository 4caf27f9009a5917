"""Contacts between residues: which there are, and in how many frames of every block."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from lamslide_md.analysis.proteins.rules import ProteinRules
from lamslide_md.data.stored_frames import Frames, chosen, pieces_of
from lamslide_md.systems.neighbours import close_pairs


@dataclass(frozen=True)
class ContactCounts:
    """Frames in which residues touch, for the pairs that do so at all.

    `keys` (rising) are first * number of residues + second of a pair, the lower first; `counts` (contacts, blocks) the
    frames of every block in which it touches, `block_sizes` (blocks,) the frames looked at. `changes` (contacts,
    blocks) are those a lag after which it touches no more, or does only then, of `change_sizes` (blocks,) frames with a
    later one.
    """

    n_residues: int
    keys: Int[np.ndarray, " contacts"]
    counts: Float[np.ndarray, "contacts blocks"]
    block_sizes: Float[np.ndarray, " blocks"]
    changes: Float[np.ndarray, "contacts blocks"]
    change_sizes: Float[np.ndarray, " blocks"]

    def occupancy(
        self, keys: Int[np.ndarray, " pairs"], weights: Float[np.ndarray, "draws blocks"]
    ) -> Float[np.ndarray, "draws pairs"]:
        """Part of the frames in which given pairs touch, for every row of block weights."""
        return self._share(self.counts, self.block_sizes, keys, weights)

    def exchange(
        self, keys: Int[np.ndarray, " pairs"], weights: Float[np.ndarray, "draws blocks"]
    ) -> Float[np.ndarray, "draws pairs"]:
        """Part of the frames a lag after which given pairs have come together or parted; none without later frames."""
        return self._share(self.changes, self.change_sizes, keys, weights)

    def _share(
        self,
        counts: Float[np.ndarray, "contacts blocks"],
        sizes: Float[np.ndarray, " blocks"],
        keys: Int[np.ndarray, " pairs"],
        weights: Float[np.ndarray, "draws blocks"],
    ) -> Float[np.ndarray, "draws pairs"]:
        rows = np.searchsorted(self.keys, keys)
        known = rows < len(self.keys)
        known[known] = self.keys[rows[known]] == keys[known]
        share = np.zeros((len(weights), len(keys)))
        share[:, known] = weights @ counts[rows[known]].T / np.maximum(weights @ sizes, 1.0)[:, None]
        return share

    def frequent(self, least: float) -> Int[np.ndarray, " pairs"]:
        """Keys of the pairs that touch in at least this part of the frames."""
        return self.keys[self.counts.sum(axis=1) >= least * self.block_sizes.sum()]


def count_contacts(
    rules: ProteinRules,
    positions_nm: Sequence[Frames],
    blocks: Sequence[Int[np.ndarray, " _"]],
    n_blocks: int,
    stride: int,
    lag: int,
) -> ContactCounts:
    """Count in how many frames residues at least three apart touch: heavy atoms within 0.45 nm, or C-alphas within 0.8.

    Parameters
    ----------
    rules
        Atoms and cutoff.
    positions_nm
        Trajectories, nm.
    blocks
        Block of every frame, per trajectory.
    n_blocks
        Number of blocks.
    stride
        Every so many frames one is looked at.
    lag
        Frames after which contacts are looked at again.

    Returns
    -------
    ContactCounts
        Found by a search for neighbours: no array over frames and all pairs.
    """
    n_pairs = len(rules.alphas) ** 2
    sizes, change_sizes = np.zeros(n_blocks), np.zeros(n_blocks)
    touching, changing = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for part, of_frame in zip(positions_nm, blocks, strict=True):
        of_frame = of_frame[::stride]
        after = chosen(part, slice(lag, None, stride))
        now, later = _touching(rules, chosen(part, slice(None, None, stride))), _touching(rules, after)
        n_later = len(after)
        changed = np.setxor1d(now[now < n_later * n_pairs], later, assume_unique=True)
        touching.append(of_frame[now // n_pairs] * n_pairs + now % n_pairs)
        changing.append(of_frame[changed // n_pairs] * n_pairs + changed % n_pairs)
        sizes += np.bincount(of_frame, minlength=n_blocks)
        change_sizes += np.bincount(of_frame[:n_later], minlength=n_blocks)
    found = [np.concatenate(parts) for parts in (touching, changing)]
    keys = np.unique(np.concatenate(found) % n_pairs)
    tables = []
    for of_block in found:
        unique, counts = np.unique(of_block, return_counts=True)
        table = np.zeros((len(keys), n_blocks))
        table[np.searchsorted(keys, unique % n_pairs), unique // n_pairs] = counts
        tables.append(table)
    return ContactCounts(len(rules.alphas), keys, tables[0], sizes, tables[1], change_sizes)


def _touching(rules: ProteinRules, positions_nm: Frames) -> Int[np.ndarray, " touching"]:
    """Frame times squared number of residues, plus the key of a pair that touches in it."""
    n_residues, start = len(rules.alphas), 0
    found = [np.zeros(0, dtype=np.int64)]
    for piece in pieces_of([positions_nm]):
        for frames, pairs in close_pairs(piece[:, rules.contact_atoms], rules.contact_nm):
            residues = np.sort(rules.contact_residues[pairs], axis=1)
            apart = rules.alphas.apart(residues)
            keys = residues[apart, 0].astype(np.int64) * n_residues + residues[apart, 1]
            # Many atoms of two residues may be near: the frame counts once.
            found.append(np.unique((start + frames[apart]) * n_residues**2 + keys))
        start += len(piece)
    # Parts of the frames follow one another: what is found rises.
    return np.concatenate(found)
