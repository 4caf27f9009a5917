"""Files of other projects' tests: each is read right or refused for a true cause; skipped where they are not installed.

pip install -e ".[public-files]"
"""

import importlib.util
from pathlib import Path

import mdtraj as md
import numpy as np
import pytest

from lamslide_md.errors import InputError, collected_notes
from lamslide_md.io.readers import read, read_structures

spec = importlib.util.find_spec("MDAnalysisTests")
pytestmark = [
    pytest.mark.skipif(spec is None, reason="MDAnalysisTests is not installed"),
    # mdtraj warns of much in such files, and leaves those open that it cannot read.
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
# Found without importing the package, which would need all that its own tests need.
DATA = Path(spec.submodule_search_locations[0]) / "data" if spec else Path()

TRAJECTORIES = [
    ("adk.psf", "adk_dims.dcd", 98, 3341, 3365, 1656),
    ("adk_closed.pdb", "adk_dims2.dcd", 102, 3341, 3365, 1656),
    ("adk_closed_NAMD.psf", "adk_gbis_tmd-fast1_NAMD.dcd", 100, 3341, 3365, 1656),
    ("Amber/ache.prmtop", "Amber/ache.mdcrd", 11, 252, 259, 133),
    ("Amber/bala.prmtop", "Amber/bala.ncdf", 30, 2661, 2659, 24),
    ("Amber/ace_tip3p.parm7", "Amber/ace_tip3p.nc", 10, 1398, 1397, 3),
    ("Amber/cpptraj_traj.prmtop", "Amber/cpptraj_traj.nc", 3, 84, 85, 47),
    ("2r9r-1b.psf", "2r9r-1b.xyz", 10, 1284, 1308, 1140),
    ("cobrotoxin.pdb", "cobrotoxin.xtc", 3, 19385, 10153, 480),
]
"""Topology, trajectory, frames, atoms, bonds with four of sulfur where they are, heavy atoms of the solute."""


@pytest.mark.parametrize(("top", "trajectory", "n_frames", "n_atoms", "n_bonds", "n_heavy"), TRAJECTORIES)
def test_trajectories_have_their_frames_bonds_and_solute(top, trajectory, n_frames, n_atoms, n_bonds, n_heavy):
    whole = read(DATA / trajectory, DATA / top, frame_interval_ps=1.0)
    assert (whole.n_frames, whole.n_atoms, whole.topology.n_bonds) == (n_frames, n_atoms, n_bonds)
    bonds = np.array([(one.index, other.index) for one, other in whole.topology.bonds])
    lengths = np.linalg.norm(whole.xyz[:, bonds[:, 0]] - whole.xyz[:, bonds[:, 1]], axis=-1)
    assert lengths.max() < 0.23
    solute = read(DATA / trajectory, DATA / top, frame_interval_ps=1.0, atoms="heavy", solvent=False)
    assert (solute.n_frames, solute.n_atoms) == (n_frames, n_heavy)
    # Distances that no box has cut are those that mdtraj reads itself.
    raw = md.load_frame(str(DATA / trajectory), n_frames - 1, top=str(DATA / top)).xyz[0]
    whole_bonds = np.linalg.norm(raw[bonds[:, 0]] - raw[bonds[:, 1]], axis=-1) < 0.25
    assert whole_bonds.mean() > 0.9
    raw_lengths = np.linalg.norm(raw[bonds[:, 0]] - raw[bonds[:, 1]], axis=-1)
    np.testing.assert_allclose(lengths[-1][whole_bonds], raw_lengths[whole_bonds], atol=2e-3)


STRUCTURES = [
    ("1osm.pdb.gz", 1431, 1461, ""),
    ("adk_open.pdb", 3341, 3365, "the elements of 710 atoms were mended from their names: CA was read as Ca (214x)"),
    ("cobrotoxin_dry_neutral_0.pdb", 937, 929, "4 bonds were missing and found by distance (CYS3-SG to CYS24-SG"),
    ("dssp/1dx5I.pdb.gz", 874, 905, "9 bonds were missing and found by distance (CYS351-SG to CYS360-SG"),
    ("dssp/1h4aX.pdb.gz", 1444, 1482, "atoms are left out that are alternate locations of others"),
    ("5a7u.pdb", 455, 459, "2 bond(s) of the topology are left out, which no frame supports or are of ions"),
    ("fullerene.pdb.gz", 60, 90, ""),
    ("molecule.sdf", 49, 49, "49 bonds were found by distance"),
    ("mmcif/1YJP.cif", 66, 59, ""),
    ("namd_cgenff.pdb", 130, 132, "45 bonds were missing and found by distance"),
    ("capping/aaqaa.gro", 162, 161, ""),
    ("merge/2zmm/ligand.pdb", 31, 33, "33 bonds were found by distance"),
    ("gromos11/gromos11_traj_solv.pdb.gz", 2797, 1887, "1816 bonds were missing and found by distance (SOLV1-OW to"),
]


@pytest.mark.parametrize(("file", "n_atoms", "n_bonds", "told"), STRUCTURES)
def test_structures_have_their_bonds_and_what_was_mended_is_told(file, n_atoms, n_bonds, told):
    with collected_notes() as notes:
        structure = read_structures(DATA / file)
    assert (structure.n_atoms, structure.topology.n_bonds) == (n_atoms, n_bonds)
    assert told in " ".join(notes)
    assert bool(notes) == bool(told)


REFUSED = [
    ("adk.psf", "is a topology and holds no frames"),
    ("Amber/ache.prmtop", "is a topology and holds no frames"),
    ("adk_oplsaa.xtc", "holds no atom names; pass top"),
    ("empty.dcd", "is empty (0 bytes)"),
    ("surface.pdb.bz2", "periodic solids"),
    ("dlpoly/CONFIG", "periodic solids"),
    ("conect_parsing.pdb", "are at one place"),
    ("lammps/albite_triclinic.dump", "numbers the types of its atoms"),
    ("lammps/mini.data", "holds no frame that ASE finds"),
    ("coordinates/test.h5md", "can be read neither by mdtraj nor by ASE"),
    ("adk_dims.dcd", "holds no atom names; pass top"),
]


@pytest.mark.parametrize(("file", "cause"), REFUSED)
def test_what_cannot_be_read_is_refused_for_a_true_cause(file, cause):
    with pytest.raises(InputError) as caught:
        read_structures(DATA / file)
    assert cause in str(caught.value)


def small_files():
    readable = (
        ".pdb",
        ".gro",
        ".gz",
        ".bz2",
        ".cif",
        ".xyz",
        ".mol2",
        ".sdf",
        ".arc",
        ".data",
        ".dump",
        ".h5md",
        ".trr",
    )
    found = sorted(path for path in DATA.rglob("*") if path.suffix in readable and path.stat().st_size < 100_000)
    return [str(path.relative_to(DATA)) for path in found]


@pytest.mark.parametrize("file", small_files() if spec else [])
def test_every_small_file_is_read_or_refused_in_one_line(file):
    complaint = None
    try:
        structure = read_structures(DATA / file)
    except InputError as error:
        complaint = str(error)
    if complaint is None:
        assert structure.n_frames > 0
        assert np.isfinite(structure.xyz).all()
    else:
        assert "\n" not in complaint
        assert file in complaint
