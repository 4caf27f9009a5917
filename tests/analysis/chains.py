"""Polypeptides of ideal geometry, for measures of proteins whose answers are known."""

import mdtraj as md
import numpy as np
from PeptideBuilder import make_structure

HELIX, STRAND = (-57.0, -47.0), (-140.0, 135.0)
"""phi and psi, degrees."""


def build_chain(n_residues: int, angles: tuple[float, float] = HELIX, letter: str = "A") -> md.Trajectory:
    """One frame of a chain without hydrogens, nm."""
    phi, psi = angles
    structure = make_structure(letter * n_residues, [phi] * (n_residues - 1), [psi] * (n_residues - 1))
    topology = md.Topology()
    chain = topology.add_chain()
    positions = []
    for number, residue in enumerate(structure.get_residues(), start=1):
        added = topology.add_residue(residue.get_resname(), chain, resSeq=number)
        for atom in residue:
            topology.add_atom(atom.get_name(), md.element.get_by_symbol(atom.element), added)
            positions.append(atom.coord / 10.0)
    topology.create_standard_bonds()
    return md.Trajectory(np.array([positions], dtype=np.float32), topology)


def shaken(chain: md.Trajectory, n_frames: int, seed: int, amplitude_nm: float = 0.006) -> md.Trajectory:
    """Frames in which every atom trembles about its place with a memory of some ten frames."""
    rng = np.random.default_rng(seed)
    memory, steps = 0.9, rng.normal(size=(n_frames, chain.n_atoms, 3)) * amplitude_nm
    moved = np.empty_like(steps)
    moved[0] = steps[0]
    for frame in range(1, n_frames):
        moved[frame] = memory * moved[frame - 1] + np.sqrt(1 - memory**2) * steps[frame]
    return md.Trajectory((chain.xyz + moved).astype(np.float32), chain.topology, time=np.arange(n_frames, dtype=float))
