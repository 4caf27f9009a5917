"""Inputs that people have: what is missing in them is found, what is wrong is mended or refused, and both are told."""

import mdtraj as md
import numpy as np
import pytest
from ase import Atoms
from ase.build import add_adsorbate, bulk, fcc111, graphene

from lamslide_md.errors import InputError, InputNote
from lamslide_md.io.readers import iterate, read
from lamslide_md.systems.constraints import find_constraints
from tests.data.molecules import (
    graph,
    heavy_peptide,
    in_box,
    in_one_chain,
    ion,
    moving,
    nucleotides,
    one_frame,
    same_shape,
    side_by_side,
    water,
    without_bonds,
    zigzag,
)

CUBE = 4.0 * np.eye(3)
TRICLINIC = np.array([[4.0, 0, 0], [1.3, 3.8, 0], [-1.3, 1.9, 3.3]])


@pytest.mark.parametrize("cell", [CUBE, TRICLINIC])
@pytest.mark.parametrize("names", [{}, {"G": "G5", "A": "A3"}, {"G": "RG5", "A": "XYZ"}])
def test_nucleotides_are_bonded_to_each_other_and_whole_whatever_they_are_called(names, cell, tmp_path):
    frames = moving(nucleotides())
    wrapped = in_box(frames, cell)
    wrapped.topology = without_bonds(in_one_chain(frames.topology, names))
    wrapped.save(str(tmp_path / "rna.xtc"))
    wrapped[0].save_pdb(str(tmp_path / "rna.pdb"))
    with pytest.warns(InputNote, match=r"rna\.xtc: \d+ bonds were (missing and )?found by distance"):
        trajectory = read(tmp_path / "rna.xtc", tmp_path / "rna.pdb")
    assert graph(trajectory.topology) == graph(frames.topology)
    same_shape(trajectory, frames.xyz)
    oxygen, phosphorus = (
        next(atom.index for atom in trajectory.topology.atoms if (atom.name, atom.residue.index) == place)
        for place in (("O3'", 0), ("P", 1))
    )
    assert np.linalg.norm(trajectory.xyz[:, oxygen] - trajectory.xyz[:, phosphorus], axis=-1).max() < 0.18


def test_a_ligand_without_bonds_gets_them_and_is_whole():
    frames = moving(side_by_side(heavy_peptide("AIHK"), zigzag(6), gap_nm=0.6))
    wrapped = in_box(frames, 3.5 * np.eye(3))
    ligand = [number for number, bond in enumerate(frames.topology.bonds) if bond[0].residue.name == "LIG"]
    wrapped.topology = without_bonds(frames.topology, ligand)
    with pytest.warns(InputNote, match=r"5 bonds were missing and found by distance \(LIG0-C1 to LIG0-C2, LIG0-C2 to"):
        trajectory = read(wrapped)
    assert graph(trajectory.topology) == graph(frames.topology)
    same_shape(trajectory, frames.xyz)


def test_d_amino_acids_of_unknown_names_have_their_bonds_and_their_hands():
    frame = heavy_peptide("AGAAGA", mirrored=True)
    frames = moving(frame)
    topology = in_one_chain(frame.topology, {"ALA": "DAL"})
    # What a reader knows by its templates: glycine.
    unknown = [n for n, bond in enumerate(topology.bonds) if {atom.residue.name for atom in bond} != {"GLY"}]
    frames.topology = without_bonds(topology, unknown)
    trajectory = read(frames)
    assert graph(trajectory.topology) == graph(frame.topology)
    bonds = np.array(sorted(graph(trajectory.topology)))
    held = find_constraints(trajectory.xyz, bonds, contacts=True)
    alphas = [atom.index for atom in trajectory.topology.atoms if atom.name == "CA" and atom.residue.name == "DAL"]
    assert set(alphas) <= set(held.centres[:, 0].tolist())


@pytest.mark.parametrize("drift_nm", [0.05, 0.5])
def test_molecules_in_contact_are_imaged_together(drift_nm):
    frames = moving(side_by_side(heavy_peptide("AIHK"), zigzag(6)))
    wrapped = in_box(frames, CUBE, how="molecules", drift_nm=drift_nm)
    molecules = [sorted(atom.index for atom in molecule) for molecule in frames.topology.find_molecules()]
    apart = np.linalg.norm(np.diff([wrapped.xyz[:, group].mean(axis=1) for group in molecules], axis=0)[0], axis=-1)
    assert apart.max() > 2.5
    same_shape(read(wrapped), frames.xyz)
    chunks = list(iterate(wrapped, chunk=7))
    same_shape(md.join(chunks), frames.xyz)


def test_a_molecule_that_jumps_is_refused_by_name_and_frame():
    frames = moving(side_by_side(heavy_peptide("AIHK"), zigzag(6), gap_nm=0.9))
    frames.xyz[11:, -6:] += [0, 1.2, 0]
    frames.xyz[11:, -6:] += [0, 0, 1.9]
    wrapped = in_box(frames, CUBE, how="atoms")
    told = r"LIG0 moves by 2\.\d+ nm against ALA1-\.\.\.-LYS4 from frame 10 to 11, more than half of the box of 4 nm"
    for chunk in (30, 11, 5):
        with pytest.raises(InputError, match=told):
            read(wrapped, chunk=chunk)


def test_molecules_that_are_whole_stay_where_they_are_in_a_box_that_means_nothing():
    frames = moving(side_by_side(heavy_peptide("AIHK"), zigzag(6), gap_nm=3.0))
    frames.unitcell_vectors = np.repeat(2.0 * np.eye(3)[None], 30, axis=0)
    np.testing.assert_array_equal(read(frames).xyz, frames.xyz)


def test_names_without_element_column_are_mended(tmp_path):
    frames = moving(heavy_peptide("AIHKMC"))
    frames[0].save_pdb(str(tmp_path / "right.pdb"))
    lines = []
    for line in (tmp_path / "right.pdb").read_text().splitlines():
        is_atom = line.startswith("ATOM")
        lines.append(f"{line[:12]}{line[12:16].strip():4}{line[16:66]}" if is_atom else line)
    (tmp_path / "left.pdb").write_text("\n".join(lines) + "\n")
    frames.save(str(tmp_path / "run.xtc"))
    elements = [atom.element.symbol for atom in md.load_topology(str(tmp_path / "left.pdb")).atoms]
    assert "Ca" in elements
    with pytest.warns(InputNote, match=r"left\.pdb: the elements of \d+ atoms were mended .* CA was read as Ca \(6x\)"):
        trajectory = read(tmp_path / "run.xtc", tmp_path / "left.pdb", atoms="heavy")
    assert trajectory.n_atoms == frames.n_atoms
    assert [a.element.symbol for a in trajectory.topology.atoms] == [a.element.symbol for a in frames.topology.atoms]
    assert graph(trajectory.topology) == graph(frames.topology)


def test_an_impossible_element_that_the_name_does_not_tell_is_refused():
    frames = moving(heavy_peptide("AA"))
    atom = frames.topology.atom(4)
    atom.name, atom.element = "X1", md.element.mercury
    with pytest.raises(InputError, match=r"ALA1-X1 is read as Hg, which is no element of an amino acid .* column"):
        read(frames)


def test_carbons_of_a_ligand_that_were_read_as_metals_are_mended_and_real_metals_stay():
    frames = moving(side_by_side(zigzag(4), ion("ZN"), gap_nm=0.22))
    for atom, name, element in zip(
        frames.topology.atoms, ("CA", "CD", "C3", "C4"), ("Ca", "Cd", "C", "C"), strict=False
    ):
        atom.name, atom.element = name, md.element.get_by_symbol(element)
    with pytest.warns(InputNote, match="elements of 2 atoms were mended from their names: CA was read as Ca, CD was"):
        trajectory = read(frames)
    assert [atom.element.symbol for atom in trajectory.topology.atoms] == ["C", "C", "C", "C", "Zn"]
    assert graph(trajectory.topology) == {(0, 1), (1, 2), (2, 3)}


@pytest.mark.parametrize("ending", ["gro", "pdb"])
def test_two_chains_without_a_mark_between_them_are_not_bonded(ending, tmp_path):
    frames = moving(side_by_side(heavy_peptide("AAA"), heavy_peptide("AAA"), gap_nm=0.5))
    expected = graph(frames.topology)
    frames.topology = in_one_chain(frames.topology)
    frames[0].save(str(tmp_path / f"dimer.{ending}"))
    frames.save(str(tmp_path / "dimer.xtc"))
    with pytest.warns(
        InputNote, match=r"1 bond\(s\) of the topology are left out, .* \(ALA3-C to ALA1-N, never nearer"
    ):
        trajectory = read(tmp_path / "dimer.xtc", tmp_path / f"dimer.{ending}")
    assert graph(trajectory.topology) == expected


def test_residues_that_are_missing_leave_a_gap():
    whole = heavy_peptide("AAAAAA")
    frames = moving(whole.atom_slice(whole.topology.select("resid 0 1 4 5")))
    sound = graph(frames.topology)
    ends = [frames.topology.select("resid 1 and name C")[0], frames.topology.select("resid 2 and name N")[0]]
    frames.topology.add_bond(*(frames.topology.atom(int(end)) for end in ends))
    with pytest.warns(InputNote, match="1 bond"):
        assert graph(read(frames).topology) == sound


def test_atoms_in_another_order_within_a_residue_are_still_refused():
    frames = moving(heavy_peptide("AIHK"))
    frames.xyz[:, [4, 5]] = frames.xyz[:, [5, 4]]
    with pytest.raises(InputError, match="another order than the coordinates"):
        read(frames)


def test_solvent_and_ions_are_left_out_where_they_are_not_wanted_and_this_is_told(tmp_path):
    edge_nm = 3.0
    solute = heavy_peptide("AA", capped=True)
    frame = side_by_side(solute, ion("NA"), ion("CL"))
    frame = one_frame(
        frame.topology.join(water(60, edge_nm).topology), np.concatenate([frame.xyz[0], water(60, edge_nm).xyz[0]])
    )
    frames = in_box(moving(frame), edge_nm * np.eye(3), how="molecules")
    frames.save(str(tmp_path / "wet.xtc"))
    frames[0].save_pdb(str(tmp_path / "wet.pdb"))
    with pytest.warns(InputNote, match=r"solvent and ions are left out \(60 HOH, 1 NA, 1 CL\)"):
        dry = read(tmp_path / "wet.xtc", tmp_path / "wet.pdb", solvent=False)
    assert dry.n_atoms == solute.n_atoms
    assert read(tmp_path / "wet.xtc", tmp_path / "wet.pdb").n_atoms == frames.n_atoms
    assert read(frames, solvent=False).n_atoms == solute.n_atoms
    assert read(frames, atoms="name O and water").n_atoms == 60


def test_copies_of_one_molecule_are_solvent_beside_another():
    frame = side_by_side(heavy_peptide("AA"), *[zigzag(3, "PRO2")] * 24)
    assert read(moving(frame), solvent=False).n_atoms == heavy_peptide("AA").n_atoms
    assert read(moving(side_by_side(*[zigzag(3, "PRO2")] * 24)), solvent=False).n_atoms == 72


def slab():
    atoms = fcc111("Pt", size=(3, 3, 2), vacuum=6.0)
    add_adsorbate(atoms, "C", 1.3, "ontop")
    return atoms


@pytest.mark.parametrize(
    "solid", [slab(), bulk("NaCl", "rocksalt", a=5.64, cubic=True) * (2, 2, 2), graphene(size=(4, 4, 1), vacuum=5.0)]
)
@pytest.mark.parametrize("check_bonds", [True, False])
def test_solids_and_slabs_get_a_true_sentence(solid, check_bonds):
    frames = []
    for seed in range(4):
        frames.append(solid.copy())
        frames[-1].rattle(0.02, seed=seed)
        frames[-1].wrap()
    with pytest.raises(
        InputError,
        match=r"(bonded through the periodic box|is a periodic box of metal or salt).*periodic solids.* not supported",
    ):
        read(frames, frame_interval_ps=1.0, check_bonds=check_bonds)


def test_a_molecule_on_the_border_of_a_box_that_is_open_in_one_direction_is_whole():
    frames = []
    for seed in range(4):
        atoms = Atoms("C6", positions=zigzag(6).xyz[0] * 10, cell=[12.0, 11.0, 0.0], pbc=[True, True, False])
        atoms.rattle(0.01, seed=seed)
        frames.append(atoms)
    expected = [atoms.positions / 10 for atoms in frames]
    for atoms in frames:
        atoms.wrap()
    same_shape(read(frames, frame_interval_ps=1.0), expected, atol=1e-5)


def test_a_box_that_is_turned_makes_molecules_whole_too():
    turn = np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]])
    frames = []
    for seed in range(4):
        atoms = Atoms("C6", positions=zigzag(6).xyz[0] * 10, cell=10 * np.diag([1.1, 1.3, 0.9]) @ turn, pbc=True)
        atoms.rattle(0.01, seed=seed)
        frames.append(atoms)
    expected = [atoms.positions / 10 for atoms in frames]
    for atoms in frames:
        atoms.wrap()
    same_shape(read(frames, frame_interval_ps=1.0), expected, atol=1e-5)


def test_coordinates_in_another_unit_are_named_where_no_bond_can_tell():
    frames = [Atoms("C6", positions=zigzag(6).xyz[0] * 100) for _ in range(3)]
    with pytest.raises(InputError, match=r"no two atoms are bonded, their nearest neighbours .* Å taken for nm"):
        read(frames, frame_interval_ps=1.0)


def test_reading_leaves_the_users_topology_as_it_was():
    frames = moving(side_by_side(heavy_peptide("AA"), zigzag(4)))
    frames.topology = without_bonds(frames.topology)
    frames.topology.atom(1).element = md.element.calcium
    read(frames)
    assert frames.topology.n_bonds == 0
    assert frames.topology.atom(1).element is md.element.calcium


@pytest.mark.parametrize("n_residues", [4, 400])
def test_the_gate_costs_what_the_atoms_cost(n_residues):
    chain = heavy_peptide("AIHK")
    strand = one_frame(chain.topology, chain.xyz[0])
    copies = n_residues // 4
    positions = np.concatenate([strand.xyz[0] + [0, 1.0 * (i % 10), 1.0 * (i // 10)] for i in range(copies)])
    topology = strand.topology
    for _ in range(copies - 1):
        topology = topology.join(strand.topology)
    frames = moving(one_frame(topology, positions), n_frames=3)
    frames.topology = without_bonds(frames.topology)
    assert read(frames).topology.n_bonds == copies * chain.topology.n_bonds


def test_lipids_of_several_residues_are_solvent_and_peptides_of_many_copies_are_not():
    def lipid():
        topology, whole = md.Topology(), zigzag(10)
        chain = topology.add_chain()
        residues = [topology.add_residue(name, chain) for name in ("PA", "PC")]
        atoms = [topology.add_atom(f"C{i}", md.element.carbon, residues[i // 5]) for i in range(10)]
        for one, other in whole.topology.bonds:
            topology.add_bond(atoms[one.index], atoms[other.index])
        return one_frame(topology, whole.xyz[0])

    many = moving(side_by_side(heavy_peptide("AIHK"), *[lipid()] * 22, gap_nm=0.5))
    with pytest.warns(InputNote, match=r"solvent and ions are left out \(22 PA, 22 PC\)"):
        assert read(many, solvent=False).n_atoms == 33
    peptides = moving(side_by_side(zigzag(6), *[heavy_peptide("AG")] * 22, gap_nm=0.5))
    assert read(peptides, solvent=False).n_atoms == peptides.n_atoms
