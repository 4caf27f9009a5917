import numpy as np
import pytest
from ase import Atoms
from ase.constraints import FixAtoms

import lamslide_md as lam
from lamslide_md.ase import LatentDynamics
from tests.ase.running import run


def test_atoms_may_stand_in_any_order(atoms, surrogate):
    order = np.random.default_rng(0).permutation(len(atoms))
    np.testing.assert_allclose(run(atoms[order], surrogate, 3)[1:], run(atoms, surrogate, 3)[1:][:, order], atol=2e-3)


def test_hydrogens_are_left_out_and_the_atoms_passed_in_stay_as_they_are(all_atoms, surrogate):
    before = all_atoms.positions.copy()
    with LatentDynamics(all_atoms, surrogate) as dyn:
        dyn.run(2)
        assert list(dyn.atoms.numbers) == [z for z in all_atoms.numbers if z != 1]
    np.testing.assert_array_equal(all_atoms.positions, before)
    assert "lamslide" not in all_atoms.info


def test_atoms_the_model_knows_all_of_are_moved_themselves(atoms, surrogate):
    with LatentDynamics(atoms, surrogate) as dyn:
        assert dyn.atoms is atoms


def renamed(atoms, array, name):
    """All of one name."""
    atoms.set_array(array, None)
    atoms.set_array(array, np.array([name] * len(atoms)))
    return atoms


def nameless(atoms):
    """Elements and positions."""
    return Atoms(atoms.symbols, atoms.positions)


def moved(atoms, distance):
    atoms.positions += distance
    return atoms


@pytest.mark.parametrize(
    "change",
    [
        nameless,
        lambda atoms: renamed(atoms, "residuenames", "GLY"),
        lambda atoms: renamed(atoms, "atomtypes", "N"),
        lambda atoms: renamed(atoms, "residuenumbers", 7),
    ],
)
def test_atoms_whose_names_do_not_fit_are_matched_by_their_bonds(atoms, surrogate, change):
    order = np.random.default_rng(1).permutation(len(atoms))
    with pytest.warns(lam.errors.InputNote, match=r"the atoms: atoms were matched by the bond graph: \d+ of 10 names"):
        frames = run(change(atoms[order]), surrogate, 3)
    # Where nothing names the two oxygens of the carboxylate, either is the model's first.
    other = atoms.copy()
    names = other.arrays["atomtypes"]
    ends = [i for i, name in enumerate(names) if name in ("O", "OXT") and other.arrays["residuenumbers"][i] == 2]
    names[ends] = names[ends[::-1]]
    away = [np.abs(frames - run(given, surrogate, 3)[:, order]).max() for given in (atoms, other)]
    assert min(away) < 2e-3


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda atoms: atoms[1:], "lack ALA1-N;"),
        (lambda atoms: nameless(atoms[1:]), "have no names.*nor are their elements and bonds those of the model$"),
        (lambda atoms: Atoms(atoms.symbols, atoms.positions / 10), r"have no names.*apart: are positions in Å\?"),
        (lambda atoms: renamed(atoms[1:], "atomtypes", "N"), "hold ALA1-N twice.*nor are their elements and bonds"),
        (lambda atoms: nameless(atoms) + Atoms("O", [[50, 0, 0]]), r"besides the 10 .* such as atom 10 \(O\)"),
        (lambda atoms: nameless(atoms) + moved(nameless(atoms), 30), "holds 2 molecules like the one with ALA1-N"),
        (lambda atoms: atoms.set_constraint(FixAtoms([0])), "constrained"),
        (lambda atoms: atoms.set_positions(atoms.positions * 10), "the longest"),
        (lambda atoms: atoms.set_positions(atoms.positions * np.nan), "NaN"),
    ],
)
def test_atoms_that_do_not_fit_are_refused_with_the_reason(atoms, surrogate, spoil, complaint):
    atoms = spoil(atoms) or atoms
    with pytest.raises(lam.InputError, match=complaint):
        LatentDynamics(atoms, surrogate)


def test_surplus_atoms_other_than_hydrogens_are_named(atoms, surrogate):
    atoms.append("O")
    atoms.arrays["atomtypes"][-1] = "OW"
    atoms.arrays["residuenames"][-1] = "HOH"
    atoms.arrays["residuenumbers"][-1] = 3
    atoms.positions[-1] = atoms.positions[0] + 3
    with pytest.raises(lam.InputError, match="have beside those HOH3-OW"):
        LatentDynamics(atoms, surrogate)
