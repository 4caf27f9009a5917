"""Slots of what is no standard amino acid: ligands, ions, modified residues, hydrogens."""

import itertools

import mdtraj as md
import networkx as nx
import numpy as np
import pytest

from lamslide_md.data.slots import MOST_SLOTS, N_SLOTS
from lamslide_md.errors import InputError, options_called
from lamslide_md.simulate.peptides import peptide
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.residues import check_chain, part_of
from lamslide_md.systems.topologies import rebuilt
from tests.data.molecules import heavy_peptide, ion, nucleotides, side_by_side, water, zigzag

SEQUENCES = ["ACDEFGHIKL", "MNPQRSTVWY"]


def with_hydrogens(sequence, *, capped=False):
    """A peptide with all its hydrogens."""
    built = peptide(sequence, capped=capped)
    return md.Trajectory(np.asarray(built.positions_nm)[None], md.Topology.from_openmm(built.topology))


def molecule(bonds, name="LIG", symbol="C"):
    """Topology of one residue whose atoms are numbered, in the order of its numbers."""
    topology = md.Topology()
    residue = topology.add_residue(name, topology.add_chain())
    n_atoms = max(itertools.chain(*bonds)) + 1
    atoms = [topology.add_atom(f"{symbol}{i:03d}", md.element.get_by_symbol(symbol), residue) for i in range(n_atoms)]
    for one, other in bonds:
        topology.add_bond(atoms[one], atoms[other])
    return topology


def members(entities):
    """Atoms of each entity, in the order of their slots."""
    order = np.argsort(entities.places)
    return [order[entities.entity_of_point[order] == i].tolist() for i in range(entities.n_entities)]


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("capped", [False, True])
def test_hydrogens_leave_heavy_atoms_in_their_slots(sequence, capped):
    whole = with_hydrogens(sequence, capped=capped).topology
    heavy = whole.select("not element H")
    own, alone = Entities.per_residue(whole), Entities.per_residue(whole.subset(heavy))
    assert own.n_entities == alone.n_entities == whole.n_residues
    assert (alone.n_slots, own.n_slots > N_SLOTS, own.n_slots <= MOST_SLOTS) == (N_SLOTS, True, True)
    np.testing.assert_array_equal(own.entity_of_point[heavy], alone.entity_of_point)
    np.testing.assert_array_equal(own.slot_of_point[heavy], alone.slot_of_point)
    assert len(np.unique(own.places)) == whole.n_atoms


def test_a_residue_has_the_same_slots_in_the_middle_of_a_chain_and_at_its_ends():
    slots = []
    for number, sequence in enumerate(("KAA", "AKA", "AAK")):
        topology = with_hydrogens(sequence).topology
        entities = Entities.per_residue(topology)
        slots.append({a.name: int(entities.slot_of_point[a.index]) for a in topology.residue(number).atoms})
    for one, other in itertools.combinations(slots, 2):
        shared = set(one) & set(other)
        assert len(shared) > 18
        assert {name: one[name] for name in shared} == {name: other[name] for name in shared}


def test_a_ligand_of_one_fragment_has_the_same_slots_whatever_the_order_of_its_atoms():
    ring = [(i, (i + 1) % 6) for i in range(6)]
    topology, other = molecule([*ring, (0, 6), (6, 7), (6, 8)]), md.Topology()
    residue = other.add_residue("LIG", other.add_chain())
    atoms = {i: other.add_atom(f"C{i:03d}", md.element.carbon, residue) for i in (4, 8, 1, 0, 6, 3, 7, 5, 2)}
    for one, two in topology.bonds:
        other.add_bond(atoms[one.index], atoms[two.index])
    named = [
        {t.atom(i).name: int(slot) for i, slot in enumerate(Entities.per_residue(t).slot_of_point)}
        for t in (topology, other)
    ]
    assert named[0] == named[1]


def test_the_frame_of_a_ligand_is_a_ring_near_its_middle_and_never_on_a_line():
    # A nitrile beside a ring: on a line are the nitrogen, its carbon and the ring's.
    ring = [(i, (i + 1) % 6) for i in range(6)]
    frame = members(Entities.per_residue(molecule([*ring, (0, 6), (6, 7)])))[0][:3]
    assert frame == [1, 0, 5]
    straight = np.array([[0.0, 0, 0], [0.12, 0, 0], [0.26, 0, 0], [0.32, 0.14, 0]])
    chain = molecule([(0, 1), (1, 2), (2, 3)])
    assert members(Entities.per_residue(chain, straight.astype(np.float32)))[0][:3] == [1, 2, 3]
    assert members(Entities.per_residue(chain))[0][:3] == [0, 1, 2]


@pytest.mark.parametrize(
    "bonds",
    [
        [(i, i + 1) for i in range(119)],
        [*((i, i + 1) for i in range(99)), *((4 * i, 4 * i + 3) for i in range(24))],
        [*((i, (i + 1) % 24) for i in range(24)), *((i, 24 + i) for i in range(24))],
    ],
    ids=["lipid", "fused rings", "ring with branches"],
)
def test_a_large_ligand_becomes_connected_fragments_as_large_as_amino_acids(bonds):
    topology = molecule(bonds)
    entities = Entities.per_residue(topology)
    assert entities.n_slots == N_SLOTS
    assert sorted(itertools.chain(*members(entities))) == list(range(topology.n_atoms))
    graph = nx.Graph(bonds)
    sizes = [len(own) for own in members(entities)]
    assert all(nx.is_connected(graph.subgraph(own)) for own in members(entities))
    assert min(sizes) >= 3
    assert np.mean(sizes) > 5
    assert len(entities.vocabularies[0]) == entities.n_entities
    for own in members(entities):
        assert graph.has_edge(*own[:2])
        assert graph.has_edge(*own[1:3])


def test_a_modified_residue_has_its_backbone_where_all_have_it():
    topology = heavy_peptide("ASA").topology
    phosphate = rebuilt(topology)
    serine = phosphate.residue(1)
    serine.name = "SEP"
    added = [phosphate.add_atom(name, md.element.get_by_symbol(name[0]), serine) for name in ("P", "O1P", "O2P")]
    for one, other in itertools.pairwise((next(serine.atoms_by_name("OG")), *added)):
        phosphate.add_bond(one, other)
    entities = Entities.per_residue(phosphate)
    slots = {a.name: int(entities.slot_of_point[a.index]) for a in serine.atoms}
    assert (slots["N"], slots["CA"], slots["C"]) == (0, 1, 2)
    assert entities.vocabularies == (("ALA", "SEP"),)


def test_ions_and_waters_are_entities_of_their_own():
    system = side_by_side(heavy_peptide("AG"), ion("CA"), water(1, 1.0))
    entities = Entities.per_residue(system.topology, system.xyz[0])
    assert entities.n_entities == 4
    assert entities.slot_mask.sum(axis=1).tolist() == [5, 5, 1, 3]


def test_nucleotides_are_cut_between_sugar_and_base():
    system = nucleotides(("G",))
    entities = Entities.per_residue(system.topology, system.xyz[0])
    names = [{system.topology.atom(i).name for i in own} for own in members(entities)]
    assert len(names) == 2
    assert {"N9", "C4", "C8", "N7"} <= min(names, key=lambda own: "P" in own)


def test_atoms_of_ligands_are_not_taken_for_those_of_the_backbone():
    topology = side_by_side(heavy_peptide("AG"), zigzag(5)).topology
    topology.residue(2).atom(0).name = "O"
    parts = [part_of(a) for a in topology.atoms if a.name == "O"]
    assert parts == [("", "O"), ("", "O"), ("LIG", "O")]


def test_local_frames_refuse_ligands_and_hydrogens_and_name_the_preset_that_takes_them():
    ligand = side_by_side(heavy_peptide("AG"), zigzag(5)).topology
    with pytest.raises(InputError, match=r"C1 of residue LIG0 is none of these.*preset='protein'"):
        check_chain(ligand)
    with (
        options_called({"preset='protein'": "--preset protein"}),
        pytest.raises(InputError, match=r"atom H1? of residue ALA1 .* use --preset protein \(placement 'poses'\)"),
    ):
        check_chain(with_hydrogens("AG").topology)


def test_a_model_refuses_residues_of_more_slots_than_it_has():
    entities = Entities.per_residue(with_hydrogens("AW").topology)
    assert entities.with_vocabularies(entities.vocabularies, MOST_SLOTS).slot_mask.shape == (2, MOST_SLOTS)
    with pytest.raises(InputError, match=r"takes 2\d slots; those that the model was trained on take 15"):
        entities.with_vocabularies(entities.vocabularies, N_SLOTS)
