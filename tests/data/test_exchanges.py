from dataclasses import replace

import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.sampling.chain_state import ChainState
from lamslide_md.sampling.settings import Sampling
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.equivalent_atoms import with_exchanges, with_exchanges_like
from lamslide_md.systems.start_checks import check_start
from lamslide_md.systems.symmetry import LabelTracker, canonicalise
from lamslide_md.systems.system import PointTrajectory, System
from lamslide_md.training.preparing import prepare_data
from tests.small import shivering_peptide, tiny_settings

N_FRAMES = 3000


def trajectory_of(traj):
    return PointTrajectory(System.molecule(traj[0], "residues"), traj.xyz, 1.0)


def exchanging(*trajectories, interval_ps=1.0):
    systems = with_exchanges([r.system for r in trajectories], trajectories, interval_ps)
    return [replace(r, system=system) for r, system in zip(trajectories, systems, strict=True)]


def named(system):
    atom = system.topology.atom
    return {
        frozenset(f"{atom(i).residue.name}-{atom(i).name}" for i in pair)
        for e in system.exchanges
        for pair in e.group.swaps
    }


def exchanged_at_random(trajectory, often, seed=0):
    """The same frames, the names of every group exchanged between any two frames with this probability."""
    points, generator = trajectory.points_nm.copy(), np.random.default_rng(seed)
    for exchange in trajectory.system.exchanges:
        exchange.group.swap(points, np.cumsum(generator.random(len(points)) < often) % 2 == 1)
    return replace(trajectory, points_nm=points)


@pytest.fixture(scope="module")
def aspartate():
    (found,) = exchanging(trajectory_of(shivering_peptide("AD", N_FRAMES)))
    return found


def test_planar_groups_with_equal_halves_are_exchanged_and_nothing_else():
    (found,) = exchanging(trajectory_of(shivering_peptide("FDREYVLNHT", 50)))
    halves = ["PHE-CD1 PHE-CD2", "PHE-CE1 PHE-CE2", "ASP-OD1 ASP-OD2", "ARG-NH1 ARG-NH2", "GLU-OE1 GLU-OE2"]
    halves += ["TYR-CD1 TYR-CD2", "TYR-CE1 TYR-CE2", "THR-O THR-OXT"]
    assert named(found.system) == {frozenset(pair.split()) for pair in halves}


def test_oxygens_are_told_apart_by_a_hydrogen_that_is_not_modelled():
    traj = shivering_peptide("AD", 50)
    carbon, acid = (next(a.index for a in traj.topology.atoms if a.name == name) for name in ("CG", "OD2"))
    traj.xyz[:, acid] += 0.06 * (traj.xyz[:, acid] - traj.xyz[:, carbon])
    (found,) = exchanging(trajectory_of(traj))
    assert named(found.system) == {frozenset({"ASP-O", "ASP-OXT"})}


def test_canonical_names_do_not_depend_on_the_names_before(aspartate):
    once = canonicalise(aspartate.points_nm, aspartate.system.exchanges)
    again = exchanged_at_random(aspartate, 0.5)
    assert (again.points_nm != aspartate.points_nm).any()
    np.testing.assert_array_equal(canonicalise(again.points_nm, aspartate.system.exchanges), once)
    np.testing.assert_array_equal(canonicalise(once, aspartate.system.exchanges), once)


def test_a_training_does_not_see_the_names(aspartate):
    settings = tiny_settings(entities="residues").model_copy(update={"exchange": True})
    one, other = (prepare_data([r], settings, None) for r in (aspartate, exchanged_at_random(aspartate, 0.5)))
    np.testing.assert_allclose(one.datasets[0].points, other.datasets[0].points, atol=1e-6)


def test_ranges_are_those_of_canonical_names_in_which_arginine_has_its_own():
    (arginine,) = exchanging(trajectory_of(shivering_peptide("AR", 200, spread=0.05)))
    settings = tiny_settings(entities="residues").model_copy(update={"exchange": True})
    found = []
    for often in (0.0, 1.0, 0.5):
        data = prepare_data([exchanged_at_random(arginine, often)], settings, None)
        held = data.systems[0].constraints
        points = canonicalise(data.trajectories[0].points_nm, data.systems[0].exchanges)
        first, second = held.pairs.T
        distances = np.linalg.norm(points[:, first] - points[:, second], axis=-1)
        within = (distances > held.lower_nm - 1e-3) & (distances < held.upper_nm + 1e-3)
        assert within.mean(axis=0).min() > 0.99
        check_start(data.trajectories[0].points_nm[:5], data.systems[0])
        found.append(held)
    rigid = {frozenset(pair) for pair, upper in zip(held.pairs.tolist(), held.upper_nm, strict=True) if upper < 1}
    atoms = {atom.name: atom.index for atom in arginine.system.topology.residue(1).atoms}
    assert {frozenset((atoms["CD"], atoms[name])) for name in ("NH1", "NH2")} <= rigid
    for other in found[1:]:
        np.testing.assert_allclose(other.upper_nm, found[0].upper_nm, atol=1e-5)


@pytest.mark.parametrize("often", [0.02, 0.4])
def test_names_are_exchanged_as_often_as_in_the_data_and_nothing_else_changes(aspartate, often):
    (data,) = exchanging(exchanged_at_random(replace(aspartate, points_nm=canonical_of(aspartate)), often))
    exchanges = data.system.exchanges
    chains = canonicalise(data.points_nm, exchanges).reshape(10, -1, *data.points_nm.shape[1:])
    names, random, out = LabelTracker(exchanges, chains[:, 0]), np.random.default_rng(1), chains.copy()
    for frame in range(1, chains.shape[1]):
        names.follow(out[:, frame], random)
    np.testing.assert_array_equal(canonicalise(out, exchanges), chains)
    for exchange in exchanges:
        flips, true = (rate(exchange.exchanged(points)) for points in (out, data.points_nm[None]))
        # Both are counts of Bernoulli draws: four standard deviations of their difference.
        assert abs(flips - true) < 4 * np.sqrt(2 * true * (1 - true) / N_FRAMES)


def canonical_of(trajectory):
    return canonicalise(trajectory.points_nm, trajectory.system.exchanges)


def rate(exchanged):
    return (exchanged[:, 1:] != exchanged[:, :-1]).mean()


def test_molecules_share_the_seam_and_another_one_has_it_from_them():
    trajectories = exchanging(
        *(trajectory_of(shivering_peptide(name, 300, seed=i)) for i, name in enumerate(("DA", "AD")))
    )
    unseen = with_exchanges_like(
        System.molecule(shivering_peptide("GD", 1), "residues"), [r.system for r in trajectories]
    )
    seams = [[e.seam_rad for e in system.exchanges] for system in (*(r.system for r in trajectories), unseen)]
    # Each has its aspartate and its end, in the order of their first atoms.
    assert sorted(seams[0]) == sorted(seams[1]) == sorted(seams[2])
    lone = with_exchanges_like(System.molecule(shivering_peptide("GF", 1), "residues"), [trajectories[0].system])
    assert named(lone) == {frozenset({"PHE-O", "PHE-OXT"})}


def test_points_without_chemistry_have_nothing_to_exchange():
    settings = tiny_settings().model_copy(update={"exchange": True})
    system = System(Entities.points(["point"] * 4, 3), np.zeros((4, 3)))
    points = PointTrajectory(system, np.random.default_rng(0).normal(size=(50, 4, 3)), 1.0)
    assert prepare_data([points], settings, None).systems[0].exchanges == ()


@pytest.fixture(scope="module")
def model():
    settings = tiny_settings(entities="residues").model_copy(update={"exchange": True})
    return lam.Surrogate.fit(shivering_peptide("AD", 300), settings=settings)


@pytest.mark.parametrize("other_names", [False, True])
def test_a_chain_goes_on_with_the_names_of_its_start(model, other_names):
    (still,) = (replace(exchange, flips=np.zeros_like(exchange.flips)) for exchange in model.systems[0].exchanges[:1])
    system = replace(model.systems[0], exchanges=(still, *model.systems[0].exchanges[1:]))
    calm, start = replace(model, systems=(system,)), shivering_peptide("AD", 1, seed=3)
    if other_names:
        still.group.swap(start.xyz, np.array([True]))
    frames = calm.rollout(start, 20, n_chains=3).chains()
    names = np.stack([still.exchanged(chain.xyz) for chain in frames])
    assert (names == still.exchanged(start.xyz)[0]).all()


@pytest.mark.parametrize("constrain", [True, False])
def test_a_chain_that_goes_on_from_its_last_frame_is_the_same_chain(model, constrain):
    propagator = model.propagator(model.systems[0], Sampling(constrain=constrain))

    def windows(state, n):
        frames = []
        for _ in range(n):
            window, state = propagator.step(state)
            frames.append(window)
        return frames

    start = model._placed(model.systems[0], shivering_peptide("AD", 5, seed=3).xyz[:, None])
    whole = windows(ChainState(start), 12)
    again = windows(ChainState(whole[5][:, -1:], window=6), 6)
    np.testing.assert_array_equal(np.concatenate(again, axis=1), np.concatenate(whole[6:], axis=1))


def test_exchanges_are_in_the_file(model, tmp_path):
    model.save(tmp_path / "AD.lamslide")
    loaded = lam.Surrogate.load(tmp_path / "AD.lamslide")
    assert len(loaded.systems[0].exchanges) == 2
    for one, other in zip(loaded.systems[0].exchanges, model.systems[0].exchanges, strict=True):
        assert (one.group, one.seam_rad) == (other.group, other.seam_rad)
        np.testing.assert_array_equal(one.flips, other.flips)
