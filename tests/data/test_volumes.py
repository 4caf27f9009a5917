import numpy as np
import torch

from lamslide_md.systems.label_matching import doubled, match_by_label
from lamslide_md.systems.volumes import relative_volumes, signed_volumes

CENTRE = np.array([[0, 1, 2, 3]])
AXES = np.array([[[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.5]]])


def test_the_volume_of_three_right_angles_is_the_product_of_the_bonds_and_changes_sign_in_a_mirror():
    assert [float(value[0, 0]) for value in signed_volumes(AXES, CENTRE)] == [3.0, 3.0]
    assert relative_volumes(AXES * [1, 1, -1], CENTRE)[0, 0] == -1.0


def test_a_centre_with_a_bond_of_no_length_has_no_hand():
    assert relative_volumes(AXES * [1, 1, 0], CENTRE)[0, 0] == 0.0


def test_tensors_and_arrays_have_the_same_volumes():
    points, centres = np.random.default_rng(0).normal(size=(7, 9, 3)), np.array([[0, 3, 5, 8], [2, 1, 7, 4]])
    of_tensors = signed_volumes(torch.from_numpy(points), torch.from_numpy(centres))
    for tensor, array in zip(of_tensors, signed_volumes(points, centres), strict=True):
        np.testing.assert_allclose(tensor.numpy(), array, rtol=1e-14)


def test_labels_tell_what_is_found_what_is_missing_and_what_is_there_besides():
    wanted = [(0, "ALA", "N"), (0, "ALA", "CA"), (0, "ALA", "CB")]
    there = [(0, "ALA", "CB"), (0, "ALA", "O"), (0, "ALA", "N")]
    found = match_by_label(wanted, there)
    assert (found.index.tolist(), found.missing.tolist(), found.surplus.tolist()) == ([2, -1, 0], [1], [1])
    assert doubled([*wanted, there[2], there[0]]) == [wanted[0], wanted[2]]
