import numpy as np
import pytest

from lamslide_md.analysis.features import heavy_atoms
from lamslide_md.analysis.structure import check_structure, learn_structure
from lamslide_md.systems.volumes import relative_volumes


@pytest.fixture(scope="module")
def molecule(alanine):
    rng = np.random.default_rng(0)
    return alanine(-1.3 + 0.2 * rng.normal(size=200), 2.5 + 0.2 * rng.normal(size=200), noise_nm=0.0)


def test_the_reference_itself_is_intact(molecule):
    checks = check_structure(learn_structure(molecule.topology, [molecule.xyz]), [molecule.xyz])
    assert not checks.broken_bond.any()
    assert not checks.flipped.any()
    assert not checks.clash.any()
    assert checks.bond_error_nm.max() < 1e-6


def test_an_l_amino_acid_has_a_positive_volume(molecule):
    rules = learn_structure(molecule.topology, [molecule.xyz])
    assert len(rules.centres) == 1
    assert (relative_volumes(molecule.xyz, rules.centres) > 0).all()


def test_a_mirrored_frame_is_flipped_and_nothing_else(molecule):
    rules = learn_structure(molecule.topology, [molecule.xyz])
    positions = molecule.xyz.copy()
    positions[7] *= [1, 1, -1]
    checks = check_structure(rules, [positions])
    assert np.flatnonzero(checks.flipped).tolist() == [7]
    assert not checks.broken_bond.any()
    assert not checks.clash.any()


@pytest.mark.parametrize(("stretch", "broken"), [(1.19, False), (1.21, True), (0.81, False), (0.79, True)])
def test_a_bond_is_broken_beyond_a_fifth_of_its_length(molecule, stretch, broken):
    rules = learn_structure(molecule.topology, [molecule.xyz])
    positions = molecule.xyz.copy()
    end, before = molecule.n_atoms - 1, molecule.n_atoms - 2
    positions[3, end] = positions[3, before] + stretch * (positions[3, end] - positions[3, before])
    assert check_structure(rules, [positions]).broken_bond[3] == broken


def test_bond_error_is_the_mean_deviation_over_all_bonds(molecule):
    rules = learn_structure(molecule.topology, [molecule.xyz])
    positions = molecule.xyz.copy()
    end, before = molecule.n_atoms - 1, molecule.n_atoms - 2
    bond = positions[0, end] - positions[0, before]
    positions[0, end] += bond / np.linalg.norm(bond) * 0.009
    # One of nine bonds is 0.009 nm too long.
    assert check_structure(rules, [positions]).bond_error_nm[0] == pytest.approx(0.001, abs=1e-6)


def test_two_heavy_atoms_far_in_bonds_and_near_in_space_clash(molecule):
    rules = learn_structure(molecule.topology, [molecule.xyz])
    positions = molecule.xyz.copy()
    positions[5, -1] = positions[5, 0] + [0.0, 0.0, 0.21]
    positions[6, -1] = positions[6, 0] + [0.0, 0.0, 0.23]
    clash = check_structure(rules, [positions]).clash
    assert clash[5]
    assert not clash[[0, 1, 2, 3, 4]].any()


def test_hydrogens_do_not_clash(alanine):
    full = alanine(np.full(20, -1.3), np.full(20, 2.5), hydrogens=True, noise_nm=0.0)
    rules = learn_structure(full.topology, [full.xyz])
    assert heavy_atoms(full.topology)[rules.clashes.listed].all()


def test_several_trajectories_are_checked_in_order(molecule):
    rules = learn_structure(molecule.topology, [molecule.xyz])
    mirrored = molecule.xyz[:4] * [1, 1, -1]
    checks = check_structure(rules, [molecule.xyz[:3], mirrored.astype(np.float32)])
    assert checks.flipped.tolist() == [False] * 3 + [True] * 4
