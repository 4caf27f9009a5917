"""Secondary structure by DSSP: helix, strand or coil, of every residue with a whole backbone."""

import mdtraj as md
import numpy as np
from jaxtyping import Bool, Int, UInt

from lamslide_md.data.stored_frames import Frames

BACKBONE_NAMES = ("N", "CA", "C", "O")
CLASSES = ("helix", "strand", "coil")
CODES = ("H", "E", "C")
UNKNOWN = len(CODES)
"""Of a residue that DSSP does not assign."""
CHUNK_FRAMES = 1000


def complete_residues(topology: md.Topology, residues: Int[np.ndarray, " residues"]) -> Bool[np.ndarray, " residues"]:
    """Mark the residues that have N, CA, C and O, without which there is no secondary structure."""
    names = ({atom.name for atom in topology.residue(int(residue)).atoms} for residue in residues)
    return np.array([set(BACKBONE_NAMES) <= of_residue for of_residue in names], dtype=bool)


def secondary_structure(
    topology: md.Topology, residues: Int[np.ndarray, " residues"], positions_nm: Frames
) -> UInt[np.ndarray, "frames residues"]:
    """Assign helix (0), strand (1) or coil (2) to residues in every frame, by mdtraj's DSSP.

    Parameters
    ----------
    topology
        Topology of all compared atoms.
    residues
        Residues with a whole backbone, by index, rising.
    positions_nm
        Frames of all compared atoms, nm.

    Returns
    -------
    np.ndarray
        3 for a residue that DSSP does not know.

    References
    ----------
    Kabsch and Sander, Biopolymers 22, 2577 (1983).
    """
    codes = np.full((len(positions_nm), len(residues)), UNKNOWN, dtype=np.uint8)
    if len(residues) == 0:
        return codes
    atoms = np.sort([atom.index for residue in residues for atom in topology.residue(int(residue)).atoms])
    backbone = topology.subset(atoms)
    for start in range(0, len(positions_nm), CHUNK_FRAMES):
        part = positions_nm[start : start + CHUNK_FRAMES][:, atoms]
        assigned = md.compute_dssp(md.Trajectory(part, backbone), simplified=True)
        codes[start : start + len(part)] = np.select([assigned == code for code in CODES], range(len(CODES)), UNKNOWN)
    return codes
