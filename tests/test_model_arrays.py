"""Arrays of a model file: bit for bit what was saved, and little JSON whatever the system."""

import dataclasses
import struct

import mdtraj as md
import numpy as np
import pytest
import torch

import lamslide_md as lam
from lamslide_md.config import AutoencoderSettings, FlowSettings, Optimisation, Settings
from lamslide_md.errors import InputError
from lamslide_md.io.header_file import read_content
from lamslide_md.io.model_arrays import pack, unpack
from lamslide_md.io.system_arrays import arrays_of, system_of
from lamslide_md.io.texts import Texts
from lamslide_md.systems.constraints import Constraints
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.symmetry import Exchange, Group
from lamslide_md.systems.system import System
from lamslide_md.training.building import build_autoencoder, build_flow
from tests.small import shivering_peptide, tiny_settings

MOST_JSON = 50_000
"""Bytes of a model file's JSON: that of safetensors, in which ours is."""


def n_json(path):
    with path.open("rb") as file:
        return struct.unpack("<Q", file.read(8))[0]


def peptide_system():
    """A system that fills every array, with numbers that no format of few digits holds."""
    frame = shivering_peptide("ASF", 1, seed=1)
    topology, rng = frame.topology, np.random.default_rng(0)
    held = Constraints(
        np.array([[0, 1], [0, 2]]),
        rng.random(2),
        np.array([rng.random(), np.inf]),
        np.array([[1, 0, 2, 3]]),
        np.array([-1]),
        contact_nm=rng.random(),
    )
    exchanges = (
        Exchange(Group((0, 1, 2, 3), ((3, 4), (5, 6))), rng.random(), rng.random((6, 6))),
        Exchange(Group((1, 2, 3, 4), ((7, 8),)), -rng.random(), rng.random((6, 6))),
    )
    system = System.molecule(frame, "residues")
    return dataclasses.replace(
        system, topology=topology, constraints=held, fit=np.array([0, 2, 4]), exchanges=exchanges
    )


def through_arrays(*systems, starts_nm=None):
    texts, vocabularies = Texts(), systems[0].entities.vocabularies
    packed = pack([arrays_of(system, starts_nm) for system in systems], vocabularies, texts)
    parts, words = unpack({**packed, **texts.arrays()})
    return [system_of(part, words, systems[0].entities.n_slots) for part in parts]


def assert_alike(one, other):
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert one.tobytes() == other.tobytes()
    elif dataclasses.is_dataclass(one):
        for field in dataclasses.fields(one):
            assert_alike(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, tuple):
        for own, others in zip(one, other, strict=True):
            assert_alike(own, others)
    else:
        assert one == other


def test_systems_come_back_to_the_bit():
    system = peptide_system()
    bare = dataclasses.replace(system, constraints=Constraints.none(), fit=None, exchanges=())
    for one, other in zip(through_arrays(system, bare, system), (system, bare, system), strict=True):
        assert_alike(one, other)


def test_points_without_a_topology_come_back_to_the_bit():
    entities = Entities.points(["b", "a", "ä\x00"], dim=2)
    system = System(entities, np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32))
    assert_alike(through_arrays(system)[0], system)


def test_chains_residue_numbers_segments_and_mixed_atoms_come_back():
    topology = md.Topology()
    for segment, numbers in (("A", (-3, 5)), ("B", (5,))):
        chain = topology.add_chain()
        for number in numbers:
            topology.add_residue("LIG", chain, number, segment)
    residues = list(topology.residues)
    for i in (0, 2, 1, 0):
        topology.add_atom(f"C{topology.n_atoms}", md.element.carbon, residues[i])
    topology.add_bond(topology.atom(0), topology.atom(3))
    frame = md.Trajectory(np.random.default_rng(0).normal(size=(1, 4, 3)), topology)
    again = through_arrays(System.molecule(frame, "atoms"))[0].topology
    assert [(r.resSeq, r.segment_id, r.chain.index) for r in again.residues] == [(-3, "A", 0), (5, "A", 0), (5, "B", 1)]
    assert [again.atom(i).residue.index for i in range(4)] == [0, 2, 1, 0]
    assert [again.atom(i).name for i in range(4)] == ["C0", "C1", "C2", "C3"]
    assert [(one.index, other.index) for one, other in again.bonds] == [(0, 3)]


def untrained(systems, provenance, starts_nm=()):
    """A model of systems that would take long to train."""
    optimisation = Optimisation(n_steps=1)
    settings = Settings(
        frame_interval_ps=1.0,
        autoencoder=AutoencoderSettings(optimisation=optimisation, entities="residues", n_channels=16, width=16),
        flow=FlowSettings(optimisation=optimisation, n_frames=4, width=16, depth=1, prior="white"),
    )
    torch.manual_seed(0)
    autoencoder = build_autoencoder([s.entities for s in systems], settings.autoencoder, settings.placement)
    flow = build_flow(autoencoder, settings)
    return lam.Surrogate(autoencoder, flow, systems, starts_nm, settings, 0.3, 1.0, 300.0, provenance)


def protein(n_residues):
    """Backbone and side chains of many residues on a line, every pair within 1 nm held."""
    topology = md.Topology()
    chain = topology.add_chain()
    for number in range(n_residues):
        residue = topology.add_residue(("PHE", "LYS", "ALA")[number % 3], chain, number + 1, "PROA")
        for name in ("N", "CA", "C", "O", "CB"):
            topology.add_atom(name, md.element.get_by_symbol(name[0]), residue)
    topology.create_standard_bonds()
    n_atoms = topology.n_atoms
    xyz = np.cumsum(np.random.default_rng(0).normal(size=(1, n_atoms, 3)), axis=1)
    pairs = np.array([(i, j) for i in range(n_atoms) for j in range(i + 1, min(i + 40, n_atoms))])
    lower_nm = np.random.default_rng(1).random(len(pairs))
    none = Constraints.none()
    held = Constraints(pairs, lower_nm, lower_nm + 0.1, none.centres, none.signs)
    return dataclasses.replace(System.molecule(md.Trajectory(xyz, topology), "residues"), constraints=held)


def test_the_json_of_448_residues_is_small(tmp_path):
    system = protein(448)
    starts_nm = np.random.default_rng(0).normal(size=(32, 1, system.entities.n_points, 3)).astype(np.float32)
    path = untrained((system,), {}, (starts_nm,)).save(tmp_path / "protein.lamslide")
    assert n_json(path) < MOST_JSON
    again = lam.Surrogate.load(path)
    assert len(again.systems[0].constraints.pairs) > 80_000
    assert_alike(again.systems[0], dataclasses.replace(system, reference_nm=system.reference_nm.astype(np.float32)))
    assert_alike(again.starts_nm[0], starts_nm)


def test_the_json_of_84_peptides_with_many_trajectories_and_notes_is_small(tmp_path):
    model = lam.load_pretrained("peptides")
    assert len(model.systems) == 84
    told = {
        "radius_of_gyration_nm": [[0.1 + i / 7, 0.2 + i / 7] for i in range(84)],
        "trajectory_hashes": [f"{i:064x}" for i in range(1000)],
        "notes": [f"trajectory {i}: 3 atoms of it were left out" for i in range(1000)],
    }
    model.provenance.update(told)
    path = model.save(tmp_path / "peptides.lamslide")
    assert n_json(path) < MOST_JSON
    assert {name: read_content(path).header.provenance[name] for name in told} == told


@pytest.mark.parametrize("name", ["AGVD", "SVFA", "ala2", "peptides"])
def test_the_json_of_the_models_that_ship_is_small(name):
    assert n_json(lam.pretrained.pretrained_path(name)) < MOST_JSON


@pytest.mark.parametrize("garbled", [None, 3, [], [[1]], [[1, "a"]], ["ab"], [float(1)]])
def test_a_provenance_of_another_kind_is_kept_as_it_is(butane, tmp_path, garbled):
    model = lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=1))
    for name in ("radius_of_gyration_nm", "trajectory_hashes", "notes"):
        model.provenance[name] = garbled
    again = lam.Surrogate.load(model.save(tmp_path / "m.lamslide")).provenance
    assert again == model.provenance


def test_a_model_that_could_not_be_read_again_is_not_written(butane, tmp_path):
    model = lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=1))
    nowhere = np.full((4, 3), np.nan, dtype=np.float32)
    model = dataclasses.replace(model, systems=(dataclasses.replace(model.systems[0], reference_nm=nowhere),))
    with pytest.raises(InputError, match=r"cannot write .*m\.lamslide: points/reference_nm holds numbers outside of"):
        model.save(tmp_path / "m.lamslide")
    assert not (tmp_path / "m.lamslide").exists()
