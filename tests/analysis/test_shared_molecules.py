import mdtraj as md
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.analysis.datasets.matching import match_atoms
from lamslide_md.errors import InputError


def add_molecule(topology: md.Topology, residue: str, atoms: str, bonds=()) -> None:
    """One residue in a chain of its own; atoms by names whose first letter is the element, Na and Cl whole."""
    added = topology.add_residue(residue, topology.add_chain())
    names = atoms.split()
    for name in names:
        symbol = name.capitalize() if name in ("NA", "CL") else name[0]
        topology.add_atom(name, md.element.get_by_symbol(symbol), added)
    first = topology.n_atoms - len(names)
    for one, other in bonds:
        topology.add_bond(topology.atom(first + one), topology.atom(first + other))


def joined(*parts: md.Topology) -> md.Topology:
    whole = md.Topology()
    for part in parts:
        whole = whole.join(part)
    return whole


def solvent(n_waters: int, n_ions: int = 0) -> md.Topology:
    topology = md.Topology()
    for _ in range(n_waters):
        add_molecule(topology, "HOH", "O H1 H2", [(0, 1), (0, 2)])
    for _ in range(n_ions):
        add_molecule(topology, "NA", "NA")
        add_molecule(topology, "CL", "CL")
    return topology


def ligand() -> md.Topology:
    topology = md.Topology()
    add_molecule(topology, "LIG", "C1 C2 O1", [(0, 1), (1, 2)])
    return topology


@pytest.fixture(scope="module")
def solute(alanine):
    return alanine(np.array([-1.2]), np.array([2.0])).topology


def named(topology: md.Topology, indices: np.ndarray) -> list[str]:
    return [f"{topology.atom(int(i)).residue.name}-{topology.atom(int(i)).name}" for i in indices]


@pytest.mark.parametrize("before", [True, False])
def test_the_solute_is_found_among_solvent_ions_and_ligand_wherever_it_stands(solute, before):
    beside = joined(ligand(), solvent(5, 2))
    whole = joined(beside, solute) if before else joined(solute, beside)
    own, there = match_atoms(solute, whole)
    assert own.tolist() == list(range(solute.n_atoms))
    assert there.tolist() == [i + (beside.n_atoms if before else 0) for i in range(solute.n_atoms)]


def test_molecules_in_another_order_are_matched_each_with_its_own(solute):
    own, there = match_atoms(joined(ligand(), solute), joined(solute, solvent(3), ligand()))
    assert named(joined(ligand(), solute), own) == named(joined(solute, solvent(3), ligand()), there)
    assert len(own) == solute.n_atoms + 3


def test_residues_that_only_the_reference_has_at_the_ends_are_left_out(solute):
    middle = solute.subset(solute.select("resname ALA"))
    own, there = match_atoms(middle, joined(solvent(2), solute))
    assert own.tolist() == list(range(5))
    assert set(named(joined(solvent(2), solute), there)) == {f"ALA-{name}" for name in ("N", "CA", "C", "O", "CB")}


def test_a_heavy_atom_missing_within_a_shared_residue_is_still_named(solute):
    without = solute.subset(solute.select("name != CB"))
    with pytest.raises(InputError, match=r"only in the reference: ALA1-CB; only in the rollout: none"):
        match_atoms(without, joined(solute, solvent(4)))


def test_an_atom_missing_in_a_ligand_is_named_and_not_the_water(solute):
    partial = ligand().subset([0, 1])
    with pytest.raises(InputError, match=r"only in the reference: LIG0-O1; only in the rollout: none"):
        match_atoms(joined(solute, partial), joined(solute, ligand(), solvent(4)))


def test_another_molecule_is_refused_though_both_hold_water(solute):
    other = joined(ligand(), solvent(4))
    with pytest.raises(InputError, match="do not match"):
        match_atoms(joined(solute, solvent(3)), other)


def test_a_part_that_fits_twice_is_refused(alanine):
    chain, topology = md.Topology(), md.Topology()
    for whole, n_residues in ((chain, 3), (topology, 1)):
        added = whole.add_chain()
        before = None
        for _ in range(n_residues):
            residue = whole.add_residue("ALA", added)
            atoms = [whole.add_atom(name, md.element.get_by_symbol(name[0]), residue) for name in ("N", "CA", "C")]
            for one, other in ((before, atoms[0]), (atoms[0], atoms[1]), (atoms[1], atoms[2])):
                if one is not None:
                    whole.add_bond(one, other)
            before = atoms[2]
    with pytest.raises(InputError, match="found 3 times within larger molecules of the reference"):
        match_atoms(topology, chain)


def with_solvent(trajectory: md.Trajectory, n_waters: int, n_ions: int) -> md.Trajectory:
    """The trajectory behind a solvent that does not move."""
    beside = solvent(n_waters, n_ions)
    at = (
        2.0
        + np.random.default_rng(0).normal(scale=0.05, size=(beside.n_atoms, 3))
        + np.arange(beside.n_atoms)[:, None] // 3
    )
    at = np.repeat(at[None].astype(np.float32), trajectory.n_frames, axis=0)
    return md.Trajectory(np.concatenate([at, trajectory.xyz], axis=1), joined(beside, trajectory.topology))


def test_a_dry_rollout_is_compared_with_solvated_md_as_with_dry_md(two_state_alanine):
    rollout, dry = two_state_alanine(600, seed=1), two_state_alanine(1000, seed=2, hydrogens=True)
    settings = {"rollout_interval_ps": 1.0, "reference_interval_ps": 1.0, "lag_ps": 5.0, "n_clusters": 10}
    settings |= {"n_states": 2, "n_bootstrap": 5}
    expected = lam.compare(rollout, dry, **settings)
    comparison = lam.compare(rollout, with_solvent(dry, 4, 2), replicate=with_solvent(dry, 3, 1), **settings)
    assert comparison.to_dict()["torsions"][0]["js_distance"] == expected.to_dict()["torsions"][0]["js_distance"]
    assert "left out are residues that only the reference holds: 2 CL, 2 NA, 4 water" in comparison.notes
    assert "left out are residues that only the replicate holds: 1 CL, 1 NA, 3 water" in comparison.notes
    assert "compared are 10 of the reference's 12 atoms; hydrogens left out" in comparison.notes
    solvated = lam.compare(with_solvent(rollout, 2, 0), dry, **settings)
    assert "left out are residues that only the rollout holds: 2 water" in solvated.notes
