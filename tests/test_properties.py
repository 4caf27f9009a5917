"""What holds for every size, order, hand and damage: drawn at random by hypothesis."""

import mdtraj as md
import numpy as np
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from lamslide_md.analysis.chirality import find_centres
from lamslide_md.config import FlowSettings, Optimisation
from lamslide_md.data.masks import draw_context
from lamslide_md.flow.interpolant import PREDICTIONS, interpolant_of
from lamslide_md.flow.scheduler import SCHEDULERS
from lamslide_md.models.identifiers import IdentifierPool
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.equivalent_atoms import with_exchanges
from lamslide_md.systems.matching import match
from lamslide_md.systems.symmetry import canonicalise
from lamslide_md.systems.system import PointTrajectory, System
from lamslide_md.systems.volumes import relative_volumes
from lamslide_md.training.windows import SystemDataset
from tests.data.molecules import heavy_peptide, permuted
from tests.small import chain_of, shivering_peptide

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
SEEDS = st.integers(0, 2**31 - 1)
quick = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
slow = settings(quick, max_examples=15)


@quick
@given(st.integers(1, 700), st.integers(1, 300), st.data())
def test_identifiers_tell_entities_apart(size, dim, data):
    pool = IdentifierPool(size, dim, seed=data.draw(st.integers(0, 5)))
    n_entities, n_samples = data.draw(st.integers(1, size)), data.draw(st.integers(1, 4))
    for assignment in ("canonical", "random"):
        generator = torch.Generator().manual_seed(data.draw(SEEDS))
        given_out = pool.assign(n_samples, n_entities, assignment, generator)
        assert given_out.shape == (n_samples, n_entities)
        assert given_out.min() >= 0
        assert given_out.max() < size
        assert all(len(set(row)) == n_entities for row in given_out.tolist())
    np.testing.assert_allclose(pool.embeddings.norm(dim=1), 1, atol=1e-5)
    if size <= min(dim, 256):
        products = pool.embeddings @ pool.embeddings.T
        np.testing.assert_allclose(products, np.eye(size), atol=1e-4)


@quick
@given(st.integers(1, 5), st.integers(0, 20), st.floats(0, 1), SEEDS)
def test_a_context_leaves_something_to_predict_and_fits_the_window(n_known, more, bridging, seed):
    flow = FlowSettings(
        optimisation=Optimisation(n_steps=1),
        n_known=n_known,
        n_frames=n_known + 1 + more,
        bridging=bridging if n_known == 1 else 0.0,
    )
    mask = draw_context(flow, torch.Generator().manual_seed(seed)).tolist()
    assert len(mask) <= flow.n_frames
    assert False in mask
    n_before = mask.index(False)
    bridge = [True, *[False] * (len(mask) - 2), True]
    assert mask == bridge or (n_before == n_known and not any(mask[n_before:]))


@quick
@given(st.sampled_from(sorted(SCHEDULERS)), st.sampled_from(sorted(PREDICTIONS)), st.floats(0.02, 0.98), SEEDS)
def test_what_an_ideal_network_predicts_is_data_noise_and_velocity(path, prediction, tau, seed):
    generator = torch.Generator().manual_seed(seed)
    data, noise = (torch.randn(2, 3, 2, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    interpolant, times = interpolant_of(path, prediction), torch.full((2,), tau, dtype=torch.float64)
    state, ideal = interpolant.state(data, noise, times), interpolant.target(data, noise, times)
    np.testing.assert_allclose(interpolant.to_data(ideal, state, times), data, atol=1e-9)
    np.testing.assert_allclose(interpolant.to_noise(ideal, state, times), noise, atol=1e-9)
    np.testing.assert_allclose(
        interpolant.to_velocity(ideal, state, times), interpolant.velocity(data, noise, times), atol=1e-9
    )


@quick
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(1, 4), st.integers(1, 8), st.floats(0, 0.9))
def test_windows_are_all_there_are_and_stay_within_their_trajectory(lengths, stride, n_frames, share):
    dataset = _dataset(lengths, stride)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    starts, span = dataset.starts(n_frames), (n_frames - 1) * stride
    assert len(starts) == sum(max(0, length - span) for length in lengths)
    assert (owner[starts] == owner[starts + span]).all()
    kept, cut = dataset.split(share)
    frames = [*kept.points[:, 0, 0].tolist(), *([] if cut is None else cut.points[:, 0, 0].tolist())]
    assert sorted(frames) == list(range(sum(lengths)))
    assert sum(kept.lengths) == len(kept.points)


@slow
@given(st.text(alphabet=LETTERS, min_size=2, max_size=5), SEEDS)
def test_atoms_in_any_order_and_place_are_found_again(sequence, seed):
    traj, rng = shivering_peptide(sequence, 1, seed=seed % 1000), np.random.default_rng(seed)
    order = rng.permutation(traj.n_atoms)
    there = permuted(traj, order)
    moved = Rotation.random(rng=rng).apply(there.xyz[0]) + rng.normal(size=3)
    there = md.Trajectory(moved[None].astype(np.float32), there.topology)
    index = match(System.molecule(traj, "atoms").molecule_wanted(), there, "start")
    np.testing.assert_array_equal(order[index], np.arange(traj.n_atoms))


@slow
@given(st.text(alphabet="DEFRY", min_size=2, max_size=4), SEEDS)
def test_labels_of_equal_halves_do_not_depend_on_how_they_came(sequence, seed):
    traj, rng = shivering_peptide(sequence, 40, seed=seed % 1000), np.random.default_rng(seed)
    trajectory = PointTrajectory(System.molecule(traj[0], "residues"), traj.xyz, 1.0)
    (system,) = with_exchanges([trajectory.system], [trajectory], 1.0)
    frames = trajectory.points_nm.copy()
    for exchange in system.exchanges:
        exchange.group.swap(frames, rng.random(len(frames)) < 0.5)
    assert system.exchanges
    canonical = canonicalise(trajectory.points_nm.copy(), system.exchanges)
    np.testing.assert_array_equal(canonicalise(frames, system.exchanges), canonical)
    np.testing.assert_array_equal(canonicalise(canonical.copy(), system.exchanges), canonical)


@slow
@given(st.text(alphabet=LETTERS.replace("G", ""), min_size=1, max_size=5), st.booleans(), SEEDS)
def test_chirality_is_of_the_hand_alone(sequence, mirrored, seed):
    rng = np.random.default_rng(seed)
    frame = heavy_peptide(sequence, mirrored=mirrored)
    bonds = np.array([(one.index, other.index) for one, other in frame.topology.bonds])
    turned = (Rotation.random(rng=rng).apply(frame.xyz[0]) + 10 * rng.normal(size=3))[None]
    centres, signs = find_centres(frame.topology, bonds, [turned])
    before, before_signs = find_centres(frame.topology, bonds, [frame.xyz.astype(float)])
    np.testing.assert_array_equal(centres, before)
    np.testing.assert_array_equal(signs, before_signs)
    assert len(centres) >= len(sequence)
    named = np.isin([frame.topology.atom(int(i)).name for i in centres[:, 0]], ["CA"])
    assert (signs[named] == (-1 if mirrored else 1)).all()
    np.testing.assert_array_equal(np.sign(relative_volumes(-turned, centres))[0], -signs)


def _dataset(lengths, stride):
    points = np.arange(sum(lengths), dtype=np.float32)[:, None, None] * np.ones((1, 2, 3), np.float32)
    entities: Entities = chain_of(1, 2)
    return SystemDataset(entities, points, stride, tuple(lengths))
