import numpy as np
import pytest
from openmm import unit
from openmm.app import PDBFile

from lamslide_md.errors import InputError
from lamslide_md.simulate.peptides import peptide
from lamslide_md.simulate.settings import SimulationSettings
from lamslide_md.simulate.structures import clean_structure
from lamslide_md.simulate.systems import prepare


def pdb_lines(molecule, path):
    with path.open("w") as file:
        PDBFile.writeFile(molecule.topology, molecule.positions_nm * unit.nanometer, file, keepIds=True)
    return path.read_text().splitlines(keepends=True)


def without_hydrogens(lines):
    return [line for line in lines if not (line.startswith(("ATOM", "HETATM")) and line[76:78].strip() == "H")]


@pytest.fixture
def crystal(tmp_path):
    """ALA-MSE-LYS-TYR as a crystal might give it: no hydrogens, a cut lysine, selenomethionine, water and an ion."""
    lines = without_hydrogens(pdb_lines(peptide("AMKY"), tmp_path / "AMKY.pdb"))
    lines = [line for line in lines if not line.startswith("CONECT")]
    lines = [line for line in lines if not (line[17:20] == "LYS" and line[12:16].strip() in ("CE", "NZ"))]
    selenium = [
        line.replace("MET", "MSE").replace(" SD ", "SE  ").replace("           S", "          SE") for line in lines
    ]
    end = next(index for index, line in enumerate(selenium) if line.startswith("TER"))
    water = "HETATM  900  O   HOH B 101      30.000  30.000  30.000  1.00  0.00           O  \n"
    zinc = "HETATM  901 ZN    ZN B 102      32.000  30.000  30.000  1.00  0.00          ZN  \n"
    path = tmp_path / "crystal.pdb"
    path.write_text("".join([*selenium[: end + 1], water, zinc, "END\n"]))
    return path


def test_crystal_structure_becomes_the_peptide_it_is_of(crystal):
    molecule = clean_structure(crystal)
    built = peptide("AMKY")
    assert [residue.name for residue in molecule.topology.residues()] == ["ALA", "MET", "LYS", "TYR"]
    names = sorted((atom.residue.index, atom.name) for atom in molecule.topology.atoms())
    assert names == sorted((atom.residue.index, atom.name) for atom in built.topology.atoms())
    notes = "; ".join(molecule.notes)
    for note in ("replaced MSE2 by MET", "removed 1 HOH", "removed 1 ZN", "of LYS3", "hydrogens for pH 7"):
        assert note in notes
    assert prepare(molecule, SimulationSettings()).notes == molecule.notes


def test_cleaning_twice_gives_the_same_atoms(crystal):
    first, second = clean_structure(crystal), clean_structure(crystal)
    np.testing.assert_array_equal(first.positions_nm, second.positions_nm)


def test_capped_peptide_keeps_its_caps_and_heavy_atoms(tmp_path):
    molecule = peptide("AE", capped=True)
    path = tmp_path / "capped.pdb"
    pdb_lines(molecule, path)
    cleaned = clean_structure(path)
    assert [residue.name for residue in cleaned.topology.residues()] == ["ACE", "ALA", "GLU", "NME"]
    assert cleaned.topology.getNumAtoms() == molecule.topology.getNumAtoms()
    heavy = [atom.index for atom in molecule.topology.atoms() if atom.element.symbol != "H"]
    np.testing.assert_allclose(cleaned.positions_nm[heavy], molecule.positions_nm[heavy], atol=5.1e-5)


def test_structures_that_cannot_be_used_are_refused(crystal, tmp_path):
    with pytest.raises(InputError, match=r"missing\.pdb is not there"):
        clean_structure(tmp_path / "missing.pdb")
    nonsense = tmp_path / "nonsense.pdb"
    nonsense.write_text("not a structure\n")
    with pytest.raises(InputError, match=r"nonsense\.pdb (is no PDB or mmCIF file|has no amino acids)"):
        clean_structure(nonsense)
    with pytest.raises(InputError, match="has no chain Z; it has A"):
        clean_structure(crystal, chains=["Z"])
    with pytest.raises(InputError, match="has no amino acids"):
        clean_structure(crystal, chains=["B"])
    mirror = peptide("AGV")
    path = tmp_path / "mirror.pdb"
    with path.open("w") as file:
        PDBFile.writeFile(mirror.topology, -mirror.positions_nm * unit.nanometer, file)
    with pytest.raises(InputError, match="ALA1, VAL3 is not an L amino acid"):
        clean_structure(path)


SEQUENCE = "SEQRES   1 A   10  ALA ALA ALA ALA ALA ALA ALA ALA ALA ALA\n"


@pytest.mark.parametrize(
    ("header", "last_missing", "message"),
    [
        (SEQUENCE, 4, None),
        (SEQUENCE, 8, "lacks 6 residues inside a chain"),
        ("", 4, "ALA2 C and ALA5 N should be bonded but are .* nm apart"),
    ],
)
def test_short_gap_is_built_a_long_or_undeclared_one_refused(tmp_path, header, last_missing, message):
    lines = pdb_lines(peptide("A" * 10), tmp_path / "whole.pdb")
    missing = range(3, last_missing + 1)
    kept = [line for line in lines if line[:4] != "ATOM" or int(line[22:26]) not in missing]
    path = tmp_path / "gap.pdb"
    path.write_text(header + "".join(kept))
    if message:
        with pytest.raises(InputError, match=message):
            clean_structure(path)
    else:
        molecule = clean_structure(path)
        assert molecule.topology.getNumResidues() == 10
        assert "built the missing residues ALA-ALA" in molecule.notes
