"""What unit tests share: a toy molecule with two wells, and settings of a training of seconds."""

import itertools

import mdtraj as md
import numpy as np
import pytest
from networkx import node_connected_component
from scipy.spatial.transform import Rotation

from lamslide_md.config import AutoencoderSettings, FlowSettings, Optimisation, Settings
from lamslide_md.simulate.peptides import peptide
from lamslide_md.systems.entities import Entities

N_FRAMES = 600
BOND_NM, ANGLE = 0.153, np.deg2rad(112)


def tiny_settings(n_steps=60, frame_interval_ps=1.0, placement="superposed", **autoencoder):
    """Everything real, only small."""
    optimisation = Optimisation(n_steps=n_steps, batch_size=32, learning_rate=2e-3, warmup_steps=10)
    return Settings(
        frame_interval_ps=frame_interval_ps,
        placement=placement,
        autoencoder=AutoencoderSettings(optimisation=optimisation, width=32, n_channels=16, **autoencoder),
        flow=FlowSettings(optimisation=optimisation, n_frames=6, width=32, depth=1),
    )


@pytest.fixture(scope="session")
def butane():
    """Heavy atoms of butane whose torsion hops between two wells, 1 ps apart."""
    generator = np.random.default_rng(0)
    topology = md.Topology()
    residue = topology.add_residue("BUT", topology.add_chain())
    atoms = [topology.add_atom(f"C{i + 1}", md.element.carbon, residue) for i in range(4)]
    for one, two in itertools.pairwise(atoms):
        topology.add_bond(one, two)
    hops = np.cumprod(np.where(generator.random(N_FRAMES) < 0.1, -1, 1))
    torsion = 1.1 * hops + 0.2 * generator.normal(size=N_FRAMES)
    height = BOND_NM * np.sin(ANGLE)
    xyz = np.zeros((N_FRAMES, 4, 3))
    xyz[:, 0] = [BOND_NM * np.cos(ANGLE), height, 0]
    xyz[:, 2, 0] = BOND_NM
    xyz[:, 3, 0] = BOND_NM - BOND_NM * np.cos(ANGLE)
    xyz[:, 3, 1:] = height * np.stack([np.cos(torsion), np.sin(torsion)], axis=1)
    xyz += 0.002 * generator.normal(size=xyz.shape)
    return md.Trajectory(xyz.astype(np.float32), topology, time=np.arange(float(N_FRAMES)))


def chain_of(n_entities, n_slots):
    """Entities with all slots filled; the last slot of each is bonded to the first one of the next."""
    ends = n_slots * np.arange(1, n_entities)
    bonds = np.stack([ends - 1, ends], axis=1)
    entity, slot = np.divmod(np.arange(n_entities * n_slots), n_slots)
    return Entities(entity, slot, np.zeros((n_entities, 0), int), (), bonds, n_slots, dim=3)


def shivering_peptide(sequence, n_frames=60, seed=0, spread=0.7, *, capped=False):
    """Heavy atoms of a built peptide that tumbles and shivers, every bond that can turn at a random angle."""
    built = peptide(sequence, capped=capped)
    whole = md.Trajectory(np.asarray(built.positions_nm), md.Topology.from_openmm(built.topology))
    heavy = whole.atom_slice(whole.topology.select("not element H"))
    generator = np.random.default_rng(seed)
    xyz = np.repeat(heavy.xyz.astype(float), n_frames, axis=0)
    bonds = heavy.topology.to_bondgraph()
    for begin, end in list(bonds.edges):
        if {begin.name, end.name} != {"C", "N"} and min(bonds.degree(begin), bonds.degree(end)) > 1:
            bonds.remove_edge(begin, end)
            beyond = [atom.index for atom in node_connected_component(bonds, end)]
            bonds.add_edge(begin, end)
            axis = xyz[:, end.index] - xyz[:, begin.index]
            axis *= spread * generator.normal(size=(n_frames, 1)) / np.linalg.norm(axis, axis=-1, keepdims=True)
            turn, about = Rotation.from_rotvec(axis).as_matrix(), xyz[:, [end.index]]
            xyz[:, beyond] = np.einsum("fij,faj->fai", turn, xyz[:, beyond] - about) + about
    xyz += 0.002 * generator.normal(size=xyz.shape)
    tumbled = np.einsum("fij,faj->fai", Rotation.random(n_frames, rng=generator).as_matrix(), xyz)
    return md.Trajectory(tumbled.astype(np.float32), heavy.topology, time=np.arange(float(n_frames)))
