import numpy as np
import pytest
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


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda atoms: atoms[1:], "lack ALA1-N;"),
        (lambda atoms: atoms.set_array("residuenames", np.array(["GLY"] * len(atoms))), "lack ALA1-N"),
        (lambda atoms: atoms.set_array("atomtypes", np.array(["N"] * len(atoms))), "hold ALA1-N twice"),
        (lambda atoms: atoms.set_array("atomtypes", None), "have no names"),
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
