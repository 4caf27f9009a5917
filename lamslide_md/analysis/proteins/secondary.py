"""Secondary structure by DSSP: helix, strand or coil, of every residue with a whole backbone."""

from collections.abc import Sequence

import mdtraj as md
import numpy as np
from jaxtyping import Float, UInt

from lamslide_md.analysis.proteins.rules import ProteinRules

CLASSES = ("helix", "strand", "coil")
CODES = ("H", "E", "C")
NONE = len(CODES)
"""Of a residue without a whole backbone."""
CHUNK_FRAMES = 1000


def secondary_structure(
    rules: ProteinRules, positions_nm: Float[np.ndarray, "frames atoms 3"]
) -> UInt[np.ndarray, "frames residues"]:
    """Assign helix (0), strand (1) or coil (2) to every residue in every frame, by mdtraj's DSSP.

    Parameters
    ----------
    rules
        The protein.
    positions_nm
        Frames of all compared atoms, nm.

    Returns
    -------
    np.ndarray
        3 for residues that lack N, C or O.

    References
    ----------
    Kabsch and Sander, Biopolymers 22, 2577 (1983).
    """
    chosen = rules.alphas.residues[rules.complete]
    codes = np.full((len(positions_nm), len(rules.alphas)), NONE, dtype=np.uint8)
    if len(chosen) == 0:
        return codes
    atoms = [atom.index for residue in chosen for atom in rules.topology.residue(int(residue)).atoms]
    topology = rules.topology.subset(atoms)
    for start in range(0, len(positions_nm), CHUNK_FRAMES):
        part = positions_nm[start : start + CHUNK_FRAMES, atoms]
        assigned = md.compute_dssp(md.Trajectory(part, topology), simplified=True)
        numbered = np.select([assigned == code for code in CODES], range(len(CODES)), NONE)
        codes[start : start + len(part), rules.complete] = numbered
    return codes


def count_secondary(
    rules: ProteinRules, counted: Sequence[tuple[np.ndarray, np.ndarray]], n_blocks: int
) -> Float[np.ndarray, "blocks residues 3"]:
    """Count the frames of every block in which each residue is helix, strand or coil.

    Parameters
    ----------
    rules
        The protein.
    counted
        Positions (frames, atoms, 3), nm, and block of every frame, per trajectory.
    n_blocks
        Number of blocks.

    Returns
    -------
    np.ndarray
        Zeros for residues that lack N, C or O.
    """
    counts = np.zeros((n_blocks, len(rules.alphas), len(CODES)))
    for positions_nm, blocks in counted:
        codes = secondary_structure(rules, positions_nm)
        for index in range(len(CODES)):
            np.add.at(counts[:, :, index], blocks, codes == index)
    return counts
