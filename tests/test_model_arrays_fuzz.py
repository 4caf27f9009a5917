"""Hostile arrays of model files: refused in one line, quickly and without memory, or harmless."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import lamslide_md as lam
from lamslide_md.io.model_arrays import COLUMNS
from tests.model_files import FORMAT_1, header_of, write_with
from tests.small import shivering_peptide
from tests.test_model_file_fuzz import complaint_of, little_memory

__all__ = ["little_memory"]


def spoilt(tensor):
    """The same tensor with one number that cannot be, or in another shape or type."""
    flat = tensor.flatten()
    highest = torch.finfo(tensor.dtype).max if tensor.dtype.is_floating_point else 2**31
    for value in (-1, 10**9, 2**31 - 1, float("nan"), float("inf"), -1e30, 1e300):
        fits = -highest <= value < highest or (tensor.dtype.is_floating_point and not np.isfinite(value))
        if flat.numel() and fits and tensor.dtype.itemsize > 1:
            other = flat.clone()
            other[len(other) // 2] = value
            yield f"{value}", other.reshape(tensor.shape)
    yield "wide", tensor.double() if tensor.dtype != torch.float64 else tensor.float()
    yield "narrow", tensor.to(torch.bfloat16)
    yield "flat", flat.unsqueeze(0)
    yield "scalar", torch.zeros((), dtype=tensor.dtype)
    yield "empty", tensor[:0].clone()
    yield "shorter", tensor[:-1].clone()
    yield "longer", torch.cat([tensor, tensor[:1]])
    yield "deep", tensor.unsqueeze(-1).clone()
    yield "no columns", tensor.new_empty((0, 2**40))
    yield "doubled", torch.cat([tensor, tensor])


@pytest.fixture(scope="module")
def of_peptide(tmp_path_factory):
    """A model of one peptide that fills every array."""
    settings = lam.Surrogate.load(FORMAT_1).settings
    data = shivering_peptide("ASD", 30, seed=1)
    model = lam.Surrogate.fit([data, data], settings=settings, seed=2)
    held = replace(model.systems[0].constraints, contact_nm=0.3)
    model = replace(model, systems=(replace(model.systems[0], fit=np.arange(5), constraints=held),))
    return model.save(tmp_path_factory.mktemp("peptide") / "sound.lamslide")


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 5])
@pytest.mark.usefixtures("little_memory")
@pytest.mark.filterwarnings("ignore::lamslide_md.errors.InputNote")
def test_every_array_may_be_absurd(of_peptide, tmp_path, every):
    header, tensors = header_of(of_peptide), load_file(of_peptide)
    names = [name for name in tensors if not name.startswith(("autoencoder/", "flow/"))]
    assert {*COLUMNS, *(f"provenance/{name}" for name in ("notes", "trajectory_hashes"))} < set(names)
    path, harmless = tmp_path / "absurd.lamslide", set()
    changes = [(name, how, other) for name in names for how, other in spoilt(tensors[name])]
    for name, how, other in changes[::every]:
        if complaint_of(write_with(path, header, {**tensors, name: other})) is None:
            harmless.add((name, how))
    for name in names:
        without = {key: tensor for key, tensor in tensors.items() if key != name}
        if name in COLUMNS or name.endswith(("offsets", "utf8", "word")):
            assert complaint_of(write_with(path, header, without)), name
    numbers = ("residues/number", "points/reference_nm", "exchanges/seam_rad", "starts/points_nm")
    free = {(name, how) for name, how in harmless if name in numbers or name.startswith("provenance/")}
    assert harmless - free <= HARMLESS, harmless - free - HARMLESS


HARMLESS = {
    ("centres/sign", "-1"),  # the chirality of another
    ("pairs/upper_nm", "inf"),  # a contact
    ("pairs/upper_nm", "1000000000"),
    ("pairs/lower_nm", "1000000000"),
    ("pairs/upper_nm", "2147483647"),
    ("pairs/upper_nm", "1e+300"),
}
"""Other numbers that a sound file could hold."""


@pytest.mark.parametrize(
    ("name", "change", "complaint"),
    [
        ("pairs/points", lambda t: t + 100, "pairs/points names one of points that is not there"),
        ("pairs/upper_nm", lambda t: t * torch.nan, "pairs/upper_nm holds numbers outside of 0 to inf"),
        ("pairs/lower_nm", lambda t: -t, "pairs/lower_nm holds numbers outside of 0 to"),
        ("pairs/lower_nm", lambda t: t + 1e3, "pairs/lower_nm is above pairs/upper_nm"),
        ("pairs/lower_nm", lambda t: t + 1e300, "pairs/lower_nm holds numbers outside of 0 to 1e+09"),
        ("contacts/distance_nm", lambda t: t * 0, "contacts/distance_nm holds a zero"),
        ("contacts/distance_nm", lambda t: -t, "contacts/distance_nm holds numbers outside of 0 to 1"),
        ("contacts/distance_nm", lambda t: t * torch.nan, "contacts/distance_nm holds numbers outside of 0 to 1"),
        ("contacts/offsets", lambda t: t * 0, "contacts/offsets does not end where its columns do"),
        ("points/offsets", lambda t: t.flip(0), "points/offsets does not rise from 0"),
        ("points/offsets", lambda t: t * 2**40, "points/offsets does not end where its columns do"),
        ("atoms/name", lambda t: t + 10_000, "atoms/name names one of texts that is not there"),
        ("texts/utf8", lambda t: t + 128, "'utf-8' codec can't decode"),
        ("residues/chain", lambda t: t.new_tensor([0, 2, 1]), "residues/chain does not count the chains"),
        ("swaps/exchange", lambda t: t * 0, "exchanges/torsion has one without swaps"),
        ("entities/kinds", lambda t: t + 3, "entities/kinds names a word that is not in the vocabulary"),
        ("points/slot", lambda t: t + 13, "points/slot names a slot that is not there"),
        ("centres/sign", lambda t: t * 0, "centres/sign holds a zero"),
        ("starts/points_nm", lambda t: t[:, :2].contiguous(), "starts/points_nm does not fit the points"),
    ],
)
def test_what_is_wrong_with_an_array_is_told(of_peptide, tmp_path, name, change, complaint):
    header, tensors = header_of(of_peptide), load_file(of_peptide)
    told = complaint_of(write_with(tmp_path / "m.lamslide", header, {**tensors, name: change(tensors[name])}))
    assert complaint in str(told)
