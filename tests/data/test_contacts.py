"""Constraints of large systems: linear in the points, and the same as those of all pairs where these are no fold."""

import dataclasses

import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.errors import InputError
from lamslide_md.systems import candidate_pairs, constraints
from lamslide_md.systems.candidate_pairs import MOST_LISTED, near_by_bonds
from lamslide_md.systems.constraints import CONTACT_NM, MOST_EXCEPTIONS, find_constraints
from lamslide_md.systems.system import System
from lamslide_md.systems.transfer import transferred
from tests.analysis.chains import STRAND, build_chain, shaken
from tests.data.molecules import heavy_peptide
from tests.small import shivering_peptide

NO_BONDS = np.empty((0, 2), dtype=int)


def bonds_of(topology):
    return np.array([(one.index, other.index) for one, other in topology.bonds])


def found(trajectory):
    return find_constraints(trajectory.xyz, bonds_of(trajectory.topology), contacts=True)


def lower_of_all_pairs(held, n_points):
    lower = np.full((n_points, n_points), held.contact_nm)
    lower[tuple(held.pairs.T)] = held.lower_nm
    return lower


def as_large(monkeypatch):
    """Let every system count as large."""
    for module in (candidate_pairs, constraints):
        monkeypatch.setattr(module, "MOST_LISTED", 1)


def test_pairs_grow_as_the_residues_do():
    sizes = (20, 200)
    n_pairs = [len(found(shaken(build_chain(n, letter="F"), 5, seed=n)).pairs) for n in sizes]
    per_residue = np.array(n_pairs) / sizes
    assert per_residue[1] / per_residue[0] == pytest.approx(1, abs=0.1)
    # At 24 bytes each: less than 1.5 kB for a residue of 11 atoms.
    assert per_residue.max() < 100


def test_of_few_points_all_pairs_are_listed_and_there_is_no_contact_distance():
    few = shaken(build_chain(MOST_LISTED // 5), 5, seed=0)
    held = found(few)
    assert (few.n_atoms, held.contact_nm) == (MOST_LISTED, 0)
    assert held.pairs.tolist() == np.stack(np.triu_indices(few.n_atoms, k=1), axis=1).tolist()


@pytest.mark.parametrize("angles", [(-57.0, -47.0), STRAND], ids=["helix", "strand"])
def test_ranges_are_those_of_all_pairs(monkeypatch, angles):
    """All but those of pairs that only a fold keeps rigid."""
    chain = shaken(build_chain(30, angles, letter="Y"), 60, seed=1, amplitude_nm=0.03)
    sparse = found(chain)
    assert sparse.contact_nm == CONTACT_NM
    for module in (candidate_pairs, constraints):
        monkeypatch.setattr(module, "MOST_LISTED", 10_000)
    dense = found(chain)
    assert len(sparse.pairs) < len(dense.pairs) / 10
    own, all_of_them = (lower_of_all_pairs(held, chain.n_atoms) for held in (sparse, dense))
    loose = np.zeros_like(own, dtype=bool)
    loose[tuple(dense.pairs[np.isinf(dense.upper_nm)].T)] = True
    np.testing.assert_array_equal(own[loose], all_of_them[loose])
    assert (own[loose] < CONTACT_NM).sum() > 30
    near = near_by_bonds(chain.n_atoms, bonds_of(chain.topology))
    upper = dict(zip(map(tuple, dense.pairs.tolist()), dense.upper_nm, strict=True))
    assert sparse.pairs[: len(near)].tolist() == near.tolist()
    assert sparse.upper_nm[: len(near)].tolist() == [upper[tuple(pair)] for pair in near.tolist()]


def test_a_ring_system_is_rigid_from_one_end_to_the_other():
    chain = shaken(heavy_peptide("GWGYGGGGGGGGGGGGGGGGGGGGGG"), 200, seed=0, amplitude_nm=0.003)
    held = found(chain)
    rigid = {tuple(pair) for pair in held.pairs[np.isfinite(held.upper_nm)].tolist()}
    for residue, one, other in ((1, "CB", "CH2"), (1, "CD1", "CZ3"), (3, "CB", "OH")):
        pair = chain.topology.select(f"resid {residue} and (name {one} or name {other})")
        assert tuple(sorted(pair.tolist())) in rigid, (residue, one, other)


def test_pairs_that_the_data_has_nearer_keep_its_distance_and_few_are_listed(monkeypatch):
    generator = np.random.default_rng(0)
    places = 0.5 * np.stack(np.meshgrid(*[np.arange(5)] * 3), axis=-1).reshape(-1, 3)
    frames = places + 0.01 * generator.normal(size=(20, len(places), 3))
    # Far apart in order, 0.25 nm apart in one frame.
    frames[7, 120] = frames[7, 2] + [0.25, 0, 0]
    held = find_constraints(frames, NO_BONDS, contacts=True)
    listed = dict(zip(map(tuple, held.pairs.tolist()), held.lower_nm, strict=True))
    assert (held.contact_nm, listed[2, 120]) == (CONTACT_NM, pytest.approx(0.25))
    # All of a crowd are nearer than a contact in some frame.
    crowd = find_constraints(0.4 * frames, NO_BONDS, contacts=True)
    n_near = len(near_by_bonds(len(places), NO_BONDS))
    assert n_near < len(crowd.pairs) <= n_near + MOST_EXCEPTIONS * len(places)
    assert 0.2 < crowd.contact_nm < 0.9 * CONTACT_NM
    assert (crowd.lower_nm[n_near:] <= crowd.contact_nm).all()
    assert np.isinf(crowd.upper_nm[n_near:]).all()


def test_many_beads_without_bonds_keep_the_distances_along_their_chain_and_nothing_else():
    generator = np.random.default_rng(0)
    steps = generator.normal(size=(50, 150, 3))
    beads = np.cumsum(0.38 * steps / np.linalg.norm(steps, axis=-1, keepdims=True), axis=1)
    held = find_constraints(beads, NO_BONDS, contacts=False)
    assert held.pairs.tolist() == [[i, i + 1] for i in range(149)]
    np.testing.assert_allclose(np.r_[held.lower_nm, held.upper_nm], 0.38, atol=1e-5)
    assert held.contact_nm == 0


def test_constraints_of_large_molecules_are_carried_to_one_of_the_same_parts(monkeypatch):
    trajectories = [shivering_peptide("AVG"), shivering_peptide("VGA", seed=1)]
    unseen = System.molecule(shivering_peptide("GAV", 1), "residues")

    def carried():
        return transferred(
            unseen, [dataclasses.replace(System.molecule(t, "residues"), constraints=found(t)) for t in trajectories]
        )

    dense = carried()
    as_large(monkeypatch)
    sparse = carried()
    near = near_by_bonds(unseen.entities.n_points, unseen.entities.bonds)
    assert sparse.pairs.tolist() == near.tolist()
    nearest_nm = min(held.lower_nm[np.isinf(held.upper_nm)].min() for held in map(found, trajectories))
    assert (dense.contact_nm, sparse.contact_nm) == (0, nearest_nm)
    known = dict(zip(map(tuple, dense.pairs.tolist()), zip(dense.lower_nm, dense.upper_nm, strict=True), strict=True))
    # What no molecule of the training shows is let be, by contacts too.
    expected = [known.get(tuple(pair), (0, np.inf)) for pair in near.tolist()]
    np.testing.assert_array_equal(np.stack([sparse.lower_nm, sparse.upper_nm], axis=1), expected)
    assert sparse.centres.tolist() == dense.centres.tolist()


def test_starts_are_refused_and_frames_projected_whether_contacts_are_listed_or_not():
    model, overlapping = lam.load_pretrained("SVFA"), shivering_peptide("SVFA", 40)
    held = model.systems[0].constraints
    listed = np.isfinite(held.upper_nm) | (held.lower_nm < CONTACT_NM)
    assert 0 < listed.sum() < len(held.pairs)
    ranges = {name: getattr(held, name)[listed] for name in ("pairs", "lower_nm", "upper_nm")}
    unlisted = dataclasses.replace(held, **ranges, contact_nm=CONTACT_NM)
    other = dataclasses.replace(model, systems=(dataclasses.replace(model.systems[0], constraints=unlisted),))
    with pytest.raises(InputError, match=r"VAL2-O and PHE3-CD1 lie in each other: they are 0\.117 nm apart"):
        other.rollout(overlapping[2], 1)
    one, another = (m.rollout(n_frames=20, seed=3).points_nm() for m in (model, other))
    free = model.rollout(n_frames=20, seed=3, constrain=False).points_nm()
    np.testing.assert_allclose(one, another, atol=2e-4)
    assert np.abs(one - free).max() > 0.01
