import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.spatial.transform import Rotation

from lamslide_md.analysis.bootstrap import bootstrap_weights
from lamslide_md.analysis.clashes import CLASH_NM, MAX_LISTED_ATOMS, has_clash, learn_clashes
from lamslide_md.analysis.features import Alphas, alpha_pairs, find_alphas, heavy_atoms
from lamslide_md.analysis.measures.proteins import protein_estimates, reference_estimates
from lamslide_md.analysis.measures.transport import wasserstein_2
from lamslide_md.analysis.proteins.frames import see_protein
from lamslide_md.analysis.proteins.rules import learn_protein
from lamslide_md.analysis.proteins.secondary import secondary_structure
from lamslide_md.systems.bonds import bond_pairs, far_pairs
from lamslide_md.systems.neighbours import close_pairs
from tests.analysis.chains import STRAND, build_chain, shaken

N_RESIDUES = 24


def seen(rules, positions, n_blocks=4, lag=1):
    blocks = np.arange(len(positions)) * n_blocks // len(positions)
    return see_protein(rules, (positions,), (blocks,), bootstrap_weights(n_blocks, 5, 0), lag)


def rmsf_nm(positions, topology):
    rules = learn_protein(topology, [positions])
    return seen(rules, positions).rmsf_nm(np.ones((1, 4)))[0]


@pytest.fixture(scope="module")
def helix():
    return build_chain(N_RESIDUES)


def test_a_sine_of_one_residue_has_the_fluctuation_of_a_sine(helix):
    positions = np.repeat(helix.xyz, 200, axis=0)
    place = 12
    alpha = find_alphas(helix.topology).atoms[place]
    positions[:, alpha, 0] += 0.1 * np.sin(2 * np.pi * np.arange(200) / 50)
    fluctuations = rmsf_nm(positions, helix.topology)
    # 0.1 / sqrt(2); superposition moves all residues by 1/24 of it against the one that moves, and turns them a little.
    assert fluctuations[place] == pytest.approx(0.1 / np.sqrt(2), rel=0.12)
    assert np.delete(fluctuations, place).max() < 0.1 * fluctuations[place]


def test_tumbling_and_drifting_as_a_whole_is_no_fluctuation(helix):
    turned = np.einsum("fij,aj->fai", Rotation.random(50, rng=0).as_matrix(), helix.xyz[0])
    positions = (turned + np.arange(50)[:, None, None]).astype(np.float32)
    assert rmsf_nm(positions, helix.topology).max() < 1e-3


def test_residues_that_touch_half_of_the_time_have_half_an_occupancy():
    chain = build_chain(14, STRAND)
    positions = np.repeat(chain.xyz, 100, axis=0)
    last = [atom.index for atom in chain.topology.residue(13).atoms]
    first = [atom.index for atom in chain.topology.residue(0).atoms]
    beside = positions[:, first].mean(axis=1) + np.array([0.0, 0.0, 0.4])
    positions[::2, last] += (beside - positions[:, last].mean(axis=1))[::2, None]
    rules = learn_protein(chain.topology, [np.repeat(chain.xyz, 20, axis=0)])
    contacts = seen(rules, positions).contacts
    assert rules.contact_nm == 0.45
    keys, once = np.array([13, 14 * 2 + 9]), np.ones((1, 4))
    assert contacts.occupancy(keys, once).tolist() == [[0.5, 0.0]]
    assert contacts.exchange(keys, once).tolist() == [[1.0, 0.0]]
    assert seen(rules, positions, lag=2).contacts.exchange(keys, once).tolist() == [[0.0, 0.0]]


def test_contacts_that_hold_half_as_long_are_exchanged_twice_as_often():
    rng = np.random.default_rng(0)
    chain = build_chain(14, STRAND)
    last, first = ([atom.index for atom in chain.topology.residue(i).atoms] for i in (13, 0))
    rules = learn_protein(chain.topology, [np.repeat(chain.xyz, 20, axis=0)])

    def switching(often, n_frames=4000, lag=1):
        positions = np.repeat(chain.xyz, n_frames, axis=0)
        beside = positions[0, first].mean(axis=0) + np.array([0.0, 0.0, 0.4])
        touches = np.cumsum(rng.random(n_frames) < often) % 2 == 0
        positions[np.ix_(touches, last)] += beside - positions[0, last].mean(axis=0)
        return seen(rules, positions, lag=lag)

    slow, fast = switching(0.1), switching(0.2)
    found = protein_estimates(rules, fast, slow)
    assert found["exchange_error"].value == pytest.approx(0.1, abs=0.02)
    assert reference_estimates(rules, slow)["exchange_error"].value == pytest.approx(0.1, abs=0.02)
    assert found["contact_error"].value < 0.1
    found = protein_estimates(rules, switching(0.1, n_frames=40, lag=40), slow)
    assert found["exchange_error"].reason == "no trajectory is longer than the lag"


def test_a_backbone_alone_is_in_contact_by_its_c_alphas(helix):
    backbone = helix.atom_slice(helix.topology.select("name N CA C O"))
    rules = learn_protein(backbone.topology, [np.repeat(backbone.xyz, 20, axis=0)])
    assert rules.contact_nm == 0.8
    assert rules.contact_atoms.tolist() == backbone.topology.select("name CA").tolist()


def test_an_ideal_helix_is_helix_but_for_its_ends_and_a_strand_is_none(helix):
    residues = np.arange(N_RESIDUES)
    (codes,) = secondary_structure(helix.topology, residues, helix.xyz)
    assert set(codes[2:-2]) == {0}
    strand = build_chain(N_RESIDUES, STRAND)
    assert 0 not in secondary_structure(strand.topology, residues, strand.xyz)


def test_a_shifted_cloud_is_as_far_as_its_shift():
    rng = np.random.default_rng(1)
    cloud, other = rng.normal(size=(2, 400, 2))
    assert wasserstein_2(cloud, cloud + np.array([3.0, 4.0])) == pytest.approx(5.0)
    # Two samples of one Gaussian are themselves some tenths apart, which adds in squares.
    assert wasserstein_2(cloud, other + np.array([3.0, 4.0])) == pytest.approx(5.0, abs=0.3)


def test_a_wider_gaussian_is_as_far_as_its_widths_differ():
    rng = np.random.default_rng(2)
    cloud, other = rng.normal(size=(2, 500, 2)) * [[[1.0, 1.0]], [[3.0, 1.0]]]
    # W2² of Gaussians with commuting covariances is the sum of (difference of the widths)².
    assert wasserstein_2(cloud, other) == pytest.approx(2.0, rel=0.15)


def test_a_dataset_against_itself_differs_in_nothing(helix):
    positions = shaken(helix, 100, 0).xyz
    rules = learn_protein(helix.topology, [positions])
    frames = seen(rules, positions)
    estimates = protein_estimates(rules, frames, frames)
    for key, estimate in estimates.items():
        if key != "rmsd_drift":
            assert estimate.value == pytest.approx(0.0, abs=1e-6), key


def test_a_swollen_chain_is_larger_by_what_it_swells(helix):
    positions = shaken(helix, 100, 0).xyz
    rules = learn_protein(helix.topology, [positions])
    alphas = positions[:, find_alphas(helix.topology).atoms].astype(float)
    gyration_nm = np.sqrt(((alphas - alphas.mean(axis=1, keepdims=True)) ** 2).sum(axis=-1).mean(axis=1))
    swollen = protein_estimates(rules, seen(rules, positions * np.float32(1.1)), seen(rules, positions))
    assert swollen["gyration_error"].value == pytest.approx(0.1 * gyration_nm.mean() * 10.0, rel=1e-3)
    # No bin of the joint range holds frames of both.
    assert swollen["js_distance_gyration"].value == pytest.approx(np.sqrt(np.log(2)))


def test_drift_is_the_rmsd_gained_from_the_first_to_the_last_tenth(helix):
    strand = build_chain(N_RESIDUES, STRAND)
    mixed = np.concatenate([np.repeat(helix.xyz, 50, axis=0), np.repeat(strand.xyz, 50, axis=0)])
    rules = learn_protein(helix.topology, [np.repeat(helix.xyz, 20, axis=0) + shaken(helix, 20, 0).xyz * 0])
    frames = seen(rules, mixed)
    gained = frames.rmsd_nm[-1] - frames.rmsd_nm[0]
    assert gained > 1.0
    assert protein_estimates(rules, frames, frames)["rmsd_drift"].value == pytest.approx(10 * gained, rel=1e-5)


def test_without_an_oxygen_there_is_no_secondary_structure_and_the_reason_is_given(helix):
    bare = helix.atom_slice(helix.topology.select("name N CA C CB"))
    positions = shaken(bare, 60, 0).xyz
    rules = learn_protein(bare.topology, [positions])
    estimates = protein_estimates(rules, seen(rules, positions), seen(rules, positions))
    assert estimates["helix_error"].value is None
    assert "needs N, CA, C and O" in estimates["propensity_error"].reason


@pytest.mark.parametrize(("n_residues", "found"), [(10, 0), (11, 11)])
def test_a_protein_has_more_than_ten_residues(n_residues, found):
    assert len(find_alphas(build_chain(n_residues).topology)) == found


def test_pairs_are_three_residues_apart_and_the_same_at_every_call():
    places = np.arange(300)
    alphas = Alphas(places, places, places // 150)
    pairs = alpha_pairs(alphas, 2000)
    assert len(np.unique(pairs, axis=0)) == 2000
    same_chain = pairs[:, 0] // 150 == pairs[:, 1] // 150
    assert (pairs[same_chain, 1] - pairs[same_chain, 0]).min() == 3
    np.testing.assert_array_equal(pairs, alpha_pairs(alphas, 2000))
    # Of a short chain all that there are: 12 * 11 / 2 less 11 neighbours and 10 next neighbours.
    assert len(alpha_pairs(find_alphas(build_chain(12).topology), 2000)) == 45


def test_neighbours_are_those_of_all_distances():
    positions = np.random.default_rng(0).normal(size=(7, 40, 3))
    found = {
        (int(f), *map(int, pair))
        for frames, pairs in close_pairs(positions, 0.7)
        for f, pair in zip(frames, pairs, strict=True)
    }
    expected = {
        (frame, int(i), int(j))
        for frame, points in enumerate(positions)
        for i, j in np.argwhere(np.triu(squareform(pdist(points)) <= 0.7, k=1))
    }
    assert found == expected


def test_clashes_of_a_large_molecule_are_those_of_all_its_pairs(helix):
    positions = shaken(helix, 200, 3, amplitude_nm=0.02).xyz
    heavy = heavy_atoms(helix.topology)
    assert heavy.sum() > MAX_LISTED_ATOMS
    bonds = bond_pairs(helix.topology, positions)
    pairs = far_pairs(helix.n_atoms, bonds, heavy)
    distances = np.linalg.norm(positions[:, pairs[:, 0]] - positions[:, pairs[:, 1]], axis=-1)
    expected = (distances < CLASH_NM).any(axis=1)
    assert 0 < expected.mean() < 1
    np.testing.assert_array_equal(has_clash(learn_clashes(helix.n_atoms, bonds, heavy), positions), expected)
