"""Files of a newer program are refused by their number, and those of the first program, which told none, are read."""

import json

import numpy as np
import pytest
from stage_cache import StageCache

from lamslide_md.errors import InputError
from lamslide_md.io.arrays import read_arrays, write_arrays
from lamslide_md.io.manifests import find_manifest, rollout_manifest
from lamslide_md.sampling.chain_state import ChainState, RestartFile
from lamslide_md.simulate.checkpoints import load_bookkeeping


def test_manifests(tmp_path):
    path = tmp_path / "r.json"
    content = rollout_manifest(3, (1, 5), 2.0, {}).model_dump()
    path.write_text(json.dumps(content))
    assert find_manifest(tmp_path / "r.xtc").n_frames == 5
    path.write_text(json.dumps(content | {"format_version": 2}))
    with pytest.raises(InputError, match=r"r\.json has manifest format 2, this program reads 1; update lamslide_md"):
        find_manifest(tmp_path / "r.xtc")


def test_what_rollouts_go_on_from(tmp_path):
    path = tmp_path / "r.restart.npz"
    RestartFile(ChainState(np.ones((1, 1, 3, 3), dtype=np.float32), 2), 7, (11,), 0.5).save(path)
    content = read_arrays(path, "", "")
    assert RestartFile.load(path).n_frames == 7
    write_arrays(path, **{name: value for name, value in content.items() if name != "format_version"})
    assert RestartFile.load(path).state.window == 2
    write_arrays(path, **{**content, "format_version": np.array(2)})
    with pytest.raises(InputError, match=r"restart format 2, this program reads 1; update lamslide_md, or roll out"):
        RestartFile.load(path)


def test_stage_caches_of_workflows(tmp_path):
    path = tmp_path / "phases.json"
    StageCache(path).run("only", dict, settings={})
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"format_version": 2}))
    with pytest.raises(InputError, match=r"phases\.json has format version 2, this program reads 1; update"):
        StageCache(path)


def test_checkpoints_of_simulations(tmp_path):
    path = tmp_path / "rep1.checkpoint"
    told = {"fingerprint": "f", "equilibration_steps": 3, "n_frames": 4, "n_bytes": 5, "wall_time_s": 6.0}
    told |= {"platform": "CPU", "openmm_version": "8", "binary_bytes": 2, "xml_bytes": 1}
    for first in ({}, {"format_version": 1}):
        path.write_bytes(json.dumps(first | told).encode() + b"\nabc")
        assert load_bookkeeping(path).n_frames == 4
    path.write_bytes(json.dumps({"format_version": 3, "more": 1} | told).encode() + b"\nabc")
    with pytest.raises(
        InputError, match="checkpoint format 3, this program reads 1 to 2; update lamslide_md, or start"
    ):
        load_bookkeeping(path)
