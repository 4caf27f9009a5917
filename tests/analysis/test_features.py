import mdtraj as md
import numpy as np
import pytest

from lamslide_md.analysis.features import find_torsions, ramachandran_pairs, torsion_angles, torsion_features
from lamslide_md.errors import InputError
from lamslide_md.systems.bonds import bond_pairs, far_pairs, rotatable_bonds


def test_alanine_dipeptide_has_phi_and_psi_of_its_residue_only(alanine):
    trajectory = alanine(np.full(3, -1.0), np.full(3, 2.0))
    torsions = find_torsions(trajectory.topology, trajectory.xyz)
    assert [(t.name, t.kind) for t in torsions] == [("phi ALA1", "backbone"), ("psi ALA1", "backbone")]
    assert ramachandran_pairs(torsions).tolist() == [[0, 1]]


def test_angles_are_those_the_molecule_was_built_with(alanine):
    rng = np.random.default_rng(0)
    built = rng.uniform(-np.pi, np.pi, size=(50, 2))
    trajectory = alanine(built[:, 0], built[:, 1], noise_nm=0.0)
    angles = torsion_angles(trajectory.xyz, find_torsions(trajectory.topology, trajectory.xyz))
    # Single precision positions of about 0.1 nm give angles to about 1e-6.
    assert np.abs(np.angle(np.exp(1j * (angles - built)))).max() < 1e-5


def test_angles_agree_with_mdtraj(alanine):
    rng = np.random.default_rng(1)
    trajectory = alanine(rng.uniform(-3, 3, 20), rng.uniform(-3, 3, 20))
    torsions = find_torsions(trajectory.topology, trajectory.xyz)
    theirs = md.compute_dihedrals(trajectory, [t.atoms for t in torsions], periodic=False)
    np.testing.assert_allclose(torsion_angles(trajectory.xyz, torsions), theirs, atol=1e-4)


def test_hydrogens_change_no_torsion(alanine):
    phi, psi = np.linspace(-3, 3, 7), np.linspace(3, -3, 7)
    bare, full = (alanine(phi, psi, hydrogens=with_h, noise_nm=0.0) for with_h in (False, True))
    angles = [torsion_angles(t.xyz, find_torsions(t.topology, t.xyz)) for t in (bare, full)]
    np.testing.assert_allclose(angles[0], angles[1], atol=1e-5)


def test_features_are_cosines_then_sines():
    angles = np.array([[0.0, np.pi / 2]])
    np.testing.assert_allclose(torsion_features(angles), [[1, 0, 0, 1]], atol=1e-15)


def molecule(elements: str, bonds: list[tuple[int, int]]) -> md.Topology:
    topology = md.Topology()
    residue = topology.add_residue("MOL", topology.add_chain())
    atoms = [topology.add_atom(f"{e}{i}", md.element.get_by_symbol(e), residue) for i, e in enumerate(elements)]
    for first, second in bonds:
        topology.add_bond(atoms[first], atoms[second])
    return topology


def test_butane_has_one_rotatable_bond_and_cyclobutane_none():
    heavy = np.ones(4, dtype=bool)
    chain = np.array([[0, 1], [1, 2], [2, 3]])
    assert rotatable_bonds(4, chain, heavy) == [(0, 1, 2, 3)]
    assert rotatable_bonds(4, np.vstack([chain, [[0, 3]]]), heavy) == []


def test_a_methyl_group_is_no_torsion_between_heavy_atoms():
    heavy = np.array([True, True, True, False, False])  # propane's carbons with two hydrogens at the end
    bonds = np.array([[0, 1], [1, 2], [2, 3], [2, 4]])
    assert rotatable_bonds(5, bonds, heavy) == []


def test_a_molecule_that_is_no_peptide_gets_torsions_from_its_bonds():
    topology = molecule("CCCO", [(0, 1), (1, 2), (2, 3)])
    positions = np.array([[[0, 0, 0], [0.15, 0, 0], [0.2, 0.14, 0], [0.2, 0.2, 0.12]]])
    torsions = find_torsions(topology, positions)
    assert [(t.name, t.kind, t.atoms) for t in torsions] == [("C0-C1-C2-O3 MOL0", "molecule", (0, 1, 2, 3))]


def test_a_linear_group_has_no_torsion():
    topology = molecule("CCCC", [(0, 1), (1, 2), (2, 3)])
    straight = np.array([[[0, 0, 0], [0.15, 0, 0], [0.27, 0, 0], [0.35, 0.1, 0]]])
    with pytest.raises(InputError, match="no torsion found among 4 atoms with 3 bonds"):
        find_torsions(topology, straight)


def test_bonds_are_found_from_distances_when_the_topology_has_none(alanine):
    trajectory = alanine(np.full(5, -1.2), np.full(5, 2.4), hydrogens=True)
    listed = bond_pairs(trajectory.topology, trajectory.xyz)
    bare = md.Topology()
    residue = bare.add_residue("MOL", bare.add_chain())
    for atom in trajectory.topology.atoms:
        bare.add_atom(f"{atom.name}{atom.index}", atom.element, residue)
    assert bond_pairs(bare, trajectory.xyz).tolist() == listed.tolist()


def test_far_pairs_of_a_chain_leave_out_neighbours_and_next_neighbours():
    chain = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    assert far_pairs(5, chain, np.ones(5, dtype=bool)).tolist() == [[0, 3], [0, 4], [1, 4]]


def test_atoms_of_separate_molecules_are_far():
    assert far_pairs(3, np.array([[0, 1]]), np.ones(3, dtype=bool)).tolist() == [[0, 2], [1, 2]]
