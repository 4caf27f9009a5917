"""Molecules of known bonds, to be spoilt: peptides, nucleotides, a ligand, water; in boxes, without their names."""

import itertools
from pathlib import Path

import mdtraj as md
import numpy as np
import pdbfixer
from openmm import unit
from openmm.app import PDBFile
from scipy.spatial.distance import cdist
from scipy.spatial.transform import Rotation

from lamslide_md.simulate.peptides import _heavy_chain
from lamslide_md.systems.topologies import rebuilt

TEMPLATES = Path(pdbfixer.__file__).parent / "templates"


def heavy_peptide(sequence, *, capped=False, mirrored=False):
    """One frame of the heavy atoms of an extended peptide, with all bonds."""
    topology, positions_nm = _heavy_chain(sequence, capped)
    positions_nm = positions_nm * ([1, 1, -1] if mirrored else 1)
    return one_frame(md.Topology.from_openmm(topology), positions_nm)


def zigzag(n_carbons, name="LIG"):
    """One frame of a chain of carbons with a methyl on its third: a ligand no program has a template of."""
    topology = md.Topology()
    residue = topology.add_residue(name, topology.add_chain())
    atoms = [topology.add_atom(f"C{i + 1}", md.element.carbon, residue) for i in range(n_carbons)]
    for one, other in itertools.pairwise(atoms):
        topology.add_bond(one, other)
    steps = np.arange(n_carbons)
    return one_frame(topology, np.stack([0.127 * steps, 0.044 * (-1.0) ** steps, 0 * steps], axis=1))


def water(n_molecules, edge_nm, seed=0):
    """One frame of waters at random places of a box."""
    topology = md.Topology()
    chain, generator, positions = topology.add_chain(), np.random.default_rng(seed), []
    shape = np.array([[0, 0, 0], [0.0957, 0, 0], [-0.024, 0.0927, 0]])
    for _ in range(n_molecules):
        residue = topology.add_residue("HOH", chain)
        oxygen, *hydrogens = (
            topology.add_atom(name, md.element.get_by_symbol(name[0]), residue) for name in ("O", "H1", "H2")
        )
        for hydrogen in hydrogens:
            topology.add_bond(oxygen, hydrogen)
        turned = Rotation.random(random_state=generator).apply(shape)
        positions.append(turned + generator.random(3) * edge_nm)
    return one_frame(topology, np.concatenate(positions))


def ion(name):
    """One frame of one ion at the origin."""
    topology = md.Topology()
    element = md.element.get_by_symbol(name.capitalize())
    topology.add_atom(name, element, topology.add_residue(name, topology.add_chain()))
    return one_frame(topology, np.zeros((1, 3)))


def nucleotides(names=("G", "A")):
    """One frame of the heavy atoms of nucleotides, the phosphorus of each 0.16 nm from the oxygen before."""
    strand, generator = None, np.random.default_rng(0)
    for name in names:
        file = PDBFile(str(TEMPLATES / f"{name}.pdb"))
        own = one_frame(md.Topology.from_openmm(file.topology), np.array(file.positions.value_in_unit(unit.nanometer)))
        own = own.atom_slice(own.topology.select("not element H"))
        if strand is None:
            strand, joints = own, []
            continue
        end, begin = _named(strand, "O3'")[-1], _named(own, "P")[0]
        best, apart = None, 0.0
        for _ in range(200):
            turned = Rotation.random(random_state=generator).apply(own.xyz[0] - own.xyz[0, begin])
            direction = generator.normal(size=3)
            placed = turned + strand.xyz[0, end] + 0.16 * direction / np.linalg.norm(direction)
            distances = cdist(placed, strand.xyz[0])
            distances[begin, end] = np.inf
            if distances.min() > apart:
                best, apart = placed, distances.min()
        assert apart > 0.2
        joints.append((int(end), int(begin) + strand.n_atoms))
        strand = one_frame(
            rebuilt(strand.topology.join(own.topology), added=joints[-1:]), np.concatenate([strand.xyz[0], best])
        )
    return one_frame(in_one_chain(strand.topology), strand.xyz[0])


def _named(frame, name):
    return [atom.index for atom in frame.topology.atoms if atom.name == name]


def one_frame(topology, positions_nm):
    return md.Trajectory(np.asarray(positions_nm, dtype=np.float32)[None], topology)


def side_by_side(*molecules, gap_nm=0.35):
    """Put molecules along x, the nearest atoms of neighbours about so far apart."""
    topology, positions = None, []
    for molecule in molecules:
        own = molecule.xyz[0] - molecule.xyz[0].mean(axis=0)
        if topology is None:
            topology = molecule.topology
        else:
            step = np.array([0.02, 0, 0])
            while cdist(own, np.concatenate(positions)).min() < gap_nm:
                own = own + step
            topology = topology.join(molecule.topology)
        positions.append(own)
    return one_frame(rebuilt(topology), np.concatenate(positions))


def moving(frame, n_frames=30, interval_ps=1.0, spread_nm=0.003, seed=0):
    """Frames that shiver and tumble slowly as one."""
    generator = np.random.default_rng(seed)
    turns = Rotation.from_rotvec(np.cumsum(generator.normal(scale=0.05, size=(n_frames, 3)), axis=0))
    centred = frame.xyz[0] - frame.xyz[0].mean(axis=0)
    xyz = np.stack([turn.apply(centred) for turn in turns]) + generator.normal(scale=spread_nm, size=(n_frames, 1, 3))
    xyz = xyz + generator.normal(scale=spread_nm, size=xyz.shape)
    return md.Trajectory(xyz.astype(np.float32), frame.topology, time=interval_ps * np.arange(1.0, n_frames + 1))


def in_box(frames, cell, how="atoms", drift_nm=0.05, seed=0):
    """Let frames wander through a box and wrap them, atom by atom or molecule by molecule."""
    generator = np.random.default_rng(seed)
    cell = np.asarray(cell, dtype=np.float64)
    wander = np.cumsum(generator.normal(scale=drift_nm, size=(frames.n_frames, 1, 3)), axis=0)
    wandered = frames.xyz + wander
    groups = [[i] for i in range(frames.n_atoms)]
    if how == "molecules":
        groups = [sorted(atom.index for atom in molecule) for molecule in frames.topology.find_molecules()]
    wrapped = np.empty_like(wandered)
    for group in groups:
        centre = wandered[:, group].mean(axis=1, keepdims=True)
        inside = (centre @ np.linalg.inv(cell)) % 1.0 @ cell
        wrapped[:, group] = wandered[:, group] + inside - centre
    out = md.Trajectory(wrapped.astype(np.float32), frames.topology, time=frames.time)
    out.unitcell_vectors = np.repeat(cell[None], frames.n_frames, axis=0).astype(np.float32)
    return out


def in_one_chain(topology, names=None):
    """Copy a topology with all residues in one chain, and other names for residues."""
    copy, members = md.Topology(), []
    chain = copy.add_chain()
    for residue in topology.residues:
        # Of two residues in a row with one number, as in two nucleotides, mdtraj warns.
        follows = residue.index and residue.resSeq == topology.residue(residue.index - 1).resSeq
        number = residue.index + 1 if follows else residue.resSeq
        own = copy.add_residue((names or {}).get(residue.name, residue.name), chain, number)
        members += [copy.add_atom(atom.name, atom.element, own) for atom in residue.atoms]
    for one, other in topology.bonds:
        copy.add_bond(members[one.index], members[other.index])
    return copy


def without_bonds(topology, chosen=None):
    """Copy a topology without some bonds, or without all."""
    numbers = range(topology.n_bonds) if chosen is None else chosen
    return rebuilt(topology, without=set(numbers))


def graph(topology):
    """The bonds as a set."""
    return {tuple(sorted((one.index, other.index))) for one, other in topology.bonds}


def same_shape(trajectory, expected, atol=2e-3):
    """Assert that every distance between atoms is as expected, nm."""
    for got, wanted in zip(trajectory.xyz, expected, strict=True):
        np.testing.assert_allclose(cdist(got, got), cdist(wanted, wanted), atol=atol)


def permuted(traj, order):
    """The same atoms in another order."""
    topology = md.Topology()
    chain = topology.add_chain()
    residues = [topology.add_residue(residue.name, chain) for residue in traj.topology.residues]
    added = {}
    for i in order:
        atom = traj.topology.atom(int(i))
        added[atom] = topology.add_atom(atom.name, atom.element, residues[atom.residue.index])
    for one, other in traj.topology.bonds:
        topology.add_bond(added[one], added[other])
    return md.Trajectory(traj.xyz[:, order], topology)
