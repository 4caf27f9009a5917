import random

import mdtraj as md
import numpy as np
import pytest
from openmm import unit

from lamslide_md.errors import InputError
from lamslide_md.simulate.molecules import check_chirality, chiral_volumes
from lamslide_md.simulate.peptides import peptide
from lamslide_md.simulate.randomness import seeded_random
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.solute import write_system_pdb
from lamslide_md.simulate.systems import prepare

# Side-chain charges at pH 7; histidine is neutral.
CHARGE = {"D": -1, "E": -1, "K": 1, "R": 1}


def heavy_formula(topology):
    symbols = [atom.element.symbol for atom in topology.atoms() if atom.element.symbol != "H"]
    return {symbol: symbols.count(symbol) for symbol in set(symbols)}


def net_charge(molecule):
    system = prepare(molecule, SimulationSettings(solvent="vacuum")).system
    nonbonded = next(force for force in system.getForces() if force.getName() == "NonbondedForce")
    charges = [nonbonded.getParticleParameters(index)[0] for index in range(system.getNumParticles())]
    return sum(charge.value_in_unit(unit.elementary_charge) for charge in charges)


@pytest.mark.parametrize("letter", "ARNDCQEGHILKMFPSTWYV")
@pytest.mark.parametrize("capped", [False, True])
def test_every_residue_has_its_charge_chirality_and_sound_bonds(letter, capped):
    sequence = letter if capped else f"G{letter}"
    molecule = peptide(sequence, capped=capped)
    # ff14SB's charges are given to four digits or more per atom.
    assert net_charge(molecule) == pytest.approx(CHARGE.get(letter, 0), abs=1e-3)
    volumes = chiral_volumes(molecule.topology, molecule.positions_nm)
    assert len(volumes) == (0 if letter == "G" else 1)
    assert all(volume > 1e-3 for volume in volumes.values())
    lengths = [
        np.linalg.norm(molecule.positions_nm[first.index] - molecule.positions_nm[second.index])
        for first, second in molecule.topology.bonds()
    ]
    assert min(lengths) > 0.09
    assert max(lengths) < 0.2


def test_known_peptides_have_their_formulas():
    # Ala dipeptide C6H12N2O2; Gly-Trp C13H15N3O3; Ala-Gly-Val-Asp as a zwitterion with one more charge C14H23N4O7(-).
    for sequence, capped, formula, hydrogens in (
        ("A", True, {"C": 6, "N": 2, "O": 2}, 12),
        ("GW", False, {"C": 13, "N": 3, "O": 3}, 15),
        ("AGVD", False, {"C": 14, "N": 4, "O": 7}, 23),
    ):
        molecule = peptide(sequence, capped=capped)
        assert heavy_formula(molecule.topology) == formula
        assert molecule.topology.getNumAtoms() == sum(formula.values()) + hydrogens


def test_longest_peptide_of_all_residues_has_no_clash():
    for sequence in ("ACDEFGHIKL", "MNPQRSTVWY", "PPPPPPPPPP", "WWWWWWWWWW"):
        positions = peptide(sequence, capped=True).positions_nm
        distances = np.linalg.norm(positions[:, None] - positions[None], axis=-1)
        assert distances[np.triu_indices(len(positions), 1)].min() > 0.09


def test_same_sequence_gives_the_same_positions():
    np.testing.assert_array_equal(peptide("KF").positions_nm, peptide("kf ").positions_nm)


def test_seeding_leaves_the_random_state_as_it_was():
    before = random.getstate()
    with seeded_random():
        first = random.random()
    with seeded_random():
        assert random.random() == first
    assert random.getstate() == before


def test_mirror_image_is_refused():
    molecule = peptide("AGV")
    with pytest.raises(InputError, match="ALA1, VAL3 is not an L amino acid"):
        check_chirality("AGV", molecule.topology, -molecule.positions_nm)


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        ("AXB", "has B, X, which is none of the 20 residues"),
        ("", "has 0 residues"),
        ("A" * 11, "has 11 residues; a peptide has 1 to 10"),
        ("A", "pass capped=True"),
    ],
)
def test_impossible_sequences_are_refused(sequence, message):
    with pytest.raises(InputError, match=message):
        peptide(sequence)


@pytest.mark.parametrize(("sequence", "capped"), [("A", True), ("HPW", False)])
def test_topology_file_is_read_back_with_all_atoms_and_bonds(tmp_path, sequence, capped):
    molecule = peptide(sequence, capped=capped)
    prepared = prepare(molecule, SimulationSettings())
    path = tmp_path / "system.pdb"
    write_system_pdb(path, prepared)
    first = path.read_bytes()
    write_system_pdb(path, prepared)
    assert path.read_bytes() == first
    loaded = md.load(str(path))
    # PDB files hold Å to three digits.
    np.testing.assert_allclose(loaded.xyz[0], molecule.positions_nm, atol=5.1e-5)
    assert loaded.topology.n_bonds == molecule.topology.getNumBonds()
    assert [atom.name for atom in loaded.topology.atoms] == [atom.name for atom in molecule.topology.atoms()]
    other = prepare(peptide("GG"), SimulationSettings())
    with pytest.raises(InputError, match="holds other atoms than GG"):
        write_system_pdb(path, other)
