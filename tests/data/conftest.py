"""A small molecule that is real enough for files: ethanol, shaken."""

import mdtraj as md
import numpy as np
import pytest
from ase.build import molecule

from lamslide_md.io.ase_atoms import topology_from_ase
from lamslide_md.systems.bond_finding import with_complete_bonds

N_FRAMES = 25
INTERVAL_PS = 2.0


@pytest.fixture
def ethanol():
    """25 frames of ethanol, 2 ps apart from 2 ps on, coordinates rounded to what an xtc stores."""
    atoms = molecule("CH3CH2OH")
    shakes = np.random.default_rng(0).normal(scale=0.002, size=(N_FRAMES, len(atoms), 3))
    xyz = np.round(atoms.positions * 0.1 + shakes, 3)
    time = np.float32(INTERVAL_PS) * np.arange(1, N_FRAMES + 1, dtype=np.float32)
    frames = md.Trajectory(xyz.astype(np.float32), topology_from_ase(atoms), time=time)
    frames.topology = with_complete_bonds(frames, "ethanol")
    return frames


@pytest.fixture
def top_path(ethanol, tmp_path):
    """The topology of ethanol as a PDB file."""
    path = tmp_path / "ethanol.pdb"
    ethanol[0].save_pdb(str(path))
    return path
