"""Hostile model files: refused in one line, quickly and without memory, or harmless."""

import copy
import json
import os
import resource
import stat
import struct
import zipfile
from contextlib import suppress
from pathlib import Path

import mdtraj as md
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import lamslide_md as lam
from tests.model_files import FORMAT_1, FORMAT_2, header_of, write_with
from tests.small import tiny_settings

ABSURD = (-1, 0, 10**9, 2**63 - 1, 10**30, float("nan"), 0.5, "9", None, [], {})
MEMORY_BYTES = 500_000_000
"""Address space that a refusal may take on top of what is in use."""


@pytest.fixture(scope="module")
def model(butane, tmp_path_factory):
    surrogate = lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=2), temperature_K=300.0)
    return surrogate.save(tmp_path_factory.mktemp("model") / "sound.lamslide")


@pytest.fixture
def little_memory():
    """Let big allocations fail instead of being granted and never touched."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY_BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def complaint_of(path):
    """The error's line, or None where the file is loaded and rolls out."""
    try:
        surrogate = lam.Surrogate.load(path)
    except lam.InputError as error:
        line = str(error)
    else:
        if surrogate.starts_nm:
            assert np.isfinite(surrogate.rollout(n_frames=2, n_solver_steps=1).points_nm()).all()
            return None
        # Of several systems it takes a start, which may be unlike what the file was changed to.
        first = surrogate.systems[0]
        with suppress(lam.InputError):
            surrogate.rollout(md.Trajectory(first.reference_nm, first.topology), n_frames=2, n_solver_steps=1)
        return None
    assert "\n" not in line
    assert path.name in line
    assert len(line) < 500
    return line


def leaves(content, prefix=()):
    items = content.items() if isinstance(content, dict) else enumerate(content[:1])
    for key, value in items:
        if isinstance(value, dict | list):
            yield (*prefix, key)
            yield from leaves(value, (*prefix, key))
        else:
            yield (*prefix, key)


def changed(content, path, value):
    content = copy.deepcopy(content)
    inner = content
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return content


@pytest.mark.usefixtures("little_memory")
def test_every_value_of_the_header_may_be_absurd(model, tmp_path):
    header, tensors = header_of(model), load_file(model)
    path, n_refused = tmp_path / "absurd.lamslide", 0
    places = [place for place in leaves(header) if place[0] != "provenance"]
    assert len(places) > 40
    for i, place in enumerate(places):
        for value in ABSURD if len(place) < 4 else ABSURD[i % 3 :: 3]:
            n_refused += complaint_of(write_with(path, changed(header, place, value), tensors)) is not None
    assert n_refused > 200


def test_every_cut_and_flipped_byte_of_the_beginning(model, tmp_path):
    content, rng = model.read_bytes(), np.random.default_rng(0)
    path = tmp_path / "damaged.lamslide"
    for length in [*range(0, 64), *rng.integers(64, len(content), 40).tolist()]:
        path.write_bytes(content[:length])
        assert complaint_of(path)
    n_header = struct.unpack("<Q", content[:8])[0]
    for at in [*range(0, 16), *rng.integers(16, n_header, 150).tolist()]:
        damaged = bytearray(content)
        damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        complaint_of(path)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("size", [0, 1, 2**31, 2**40, 2**63 - 1, 2**64 - 1])
def test_a_declared_header_of_any_size(model, tmp_path, size):
    path = tmp_path / "size.lamslide"
    path.write_bytes(struct.pack("<Q", size) + model.read_bytes()[8:])
    assert complaint_of(path)


def test_a_tensor_declared_larger_than_the_file(model, tmp_path):
    content = model.read_bytes()
    n_header = struct.unpack("<Q", content[:8])[0]
    head = json.loads(content[8 : 8 + n_header])
    head["flow/out.weight"]["shape"] = [10**6, 10**6]
    head["flow/out.weight"]["data_offsets"][1] = 4 * 10**12
    text = json.dumps(head).encode()
    path = tmp_path / "large.lamslide"
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + n_header :])
    assert complaint_of(path)


@pytest.mark.parametrize("change", ["nan", "double", "integer", "shape", "missing", "surplus", "stranger"])
def test_weights_that_do_not_belong(model, tmp_path, change):
    header, tensors = header_of(model), load_file(model)
    name = "flow/out.weight"
    tensor = tensors[name]
    if change == "missing":
        del tensors[name]
    else:
        other = {
            "nan": torch.full_like(tensor, torch.nan),
            "double": tensor.double(),
            "integer": tensor.long(),
            "shape": tensor.T.contiguous(),
        }
        key = {"surplus": "flow/more.weight", "stranger": "other/out.weight"}.get(change, name)
        tensors[key] = other.get(change, tensor.clone())
    assert complaint_of(write_with(tmp_path / "weights.lamslide", header, tensors))


def test_json_nested_as_deep_as_it_goes(model, tmp_path):
    tensors = load_file(model)
    path = tmp_path / "deep.lamslide"
    assert complaint_of(write_with(path, "[" * 100_000, tensors))
    assert complaint_of(write_with(path, "[" * 100_000 + "]" * 100_000, tensors))
    assert complaint_of(write_with(path, '{"format_version": 1' + ', "a": {"b": [1]}' * 50_000 + "}", tensors))


@pytest.mark.slow
@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("old", [FORMAT_1, FORMAT_2], ids=["1", "2"])
def test_every_value_of_an_older_header_may_be_absurd(tmp_path, old):
    header, tensors = header_of(old), load_file(old)
    path, n_refused = tmp_path / "absurd.lamslide", 0
    for i, place in enumerate(place for place in leaves(header) if place[0] in ("settings", "systems")):
        for value in ABSURD[i % 5 :: 5]:
            n_refused += complaint_of(write_with(path, changed(header, place, value), tensors)) is not None
    assert n_refused > 100


def test_other_files_renamed(tmp_path):
    path = tmp_path / "other.lamslide"
    torch.save({"a": torch.ones(3)}, path)
    assert complaint_of(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "text")
    assert complaint_of(path)
    save_file({"a": torch.ones(3)}, path)
    assert complaint_of(path)
    path.unlink()
    path.mkdir()
    assert complaint_of(path)


def test_others_may_read_a_model_as_the_umask_says(butane, model, tmp_path):
    before = os.umask(0o022)
    try:
        path = lam.Surrogate.load(model).save(tmp_path / "shared.lamslide")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
