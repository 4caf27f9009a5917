import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.analysis.features import find_torsions, torsion_angles
from lamslide_md.sampling.rollout import Rollout
from lamslide_md.sampling.seeds import choose_seeds
from tests.small import tiny_settings


@pytest.fixture(scope="module")
def lopsided():
    """Angles of two chains that are nearly always at 0, and once for a short while at 2 rad."""
    generator = np.random.default_rng(0)
    angles = 0.2 * generator.normal(size=(2, 1000, 2))
    angles[1, 400:430, 0] += 2.0
    return list(angles)


def test_least_counts_begins_where_the_chains_have_hardly_been(lopsided):
    seeds = choose_seeds(lopsided, 3, "msm", frame_interval_ps=1.0)
    assert list(np.diff(seeds.n_transitions) >= 0) == [True, True]
    every = choose_seeds(lopsided, 100, "msm", frame_interval_ps=1.0)
    known = np.isfinite(every.population)
    # Those of which the model knows no way back come first, then those counted least.
    assert not known[: (~known).sum()].any()
    assert (np.diff(every.n_transitions[known]) >= 0).all()
    rare = [
        angles[frame, 0] > 1.2
        for angles, frame in ((lopsided[c], f) for c, f in zip(every.chain, every.frame, strict=True))
    ]
    assert np.flatnonzero(rare).mean() < 50
    np.testing.assert_allclose(every.population[known].sum(), 1, atol=1e-9)


def test_uniform_seeds_are_spread_whatever_the_populations(lopsided):
    seeds = choose_seeds(lopsided, 10, "uniform", frame_interval_ps=1.0)
    rare = [lopsided[c][f, 0] > 1.2 for c, f in zip(seeds.chain, seeds.frame, strict=True)]
    # 1.5 % of the frames; at random all ten would miss them 86 % of the time.
    assert sum(rare) >= 2
    assert not rare[0]
    assert rare[1]


@pytest.mark.parametrize("method", ["msm", "uniform"])
@pytest.mark.parametrize("n", [1, 7, 150, 2000])
def test_there_are_as_many_seeds_as_asked_for_and_none_twice(lopsided, method, n):
    seeds = choose_seeds(lopsided, n, method, frame_interval_ps=1.0)
    assert len({(c, f) for c, f in zip(seeds.chain.tolist(), seeds.frame.tolist(), strict=True)}) == n


def test_the_same_seed_chooses_the_same_frames(lopsided):
    one, two = (choose_seeds(lopsided, 20, "msm", frame_interval_ps=1.0, seed=3) for _ in range(2))
    np.testing.assert_array_equal((one.chain, one.frame), (two.chain, two.frame))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [((0, "msm"), "n=0"), ((2001, "uniform"), "2000 frames"), ((3, "random"), "'random' is unknown")],
)
def test_what_cannot_be_chosen_is_refused(lopsided, arguments, complaint):
    with pytest.raises(lam.InputError, match=complaint):
        choose_seeds(lopsided, *arguments, frame_interval_ps=1.0)


def test_a_lag_must_be_whole_frames_and_shorter_than_a_chain(lopsided):
    with pytest.raises(lam.InputError, match="lag_ps"):
        choose_seeds(lopsided, 3, "msm", frame_interval_ps=2.0, lag_ps=5.0)
    with pytest.raises(lam.InputError, match="longer trajectory"):
        choose_seeds(lopsided, 3, "msm", frame_interval_ps=1.0, lag_ps=5000.0)


@pytest.mark.parametrize("method", ["msm", "uniform"])
def test_seeds_of_a_rollout_are_its_frames_and_their_times_say_which(butane, method, monkeypatch):
    rollout = lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=20)).rollout(butane[0], 150, n_chains=2)
    seeds = rollout.seeds(5, method)
    index = np.rint(seeds.time / rollout.frame_interval_ps).astype(int) - 1
    np.testing.assert_array_equal(seeds.xyz, rollout.to_mdtraj().xyz[index])
    monkeypatch.setattr("lamslide_md.sampling.frame_stream.KEEP_BYTES", 0)
    again = lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=20)).rollout(butane[0], 150, n_chains=2)
    np.testing.assert_array_equal(again.seeds(5, method).xyz, seeds.xyz)


def test_seeds_of_given_frames_cover_both_wells(butane):
    rollout = Rollout.of_points(
        lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=1)).systems[0], butane.xyz[None], 1.0, {}
    )
    seeds = rollout.seeds(4, "uniform")
    torsion = torsion_angles(seeds.xyz, find_torsions(butane.topology, butane.xyz[:1]))
    assert torsion.min() < -0.8
    assert torsion.max() > 0.8
