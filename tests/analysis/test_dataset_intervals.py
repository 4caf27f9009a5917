import mdtraj as md
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.analysis.datasets.reading import dataset_interval_ps
from lamslide_md.errors import InputError, options_called
from lamslide_md.systems.system import System

QUICK = {"lag_ps": 10.0, "n_clusters": 10, "n_states": 2, "n_bootstrap": 5}


def timed(trajectory: md.Trajectory, interval_ps: float, start_ps: float = 0.0) -> md.Trajectory:
    """The same frames with times in single precision, as files hold them."""
    time_ps = (start_ps + interval_ps * np.arange(trajectory.n_frames)).astype(np.float32)
    return md.Trajectory(trajectory.xyz, trajectory.topology, time=time_ps)


def test_intervals_come_from_the_times_of_each_dataset(reference_md, replicate_md):
    rollout, reference = timed(replicate_md[:1000:5], 5.0, 5.0), timed(reference_md[:2000], 1.0)
    by_times = lam.compare(rollout, reference, **QUICK)
    told = lam.compare(rollout, reference, rollout_interval_ps=5.0, reference_interval_ps=1.0, **QUICK)
    assert by_times.to_dict() == told.to_dict()
    assert by_times.settings["sides"]["rollout"]["interval_ps"] == 5.0


def test_an_interval_that_contradicts_the_times_is_refused_with_both(reference_md, replicate_md):
    rollout, reference = timed(replicate_md[:500], 1.0), timed(reference_md[:500], 1.0)
    with pytest.raises(InputError, match=r"by rollout_interval_ps the frames of the rollout are 10 ps apart.*1 ps"):
        lam.compare(rollout, reference, rollout_interval_ps=10.0, **QUICK)
    with pytest.raises(InputError, match=r"by replicate_interval_ps the frames of the replicate are 2 ps apart"):
        lam.compare(rollout, reference, replicate=reference, replicate_interval_ps=2.0, **QUICK)


def test_a_trajectory_without_times_needs_the_interval_and_says_which(reference_md, replicate_md):
    reference = timed(reference_md[:500], 1.0)
    with pytest.raises(
        InputError, match=r"the rollout does not say .* only a count of frames; pass rollout_interval_ps"
    ):
        lam.compare(replicate_md[:500], reference, **QUICK)
    with pytest.raises(InputError, match=r"replicate trajectory 1 does not say .*; pass replicate_interval_ps"):
        lam.compare(reference, reference, replicate=[reference, replicate_md[:500]], **QUICK)


def test_messages_name_the_options_of_the_command_line(replicate_md):
    with (
        options_called({"rollout_interval_ps": "--rollout-interval-ps"}),
        pytest.raises(InputError, match="pass --rollout-interval-ps"),
    ):
        dataset_interval_ps([replicate_md], "rollout")


def test_a_replicate_without_times_has_the_interval_given_for_the_reference(reference_md, replicate_md):
    arguments = {"replicate": replicate_md[:500], "reference_interval_ps": 2.0, **QUICK}
    comparison = lam.compare(timed(replicate_md[500:1000], 2.0), reference_md[:1000], **arguments)
    assert comparison.settings["sides"]["kinetic_floor"]["interval_ps"] == 2.0


def test_trajectories_of_one_dataset_must_have_one_interval(replicate_md):
    parts = [timed(replicate_md[:100], 1.0), timed(replicate_md[100:200], 2.0)]
    with pytest.raises(InputError, match=r"rollout trajectory 1 are 2 ps apart, those of trajectory 0 1 ps"):
        dataset_interval_ps(parts, "rollout")


def test_times_of_a_long_file_in_single_precision_agree_with_what_is_given(replicate_md):
    late = timed(replicate_md[:2000], 0.2, 50_000.0)
    assert dataset_interval_ps([late], "rollout", 0.2) == 0.2
    with pytest.raises(InputError, match=r"0\.21 ps apart"):
        dataset_interval_ps([late], "rollout", 0.21)


def test_a_rollout_brings_its_chains_interval_and_temperature(reference_md, replicate_md):
    system = System.molecule(reference_md[:1], "atoms")
    chains = np.stack([replicate_md.xyz[:500], replicate_md.xyz[500:1000]])
    rollout = lam.Rollout.of_points(system, chains, 2.0, {"temperature_K": 350.0})
    reference = timed(reference_md[:2000], 1.0)
    comparison = lam.compare(rollout, reference, replicate=timed(replicate_md[2000:], 1.0), **QUICK)
    assert comparison.settings["sides"]["rollout"]["interval_ps"] == 2.0
    assert comparison.settings["sides"]["rollout"]["n_trajectories"] == 2
    assert comparison.settings["temperature_K"] == comparison.provenance["temperature_K"] == 350.0
    assert comparison.measure("free_energy_error").kind.unit == "kcal/mol"
    given = lam.compare(rollout, reference, temperature_K=300.0, **QUICK)
    assert given.settings["temperature_K"] == 300.0
    with pytest.raises(InputError, match=r"by rollout_interval_ps the frames of the rollout are 1 ps apart"):
        lam.compare(rollout, reference, rollout_interval_ps=1.0, **QUICK)
