"""Residues as their own backbones see them, and chains put together of them."""

import numpy as np
import pytest
import torch

from lamslide_md.data.batch import pad
from lamslide_md.data.slots import N_SHARED
from lamslide_md.errors import InputError
from lamslide_md.frames.residue_frames import ResidueFrames
from lamslide_md.frames.superposed import superposed
from lamslide_md.systems.residues import check_chain
from lamslide_md.systems.system import System
from lamslide_md.training.windows import SystemDataset, random_rotations
from tests.small import shivering_peptide

PEPTIDES = [("FDAG", False), ("A", True), ("VP", True), ("GW", False)]


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def windows_of(sequence, capped, n_frames=20):
    trajectory = shivering_peptide(sequence, n_frames, capped=capped)
    system = System.molecule(trajectory[:1], "residues")
    return system, SystemDataset(system.entities, trajectory.xyz).batch(np.arange(n_frames)[:, None])


def deviation_nm(system, positions, others):
    """Root mean square after superposition, frame by frame."""
    frames, targets = (system.entities.to_points(p[:, 0].numpy()) for p in (positions, others))
    pairs = zip(frames, targets, strict=True)
    squares = [np.square(superposed(x[None], y)[0] - (y - y.mean(axis=0))).sum(axis=-1).mean() for x, y in pairs]
    return np.sqrt(np.mean(squares))


@pytest.mark.parametrize(("sequence", "capped"), PEPTIDES)
def test_a_chain_in_residue_frames_is_put_together_again(sequence, capped):
    system, batch = windows_of(sequence, capped)
    fitted = ResidueFrames().fit(batch)
    assert deviation_nm(system, fitted.inverse(fitted.transform(batch).positions), batch.positions) < 1e-6


def test_a_residue_frame_is_the_same_however_the_chain_stands_and_is_bent_elsewhere(generator):
    _, batch = windows_of("FDAG", capped=False)
    turns = random_rotations(len(batch.positions), 3, generator)
    fitted = ResidueFrames().fit(batch)
    seen = fitted.transform(batch)
    turned = fitted.transform(batch.with_positions(torch.einsum("bfesi,bij->bfesj", batch.positions, turns) + 2.0))
    torch.testing.assert_close(seen.positions, turned.positions, atol=1e-5, rtol=0)
    # The first residue sees nothing of the last two.
    bent = batch.positions.clone()
    bent[:, :, 2:] = 0
    torch.testing.assert_close(fitted.transform(batch.with_positions(bent)).positions[:, :, 0], seen.positions[:, :, 0])


def test_the_frame_of_reference_is_that_of_n_c_alpha_and_c():
    _, batch = windows_of("GW", capped=False)
    seen = ResidueFrames().fit(batch).transform(batch).positions
    nitrogen, alpha, carbon = seen[..., :3, :].unbind(dim=-2)
    assert alpha.abs().max() < 1e-6
    assert carbon[..., 1:].abs().max() < 1e-6
    assert nitrogen[..., 2].abs().max() < 1e-6
    assert (carbon[..., 0] > 0).all()
    assert (nitrogen[..., 1] > 0).all()


def test_errors_in_residue_frames_stay_of_their_size_in_the_chain(generator):
    system, batch = windows_of("FDAG", capped=False, n_frames=200)
    fitted = ResidueFrames().fit(batch)
    seen = fitted.transform(batch)
    wrong = seen.positions + 0.001 * torch.randn(seen.positions.shape, generator=generator)
    # Of three coordinates, 0.0017 nm; joints add theirs.
    assert deviation_nm(system, fitted.inverse(wrong), batch.positions) < 0.006


def test_padding_changes_nothing():
    windows = [windows_of(*peptide)[1] for peptide in PEPTIDES]
    together = pad(windows)
    seen, first = ResidueFrames().fit(together).transform(together), 0
    back = ResidueFrames().fit(together).inverse(seen.positions)
    assert torch.isfinite(back).all()
    for own in windows:
        n_entities, rows = own.positions.shape[2], slice(first, first + len(own.positions))
        alone = ResidueFrames().fit(own).transform(own)
        torch.testing.assert_close(seen.positions[rows, :, :n_entities], alone.positions)
        torch.testing.assert_close(
            back[rows, :, :n_entities], ResidueFrames().fit(own).inverse(alone.positions), atol=1e-5, rtol=0
        )
        first += len(own.positions)


def test_both_sides_of_a_peptide_bond_see_its_atoms():
    _, batch = windows_of("FDAG", capped=False)
    seen = ResidueFrames().fit(batch).transform(batch)
    shared = seen.slot_mask[0, :, -N_SHARED:].long()
    assert shared.sum(dim=1).tolist() == [2, 5, 5, 3]


@pytest.mark.parametrize(("sequence", "capped"), PEPTIDES)
def test_peptides_are_chains(sequence, capped):
    check_chain(shivering_peptide(sequence, 1, capped=capped).topology)


def test_what_is_no_chain_is_refused_with_what_it_lacks():
    topology = shivering_peptide("FDAG", 1).topology
    broken = topology.subset([atom.index for atom in topology.atoms if str(atom) != "ASP2-C"])
    with pytest.raises(
        InputError, match=r"ASP2 has no peptide bond to ALA3; use preset='protein' \(placement 'poses'\)"
    ):
        check_chain(broken)
    cap = shivering_peptide("A", 1, capped=True).topology.subset([0, 1, 2])
    with pytest.raises(InputError, match=r"ACE1 lacks its N"):
        check_chain(cap)
