"""Torsions where names fail: caps within a residue, rings, ligands, cystine, gaps."""

import mdtraj as md
import numpy as np
import pytest
from mdtraj.geometry import dihedral as by_name

from lamslide_md.analysis.features import find_torsions, ramachandran_pairs, survey_torsions
from lamslide_md.errors import InputError
from lamslide_md.simulate.peptides import peptide
from lamslide_md.systems.bonds import rotatable_bonds


def built(sequence: str, *, capped: bool = False, heavy: bool = False) -> md.Trajectory:
    molecule = peptide(sequence, capped=capped)
    topology = md.Topology.from_openmm(molecule.topology)
    whole = md.Trajectory(molecule.positions_nm[None].astype(np.float32), topology)
    return whole.atom_slice(topology.select("not element H")) if heavy else whole


def regrouped(topology: md.Topology, residue_of, name_of) -> md.Topology:
    """The same atoms and bonds in other residues (name, number) with other names."""
    other, residues = md.Topology(), {}
    chain = other.add_chain()
    for atom in topology.atoms:
        key = residue_of(atom)
        if key not in residues:
            residues[key] = other.add_residue(key[0], chain, resSeq=key[1])
        other.add_atom(name_of(atom), atom.element, residues[key])
    for one, two in topology.bonds:
        other.add_bond(other.atom(one.index), other.atom(two.index))
    return other


def patched(topology: md.Topology) -> md.Topology:
    """As CHARMM has it: ACE and NME are part of the first and the last residue."""
    last = topology.n_residues - 2
    cap = {
        ("ACE", "CH3"): "CAY",
        ("ACE", "C"): "CY",
        ("ACE", "O"): "OY",
        ("NME", "N"): "NT",
        ("NME", "C"): "CAT",
        ("NME", "CH3"): "CAT",
    }
    return regrouped(
        topology,
        lambda atom: ("ALA", min(max(atom.residue.index, 1), last)),
        lambda atom: cap.get((atom.residue.name, atom.name), atom.name),
    )


def from_bonds(atoms: list[tuple[str, str]], bonds: list[tuple[int, int]], residue: str = "MOL") -> md.Topology:
    """One residue of atoms (name, element)."""
    topology = md.Topology()
    only = topology.add_residue(residue, topology.add_chain())
    for name, element in atoms:
        topology.add_atom(name, md.element.get_by_symbol(element), only)
    for one, other in bonds:
        topology.add_bond(topology.atom(one), topology.atom(other))
    return topology


def anywhere(n_atoms: int) -> np.ndarray:
    """Positions that mean nothing: no two atoms near each other, no three in a line."""
    return np.random.default_rng(3).normal(size=(1, n_atoms, 3))


@pytest.mark.parametrize("capped", [False, True])
@pytest.mark.parametrize("sequence", ["ARNDC", "QEGHI", "LKMFP", "STWYV", "PPGKR"])
@pytest.mark.parametrize("heavy", [False, True])
def test_torsions_of_ordinary_peptides_are_those_of_their_names_in_their_order(sequence, capped, heavy):
    trajectory = built(sequence, capped=capped, heavy=heavy)
    expected = []
    for name, owner in (("phi", 2), ("psi", 1), ("chi1", 1), ("chi2", 1), ("chi3", 1), ("chi4", 1)):
        for atoms in getattr(by_name, f"indices_{name}")(trajectory.topology).tolist():
            expected.append((f"{name} {trajectory.topology.atom(atoms[owner]).residue}", tuple(atoms)))
    found = [(t.name, t.atoms) for t in find_torsions(trajectory.topology, trajectory.xyz)]
    names = [name for name, _ in expected]
    assert [atoms for _, atoms in found] == [atoms for _, atoms in expected]
    assert [name.split(" #")[0] for name, _ in found] == names


def test_phi_and_psi_of_a_residue_that_holds_its_caps_are_evaluated(alanine):
    trajectory = alanine(np.full(3, -1.0), np.full(3, 2.0))
    named = find_torsions(trajectory.topology, trajectory.xyz)
    torsions = find_torsions(patched(trajectory.topology), trajectory.xyz)
    assert [(t.name, t.kind) for t in torsions] == [("phi ALA1", "backbone"), ("psi ALA1", "backbone")]
    assert [t.atoms for t in torsions] == [t.atoms for t in named]


def test_a_patched_tripeptide_has_six_of_six_in_the_order_of_its_residues():
    trajectory = built("AAA", capped=True, heavy=True)
    named = find_torsions(trajectory.topology, trajectory.xyz)
    torsions = find_torsions(patched(trajectory.topology), trajectory.xyz)
    assert [t.name for t in torsions] == [f"{name} ALA{i}" for name in ("phi", "psi") for i in (1, 2, 3)]
    assert [t.atoms for t in torsions] == [t.atoms for t in named]
    assert ramachandran_pairs(torsions).tolist() == [[0, 3], [1, 4], [2, 5]]


def test_a_peptide_in_one_residue_with_names_that_mean_nothing_has_all_its_torsions():
    trajectory = built("AKV", heavy=True)
    named = find_torsions(trajectory.topology, trajectory.xyz)
    nameless = regrouped(trajectory.topology, lambda _: ("UNL", 1), lambda atom: f"{atom.element.symbol}{atom.index}")
    torsions = find_torsions(nameless, trajectory.xyz)
    bonds = [{frozenset(t.atoms[1:3]) for t in found} for found in (named, torsions)]
    # The carboxyl group at the end has no name to be known by.
    assert bonds[0] < bonds[1]
    assert len(bonds[1]) == len(bonds[0]) + 1
    kinds = [sorted(t.kind for t in found) for found in (named, torsions)]
    assert kinds[1] == sorted([*kinds[0], "molecule"])
    for phi, psi in ramachandran_pairs(torsions):
        assert torsions[phi].atoms[1:] == torsions[psi].atoms[:3]
        assert torsions[phi].name[4:] == torsions[psi].name[4:]
    assert len({t.name for t in torsions}) == len(torsions)


def cyclic_peptide(n_residues: int) -> md.Trajectory:
    """A ring of alanines: N, CA and C in a zigzag, O in its plane, CB out of it."""
    topology = md.Topology()
    chain, atoms, positions = topology.add_chain(), [], []
    n_ring = 3 * n_residues
    for residue_index in range(n_residues):
        residue = topology.add_residue("ALA", chain, resSeq=residue_index + 1)
        for offset, name in enumerate(("N", "CA", "C")):
            k = 3 * residue_index + offset
            sign = 1 if k % 2 else -1
            radial = np.array([np.cos(2 * np.pi * k / n_ring), np.sin(2 * np.pi * k / n_ring), 0.0])
            place = (0.125 * n_ring / (2 * np.pi) + 0.04 * sign) * radial
            atoms.append(topology.add_atom(name, md.element.get_by_symbol(name[0]), residue))
            positions.append(place)
            if name == "CA":
                beta = place + 0.153 * (0.5 * sign * radial + np.array([0.0, 0.0, 0.866]))
            if name == "C":
                oxygen = place + 0.123 * sign * radial
        for name, place in (("O", oxygen), ("CB", beta)):
            topology.add_atom(name, md.element.get_by_symbol(name[0]), residue)
            positions.append(place)
    for k, atom in enumerate(atoms):
        topology.add_bond(atom, atoms[(k + 1) % n_ring])
    for residue in topology.residues:
        atom = {a.name: a for a in residue.atoms}
        topology.add_bond(atom["C"], atom["O"])
        topology.add_bond(atom["CA"], atom["CB"])
    return md.Trajectory(np.array(positions, dtype=np.float32)[None], topology)


def test_a_cyclic_hexapeptide_has_twelve_backbone_torsions_over_the_bond_that_closes_it():
    ring = cyclic_peptide(6)
    survey = survey_torsions(ring.topology, ring.xyz)
    expected = [f"{name} ALA{i}" for name in ("phi", "psi") for i in range(1, 7)]
    assert [(t.name, t.kind) for t in survey.torsions] == [(name, "backbone") for name in expected]
    over = {t.name: [str(ring.topology.atom(atom)) for atom in t.atoms] for t in survey.torsions}
    assert over["phi ALA1"] == ["ALA6-C", "ALA1-N", "ALA1-CA", "ALA1-C"]
    assert over["psi ALA6"] == ["ALA6-N", "ALA6-CA", "ALA6-C", "ALA1-N"]
    assert survey.left_out == "bonds that are not described by a torsion: 6 of amides"


def test_amides_and_double_bonds_of_a_ligand_are_left_out_and_counted():
    # C-C-C(=O)-N-C-C-C=C, with positions that have the lengths and angles which tell.
    names = [("C1", "C"), ("C2", "C"), ("C3", "C"), ("O1", "O"), ("N1", "N"), ("C4", "C"), ("C5", "C"), ("C6", "C")]
    topology = from_bonds(
        [*names, ("C7", "C"), ("C8", "C")],
        [(0, 1), (1, 2), (2, 3), (2, 4), (4, 5), (5, 6), (6, 7), (7, 8), (8, 9)],
    )
    zigzag = np.zeros((1, 10, 3))
    lengths = {1: 0.153, 2: 0.152, 4: 0.134, 5: 0.146, 6: 0.153, 7: 0.150, 8: 0.134, 9: 0.150}
    turn, last = 1, 0
    for atom, length in lengths.items():
        # Out of the plane at the chain's single bonds, so that only the amide is planar.
        direction = np.array([np.cos(0.5), turn * np.sin(0.5), 0.0])
        zigzag[0, atom] = zigzag[0, last] + length * direction
        turn, last = -turn, atom
    zigzag[0, 3] = zigzag[0, 2] + [0.0, -0.123 if zigzag[0, 2, 1] < zigzag[0, 1, 1] else 0.123, 0.0]
    survey = survey_torsions(topology, zigzag)
    middles = ["-".join(topology.atom(atom).name for atom in t.atoms[1:3]) for t in survey.torsions]
    assert middles == ["C2-C3", "N1-C4", "C4-C5", "C5-C6"]
    assert survey.left_out == "bonds that are not described by a torsion: 1 double, 1 of amides"


def test_a_ring_of_nine_turns_and_one_of_eight_does_not():
    for n_atoms, n_torsions in ((8, 0), (9, 9)):
        bonds = np.array([sorted((i, (i + 1) % n_atoms)) for i in range(n_atoms)])
        assert len(rotatable_bonds(n_atoms, bonds, np.ones(n_atoms, dtype=bool))) == n_torsions


def test_the_bridge_of_two_cysteines_has_its_three_torsions():
    trajectory = built("CGGC", capped=True, heavy=True)
    sulphurs = [atom for atom in trajectory.topology.atoms if atom.name == "SG"]
    before = [t.name for t in find_torsions(trajectory.topology, trajectory.xyz)]
    trajectory.topology.add_bond(*sulphurs)
    after = {t.name: t for t in find_torsions(trajectory.topology, trajectory.xyz)}
    assert sorted(set(after) - set(before)) == ["chi2 CYS2", "chi2 CYS5", "chi3 CYS2"]
    names = [trajectory.topology.atom(atom).name for atom in after["chi3 CYS2"].atoms]
    assert names == ["CB", "SG", "SG", "CB"]
    assert after["chi3 CYS2"].kind == "side chain"


def test_names_across_a_gap_are_no_torsion_and_counted():
    trajectory = built("AAAA", heavy=True)
    first, last = trajectory.topology.select("resid 0 1"), trajectory.topology.select("resid 2 3")
    trajectory.xyz[:, last] += 1.0
    topology = trajectory.topology.subset(range(trajectory.n_atoms))
    topology._bonds = [bond for bond in topology.bonds if not (bond[0].index in first and bond[1].index in last)]
    survey = survey_torsions(topology, trajectory.xyz)
    assert [t.name for t in survey.torsions] == ["phi ALA2", "phi ALA4", "psi ALA1", "psi ALA3"]
    assert "2 across gaps" in survey.left_out


def test_what_is_left_out_of_a_molecule_without_torsions_is_said():
    ring = from_bonds([(f"C{i}", "C") for i in range(6)], [(i, (i + 1) % 6) for i in range(6)])
    with pytest.raises(InputError, match=r"no torsion found among 6 atoms.*6 in small rings"):
        find_torsions(ring, anywhere(6))


def test_groups_that_turn_hydrogens_only_are_counted():
    trajectory = built("AS", capped=True)
    # Two methyl groups of caps and one of alanine, one hydroxyl group.
    assert survey_torsions(trajectory.topology, trajectory.xyz).left_out.endswith("4 turning hydrogens only")
