"""Values of wrong types, and impossible ones, given to functions of Python: each is refused by its name.

The calls are made in a process of their own, in which annotations are not checked, as with users.
"""

import json
import subprocess
import sys

import numpy as np
import pytest

from lamslide_md.analysis.reference_model import fit_centres
from lamslide_md.errors import InputError
from lamslide_md.surrogate import Surrogate
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.system import PointTrajectory, System
from tests.small import tiny_settings

SETTING_UP = """
import json
import numpy as np
import lamslide_md as lam
from lamslide_md.analysis.table import tabulate
from lamslide_md.config import PRESETS
from lamslide_md.simulate import SimulationSettings, clean_structure, peptide
from lamslide_md.systems.entities import Entities
from lamslide_md.systems.system import PointTrajectory, System

model = lam.load_pretrained("ala2")
rollout = model.rollout(n_frames=2)
chain = model.rollout(n_frames=20).to_mdtraj()
points = System(Entities.points(["a", "a"], 3), np.zeros((2, 3), dtype=np.float32))
told = {}
for call in CALLS:
    try:
        eval(call)
        told[call] = "it passes"
    except lam.InputError as error:
        told[call] = str(error)
    except Exception as error:
        told[call] = f"{type(error).__name__}: {error}"
print(json.dumps(told))
"""

CALLS = {
    "model.rollout(start=5)": "the start is a int; pass an mdtraj.Trajectory",
    "model.rollout(start=object())": "the start is a object",
    "model.rollout(start=b'x')": "the start is a bytes",
    "model.rollout(start={'a': 1})": "the start is a dict",
    "model.interpolate(chain, 5, 3)": "the end is a int",
    "model.upsample(5, 2)": "trajectory is of type int",
    "model.rollout(solver=['heun'])": "unknown solver ['heun']",
    "model.rollout(constrain='x')": "constrain='x' must be True or False",
    "model.rollout(n_chains=True)": "n_chains=True must be a whole number",
    "model.rollout(n_frames=True)": "n_frames=True must be a whole number",
    "model.rollout(n_frames=np.True_)": "n_frames=np.True_ must be a whole number",
    "lam.forecast(model, 5, 3)": "histories is of type int",
    "lam.forecast(model, [], 3)": "histories is an empty list",
    "model.save(None)": "path=None is of type NoneType",
    "rollout.save(b'x')": "path=b'x' is of type bytes",
    "rollout.save('a.xtc', 5)": "on_frames=5 is nothing that can be called",
    "rollout.seeds('x')": "n='x' must be a whole number",
    "rollout.seeds(1, lag_ps='x')": "lag_ps='x' must be a number",
    "lam.Surrogate.load(5)": "path=5 is of type int",
    "lam.Surrogate.load('a', accelerator=['cpu'])": "accelerator=['cpu'] is no kind of device",
    "lam.Surrogate.fit(5)": "trajectories=5 is of type int",
    "lam.Surrogate.fit(chain, settings=5)": "settings=5 is of type int",
    "lam.Surrogate.fit(chain, devices='x')": "devices='x' must be a whole number",
    "lam.Surrogate.fit(chain, nodes=1.5)": "nodes=1.5 must be a whole number",
    "lam.Surrogate.fit(chain, checkpoint_dir=5)": "checkpoint_dir=5 is of type int",
    "lam.Surrogate.fit(chain, on_progress=5)": "on_progress=5 is nothing that can be called",
    "lam.Surrogate.fit(chain, preset=5)": "unknown preset 5",
    "lam.Surrogate.fit(chain, preset='x', settings=PRESETS['quick'])": "unknown preset 'x'",
    "lam.compare(chain, chain, temperature_K='x')": "temperature_K='x' must be a number",
    "lam.compare(chain, chain, rollout_interval_ps='1')": "rollout_interval_ps='1' must be a number",
    "lam.compare(chain, chain, provenance=5)": "provenance=5 is of type int",
    "tabulate(5)": "comparisons is of type int",
    "PointTrajectory(points, np.zeros((3, 2, 3)), '1')": "frame_interval_ps='1' must be a number",
    "PointTrajectory(5, np.zeros((3, 2, 3)), 1.0)": "system is of type int",
    "peptide(5)": "sequence=5 is no text",
    "clean_structure(5)": "path=5 is of type int",
    "SimulationSettings(length_ps='x')": "length_ps='x' must be a number",
}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    lines = f"CALLS = {list(CALLS)!r}\n{SETTING_UP}"
    folder = tmp_path_factory.mktemp("calls")
    run = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, cwd=folder, check=False)
    assert run.returncode == 0, run.stderr
    assert not list(folder.iterdir())
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("call", CALLS)
def test_a_value_of_a_wrong_type_is_refused_by_the_name_of_its_parameter(call, told):
    assert told[call].startswith(CALLS[call])


@pytest.mark.parametrize("scale", [1e300, 1e20])
def test_points_too_large_for_single_precision_are_refused_with_their_frame(scale):
    points = np.random.default_rng(0).normal(size=(50, 2, 3))
    points[7] *= scale
    system = System(Entities.points(["a", "a"], 3), points[0].astype(np.float32))
    with pytest.raises(InputError, match=r"trajectory 1 of 1: frame 7 has coordinates beyond 1e\+18"):
        Surrogate.fit(PointTrajectory(system, points, 1.0), settings=tiny_settings(n_steps=2))


def test_large_seeds_give_the_same_clusters_each_time_and_others_than_other_seeds():
    tics = np.random.default_rng(0).normal(size=(500, 2))
    seeds = [0, 2**32 - 1, 2**32, 2**32 + 1, 2**63 - 1]
    found = [fit_centres(tics, 5, seed) for seed in seeds]
    for seed, centres in zip(seeds, found, strict=True):
        np.testing.assert_array_equal(fit_centres(tics, 5, seed), centres)
    assert len({centres.tobytes() for centres in found}) == len(seeds)
