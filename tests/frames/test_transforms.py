"""Each way to see positions, the way back, and what callers read of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lamslide_md.data.batch import Batch
from lamslide_md.frames import from_settings
from lamslide_md.frames.base import Unchanged
from lamslide_md.frames.centred import Centred
from lamslide_md.frames.compose import Compose
from lamslide_md.frames.residue_frames import ResidueFrames
from lamslide_md.frames.superposed import Superposed, superposed
from lamslide_md.frames.symmetry_labels import SymmetryLabels
from lamslide_md.frames.windowed import Aligned, Anchored
from lamslide_md.systems.batches import batch_of, points_of
from lamslide_md.systems.equivalent_atoms import with_exchanges
from lamslide_md.systems.symmetry import canonicalise
from lamslide_md.systems.system import PointTrajectory, System
from tests.small import shivering_peptide


@pytest.fixture(scope="module")
def aspartate():
    traj = shivering_peptide("AD", 200)
    trajectory = PointTrajectory(System.molecule(traj[0], "residues"), traj.xyz, 1.0)
    (system,) = with_exchanges([trajectory.system], [trajectory], 1.0)
    return system, traj.xyz


@pytest.fixture
def windows():
    positions = torch.randn(4, 3, 5, 2, 3, generator=torch.Generator().manual_seed(0)) + 2.0
    batch = Batch.of_positions(positions)
    mask = batch.slot_mask.clone()
    mask[:, 3:, 1] = False
    return replace(batch, slot_mask=mask).with_positions(positions)


def test_superposed_frames_are_nearest_to_the_reference_and_lead_back_to_where_they_stood(windows):
    fitted_slots = windows.slot_mask[0]
    reference = windows.positions[0, 0]
    fitted = Superposed(reference, fitted_slots).fit(windows)
    seen = fitted.transform(windows)
    centre = reference[fitted_slots].mean(dim=0)
    torch.testing.assert_close(seen.positions[0, 0][fitted_slots], reference[fitted_slots] - centre)
    assert seen.positions[:, :, 3:, 1].abs().max() == 0
    back = windows.with_positions(fitted.inverse(seen.positions))
    torch.testing.assert_close(back.positions, windows.positions)


def test_points_on_the_host_are_superposed_as_slots_are(aspartate):
    system, points = aspartate
    fit = np.arange(6)
    own = replace(system, fit=fit)
    np.testing.assert_array_equal(own.place(points, "superposed"), superposed(points, system.reference_nm, fit))


def test_labels_are_those_of_the_host_and_are_given_back(aspartate):
    system, points = aspartate
    labels = system.transform(from_settings("local")).parts[0]
    assert isinstance(labels, SymmetryLabels)
    batch = batch_of(system.entities, points[:, None])
    fitted = labels.fit(batch)
    seen = fitted.transform(batch)
    canonical = canonicalise(points, system.exchanges)
    np.testing.assert_array_equal(points_of(system.entities, seen.positions)[:, 0], canonical)
    assert not np.array_equal(canonical, points)
    torch.testing.assert_close(fitted.inverse(seen.positions), batch.positions, atol=0, rtol=0)


def test_a_composition_undoes_its_parts_in_the_opposite_order(windows):
    composed = Compose((Centred(), Superposed(windows.positions[1, 1], windows.slot_mask[0])))
    fitted = composed.fit(windows)
    by_hand = composed.parts[1].apply(Centred().apply(windows))
    torch.testing.assert_close(fitted.transform(windows).positions, by_hand.positions)
    back = windows.with_positions(fitted.inverse(by_hand.positions))
    torch.testing.assert_close(back.positions, windows.positions, atol=1e-5, rtol=0)


def test_a_composition_tells_what_its_parts_tell():
    both = Compose((Anchored(), ResidueFrames()))
    assert (both.per_window, both.cacheable, both.keeps_orientation) == (True, False, False)
    assert both.extra_slots == ResidueFrames.extra_slots == 5
    nothing = Compose(())
    assert (nothing.per_window, nothing.cacheable, nothing.keeps_orientation) == (False, True, True)
    assert nothing.extra_slots == 0


@pytest.mark.parametrize("transform", [Unchanged(), Centred(), Anchored(), Aligned(), Compose((Anchored(), Centred()))])
def test_distances_are_those_of_the_molecule_where_entities_are_in_one_frame(windows, transform):
    seen = transform.apply(windows)
    placed = seen.with_positions(transform.in_one_frame(seen.positions, seen))
    before, after = (torch.cdist(p, p) for p in (b.positions.flatten(2, 3)[..., :6, :] for b in (windows, placed)))
    torch.testing.assert_close(after, before, atol=1e-5, rtol=0)
    assert not transform.pairs_within_entities


def test_residues_seen_one_by_one_are_never_in_one_frame():
    assert ResidueFrames().pairs_within_entities
    assert Compose((Centred(), ResidueFrames())).pairs_within_entities


@pytest.mark.parametrize(
    ("name", "per_window", "cacheable", "shared_reference", "of_residues"),
    [
        ("superposed", False, True, True, False),
        ("centred", False, True, False, False),
        ("anchored", True, False, False, False),
        ("aligned", True, False, False, False),
        ("local", False, True, False, True),
    ],
)
def test_what_the_names_of_settings_stand_for(name, per_window, cacheable, shared_reference, of_residues):
    frame = from_settings(name)
    assert (frame.windows.per_window, frame.windows.cacheable) == (per_window, cacheable)
    assert (frame.shared_reference, frame.of_residues) == (shared_reference, of_residues)
