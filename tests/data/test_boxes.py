"""Boxes that only some frames have, and sites that are nearer to their atoms than atoms may be."""

import warnings

import ase.io
import mdtraj as md
import numpy as np
import pytest
from ase import Atoms

from lamslide_md.errors import InputError, InputNote
from lamslide_md.io.readers import iterate, read
from lamslide_md.systems.topologies import rebuilt
from tests.data.molecules import heavy_peptide, in_box, moving, one_frame, same_shape, side_by_side, zigzag

EDGE_NM = 4.0
CUBE = EDGE_NM * np.eye(3)


@pytest.fixture
def dimer():
    return moving(side_by_side(heavy_peptide("AIHK"), heavy_peptide("AIHK")), n_frames=40)


def saved(wrapped, boxed, path):
    boxes = np.where(boxed[:, None, None], CUBE, 0.0).astype(np.float32)
    with md.formats.XTCTrajectoryFile(str(path), "w") as file:
        file.write(wrapped.xyz, time=wrapped.time, step=np.arange(len(boxed)), box=boxes)


@pytest.mark.parametrize("chunk", [1000, 20])
@pytest.mark.parametrize(("bare", "told"), [(slice(20, None), (0, 20)), (slice(0, 1), (1, 0)), (slice(0, 20), (20, 0))])
def test_molecules_in_contact_are_refused_where_only_some_frames_have_a_box(dimer, tmp_path, bare, told, chunk):
    boxed = np.ones(40, dtype=bool)
    boxed[bare] = False
    saved(in_box(dimer, CUBE, "molecules", drift_nm=0.1), boxed, tmp_path / "a.xtc")
    with pytest.raises(InputError, match="frame {} has a periodic box, frame {} has none: where its 2".format(*told)):
        list(iterate(tmp_path / "a.xtc", dimer.topology, chunk=chunk))


@pytest.mark.parametrize("chunk", [1000, 20])
def test_one_molecule_is_whole_where_only_some_frames_need_and_have_a_box(tmp_path, chunk):
    frames = moving(heavy_peptide("AIHK"), n_frames=40)
    boxed = np.arange(40) >= 20
    wrapped = in_box(frames, CUBE, drift_nm=0.1)
    wrapped.xyz[~boxed] = frames.xyz[~boxed]
    saved(wrapped, boxed, tmp_path / "a.xtc")
    same_shape(read(tmp_path / "a.xtc", frames.topology, chunk=chunk), frames.xyz)


def test_atoms_of_ase_of_which_some_are_periodic_are_refused(dimer, tmp_path):
    wrapped = in_box(dimer, CUBE, "molecules", drift_nm=0.1)
    symbols = [atom.element.symbol for atom in dimer.topology.atoms]
    frames = [Atoms(symbols, positions=10 * xyz, cell=10 * CUBE, pbc=f % 2 == 0) for f, xyz in enumerate(wrapped.xyz)]
    ase.io.write(tmp_path / "a.extxyz", frames)
    with pytest.raises(InputError, match="frame 0 has a periodic box, frame 1 has none: where its 2 molecules"):
        read(tmp_path / "a.extxyz", frame_interval_ps=1.0)


def with_sites(frame, near_nm, name):
    """Give every heavy atom a site beside it."""
    topology, positions, members = md.Topology(), [], {}
    chain, generator = topology.add_chain(), np.random.default_rng(0)
    for residue in frame.topology.residues:
        own = topology.add_residue(residue.name, chain, residue.resSeq)
        for atom in residue.atoms:
            members[atom.index] = topology.add_atom(atom.name, atom.element, own)
            topology.add_atom(name.format(atom.name), md.element.virtual, own)
            beside = generator.normal(size=3)
            positions += [
                frame.xyz[0, atom.index],
                frame.xyz[0, atom.index] + near_nm * beside / np.linalg.norm(beside),
            ]
    for one, other in frame.topology.bonds:
        topology.add_bond(members[one.index], members[other.index])
    return one_frame(topology, positions)


@pytest.mark.parametrize(("near_nm", "name"), [(0.002, "D{}"), (0.03, "LP{}"), (0.015, "M{}")])
def test_drude_particles_and_lone_pairs_are_no_hydrogens_and_show_nothing_of_a_box(near_nm, name):
    frame = heavy_peptide("AIHK")
    frames = moving(with_sites(frame, near_nm, name), spread_nm=0.001)
    # Of every site that a face cuts off, the image is as near to its atom as no two atoms are.
    wrapped = in_box(frames, 1.5 * np.eye(3), drift_nm=0.2)
    wrapped.xyz[0] = (wrapped.xyz[0] - wrapped.xyz[0, 0] + [0.0005, 0.7, 0.7]) % 1.5
    wrapped.topology = rebuilt(frames.topology)
    trajectory = read(wrapped)
    heavy = read(wrapped, atoms="heavy")
    assert trajectory.n_atoms == 2 * frame.n_atoms
    assert heavy.n_atoms == frame.n_atoms
    assert trajectory.topology.n_bonds == frame.topology.n_bonds
    same_shape(heavy, frames.xyz[:, ::2])


def test_molecules_wrapped_into_a_box_that_the_file_does_not_hold_are_told(dimer):
    wrapped = in_box(dimer, CUBE, "molecules", drift_nm=0.2)
    wrapped.unitcell_vectors = None
    told = r"ALA1-...-LYS4 moves by [34](\.\d+)? nm against ALA1-...-LYS4 from frame \d+ to \d+, by 0\.\d+ nm in most"
    with pytest.warns(InputNote, match=told):
        read(wrapped)
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputNote)
        read(dimer)


def passing(distances_nm):
    """A ligand at distances from a peptide along z, in a box, wrapped by molecules."""
    peptide, ligand = heavy_peptide("AGV"), zigzag(5)
    n_frames = len(distances_nm)
    along = np.stack([0 * distances_nm, 0 * distances_nm, distances_nm], axis=1)[:, None]
    parts = moving(peptide, n_frames), moving(ligand, n_frames, seed=3)
    xyz = np.concatenate([parts[0].xyz, parts[1].xyz + along], axis=1).astype(np.float32)
    frames = md.Trajectory(xyz, rebuilt(peptide.topology.join(ligand.topology)), time=parts[0].time)
    return in_box(frames, CUBE, "molecules")


def test_a_ligand_that_leaves_and_meets_the_image_is_told():
    with pytest.warns(InputNote, match="LIG0 touches ALA1-...-VAL3 through the box, and stands elsewhere, in"):
        read(passing(np.linspace(0.45, 3.55, 80)))


def test_a_ligand_that_leaves_and_comes_back_needs_no_note():
    there_and_back = np.r_[np.linspace(0.45, 1.8, 40), np.linspace(1.8, 0.45, 40)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", InputNote)
        read(passing(there_and_back))
