import mdtraj as md
import numpy as np
import pytest

from lamslide_md.errors import InputError
from lamslide_md.frames.centred import centred
from lamslide_md.frames.superposed import superposed
from lamslide_md.systems.entities import Entities, joint_vocabularies
from lamslide_md.systems.system import System


def dipeptide() -> md.Topology:
    """Heavy atoms of glycyl-serine."""
    topology = md.Topology()
    chain = topology.add_chain()
    for number, (name, atoms) in enumerate({"GLY": "N CA C O", "SER": "N CA C O CB OG OXT"}.items()):
        residue = topology.add_residue(name, chain, resSeq=number + 5, segment_id="A")
        for atom in atoms.split():
            topology.add_atom(atom, md.element.get_by_symbol(atom[0]), residue)
    topology.create_standard_bonds()
    return topology


@pytest.mark.parametrize("constructor", [Entities.per_atom, Entities.per_residue])
def test_to_points_is_the_inverse_of_to_entities(constructor):
    entities = constructor(dipeptide())
    points = np.random.default_rng(0).normal(size=(4, 11, 3))
    slots = entities.to_entities(points)
    np.testing.assert_array_equal(entities.to_points(slots), points)
    assert slots[:, ~entities.slot_mask].max(initial=0) == 0
    assert entities.slot_mask.sum() == 11


def test_residues_as_entities_put_the_backbone_into_the_first_slots():
    entities = Entities.per_residue(dipeptide())
    assert entities.n_entities == 2
    assert entities.slot_of_point.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5, 6]


def test_two_dimensional_points_have_no_chemistry():
    people = Entities.points(["person", "person", "ball"], dim=2)
    assert (people.n_entities, people.n_slots, len(people.bonds)) == (3, 1, 0)
    assert people.to_entities(np.ones((5, 3, 2))).shape == (5, 3, 1, 2)


def test_coordinates_of_another_size_are_refused_with_both_numbers():
    with pytest.raises(InputError, match=r"4 points in 3.*3 points in 2"):
        Entities.points(["a", "a", "a"], dim=2).to_entities(np.ones((1, 4, 3)))


def test_joint_vocabularies_keep_the_kinds():
    one, two = Entities.points(["b", "a"], dim=2), Entities.points(["c"], dim=2)
    vocabularies = joint_vocabularies([one, two])
    assert vocabularies == (("a", "b", "c"),)
    assert one.with_vocabularies(vocabularies).kinds.tolist() == [[1], [0]]
    with pytest.raises(InputError, match="kinds c are unknown"):
        two.with_vocabularies(one.vocabularies)


def test_a_system_picks_its_atoms_by_name_from_another_order_and_names_the_missing():
    topology = dipeptide()
    xyz = np.random.default_rng(0).normal(size=(2, 11, 3)).astype(np.float32)
    system = System.molecule(md.Trajectory(xyz, topology), "atoms")
    order = [*range(4), *reversed(range(4, 11))]
    shuffled = md.Topology()
    chain = shuffled.add_chain()
    residues = [shuffled.add_residue(r.name, chain) for r in topology.residues]
    for i in order:
        atom = topology.atom(i)
        shuffled.add_atom(atom.name, atom.element, residues[atom.residue.index])
    picked = system.select(md.Trajectory(xyz[:, order], shuffled))
    np.testing.assert_array_equal(picked.xyz, xyz)
    with pytest.raises(InputError, match=r"lacks 1 of the model's 11 atoms \(SER2-OXT\)"):
        system.select(md.Trajectory(xyz, topology).atom_slice(range(10)))


def test_superposition_undoes_any_rotation_and_never_mirrors():
    generator = np.random.default_rng(0)
    reference = centred(generator.normal(size=(6, 3)))
    turns, _ = np.linalg.qr(generator.normal(size=(50, 3, 3)))
    turns *= np.sign(np.linalg.det(turns))[:, None, None]
    turned = reference @ turns + generator.normal(size=(50, 1, 3))
    np.testing.assert_allclose(superposed(turned, reference), np.broadcast_to(reference, (50, 6, 3)), atol=1e-10)
    mirrored = superposed((reference * [1, 1, -1])[None], reference)
    assert np.abs(mirrored - reference).max() > 0.1
