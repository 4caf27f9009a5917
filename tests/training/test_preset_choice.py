"""Without a preset, what suits the molecule is taken."""

import numpy as np
import pytest

from lamslide_md.systems.entities import Entities
from lamslide_md.systems.system import PointTrajectory, System
from lamslide_md.training.preset_choice import longest_chain, usual_preset
from tests.small import shivering_peptide


@pytest.mark.parametrize(("sequence", "expected"), [("AGVD", "quick"), ("VGASDF", "quick"), ("VGASDFK", "protein")])
def test_a_chain_longer_than_peptides_were_measured_is_a_protein(sequence, expected):
    assert usual_preset([shivering_peptide(sequence, n_frames=2)]) == expected


def test_caps_are_no_amino_acids_and_one_long_chain_is_enough():
    capped = shivering_peptide("VGASDF", n_frames=2, capped=True)
    assert (capped.n_residues, longest_chain([capped])) == (8, 6)
    assert usual_preset([capped, shivering_peptide("VGASDFK", n_frames=2)]) == "protein"


def test_what_is_no_molecule_is_no_protein(butane):
    points = PointTrajectory(System(Entities.points(["a", "b"], 2), np.zeros((2, 2))), np.zeros((3, 2, 2)), 1.0)
    assert (longest_chain([points]), usual_preset([butane, points])) == (0, "quick")
