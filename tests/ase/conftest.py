import ase.io
import pytest

import lamslide_md as lam


@pytest.fixture(scope="module")
def surrogate(model):
    return lam.Surrogate.load(model)


@pytest.fixture
def all_atoms(dipeptide):
    """20 atoms, 10 of them hydrogens."""
    return ase.io.read(dipeptide / "system.pdb")


@pytest.fixture
def atoms(all_atoms):
    """The 10 heavy atoms."""
    return all_atoms[all_atoms.numbers != 1]
