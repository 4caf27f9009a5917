from dataclasses import replace

import mdtraj as md
import numpy as np
import pytest

from lamslide_md.analysis.datasets.dataset import Dataset, Described
from lamslide_md.analysis.datasets.matching import match_atoms
from lamslide_md.analysis.datasets.reading import read_dataset
from lamslide_md.analysis.datasets.screening import screen_bonds
from lamslide_md.data.frame_file import FrameFile
from lamslide_md.data.stored_frames import StoredFrames
from lamslide_md.errors import InputError


@pytest.fixture(scope="module")
def full(alanine):
    return alanine(np.linspace(-2, -1, 40), np.linspace(1, 3, 40), hydrogens=True)


@pytest.fixture(scope="module")
def bare(full):
    return full.atom_slice(full.topology.select("not element H"))


def test_a_heavy_atom_rollout_matches_an_all_atom_reference(bare, full):
    own, there = match_atoms(bare.topology, full.topology)
    assert own.tolist() == list(range(10))
    names = [[str(t.topology.atom(int(i))) for i in chosen] for t, chosen in ((bare, own), (full, there))]
    assert names[0] == names[1]


def test_permuted_atoms_are_matched_by_name(bare, full):
    order = np.array([2, 0, 1, 7, 6, 5, 4, 3, 9, 8])
    permuted = md.Topology()
    chain = permuted.add_chain()
    for residue in bare.topology.residues:
        added = permuted.add_residue(residue.name, chain)
        for index in order:
            if bare.topology.atom(int(index)).residue.index == residue.index:
                permuted.add_atom(bare.topology.atom(int(index)).name, bare.topology.atom(int(index)).element, added)
    own, there = match_atoms(permuted, full.topology)
    assert [permuted.atom(int(i)).name for i in own] == [full.topology.atom(int(i)).name for i in there]


def test_a_missing_heavy_atom_is_named(bare, full):
    without = bare.atom_slice(bare.topology.select("name != CB"))
    with pytest.raises(InputError, match=r"only in the reference: ALA1-CB; only in the rollout: none"):
        match_atoms(without.topology, full.topology)


def test_another_molecule_is_refused(bare):
    other = bare.topology.copy()
    other.residue(1).name = "GLY"
    with pytest.raises(InputError, match="residue 1 is GLY in the rollout and ALA in the reference"):
        match_atoms(other, bare.topology)


def test_atoms_without_distinct_names_are_matched_by_order_if_their_elements_agree():
    def chain(elements):
        topology = md.Topology()
        residue = topology.add_residue("MOL", topology.add_chain())
        for symbol in elements:
            topology.add_atom(symbol, md.element.get_by_symbol(symbol), residue)
        return topology

    assert match_atoms(chain("CCO"), chain("CCO"))[0].tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="atom names repeat"):
        match_atoms(chain("CCO"), chain("COC"))


def test_coordinates_that_are_not_numbers_are_refused_with_their_frame(bare):
    broken = bare[:]
    broken.xyz[17, 3, 1] = np.nan
    broken.xyz[30, 0, 0] = np.inf
    with pytest.raises(InputError, match="not finite in 2 of 40 frames, first in frame 17"):
        read_dataset(broken, "rollout")


def test_too_few_frames_are_refused_with_their_number(bare):
    with pytest.raises(InputError, match="rollout has 3 frames"):
        read_dataset(bare[:3], "rollout")
    with pytest.raises(InputError, match="reference has 0 frames"):
        read_dataset([], "reference")


def test_trajectories_of_different_systems_in_one_dataset_are_refused(bare, full):
    with pytest.raises(InputError, match=r"trajectory 1 \(12 atoms\) has other atoms than trajectory 0 \(10 atoms\)"):
        read_dataset([bare, full], "reference")


def test_what_is_no_trajectory_is_refused():
    with pytest.raises(InputError, match=r"must be an mdtraj.Trajectory or a list of them, got ndarray"):
        read_dataset([np.zeros((20, 3, 3))], "rollout")


def test_angstroms_taken_for_nanometres_are_refused(bare):
    right, wrong = (Dataset(name, (bare.xyz * f,), 1.0) for name, f in (("reference", 1.0), ("rollout", 10.0)))
    screen_bonds(bare.topology, right, [right])
    with pytest.raises(InputError, match=r"bonds of the rollout have a median length of 1.4"):
        screen_bonds(bare.topology, right, [wrong])
    with pytest.raises(InputError, match=r"bonds of the reference have a median length of 1.4"):
        screen_bonds(bare.topology, wrong, [])


def numbered(lengths: list[int]) -> Dataset:
    starts = np.cumsum([0, *lengths])
    parts = [np.arange(s, s + n, dtype=float).reshape(-1, 1, 1) for s, n in zip(starts, lengths, strict=False)]
    return Dataset("reference", tuple(parts), 2.0)


def test_thinning_keeps_the_number_asked_for_evenly_over_all_trajectories():
    thinned = numbered([50, 30, 20]).thinned(11)
    kept = np.concatenate(thinned.positions_nm).ravel()
    assert kept.tolist() == [0, 10, 20, 30, 40, 50, 59, 69, 79, 89, 99]
    assert thinned.total_ps == pytest.approx(200.0)
    assert numbered([5]).thinned(9).n_frames == 5


def test_halves_hold_every_frame_once_and_cut_only_the_middle_trajectory():
    first, second = numbered([60, 30, 30]).halves()
    assert [len(part) for part in first.positions_nm] == [60]
    assert [len(part) for part in second.positions_nm] == [30, 30]
    first, second = numbered([100]).halves()
    joined = np.concatenate([*first.positions_nm, *second.positions_nm]).ravel()
    assert joined.tolist() == list(range(100))


def test_frames_chosen_of_files_are_those_chosen_in_memory(tmp_path):
    in_memory, file = numbered([60, 30, 7]), FrameFile(tmp_path)
    stored = replace(
        in_memory,
        positions_nm=tuple(StoredFrames.written(file, [part]) for part in in_memory.positions_nm),
    )
    ways = (
        lambda dataset: dataset.thinned(11),
        lambda dataset: dataset.strided(4),
        lambda dataset: dataset.halves()[0].strided(3),
        lambda dataset: dataset.halves()[1].thinned(9),
    )
    for way in ways:
        for one, other in zip(way(in_memory).positions_nm, way(stored).positions_nm, strict=True):
            np.testing.assert_array_equal(one, other[:])


def test_what_is_known_of_a_dataset_is_known_of_the_frames_chosen_from_it():
    whole = numbered([60, 30, 7])
    known = Described(
        tuple(part[:, 0] for part in whole.positions_nm),
        tuple(2 * part[:, 0] for part in whole.positions_nm),
        tuple(part[:, 0, 0].astype(int) for part in whole.positions_nm),
    )
    assert known.of(whole) is known
    first, second = whole.halves()
    for chosen in (whole.thinned(11), whole.strided(4), first, second, second.strided(3), second.thinned(5)):
        of_chosen = known.of(chosen)
        for positions, angles, clusters in zip(chosen.positions_nm, of_chosen.angles, of_chosen.clusters, strict=True):
            np.testing.assert_array_equal(angles, positions[:, 0])
            np.testing.assert_array_equal(clusters, positions[:, 0, 0])
    assert np.shares_memory(known.of(second.strided(3)).angles[0], known.angles[0])


def test_a_stride_keeps_every_so_many_frames_of_each_trajectory():
    strided = numbered([5, 4]).strided(2)
    assert [part.ravel().tolist() for part in strided.positions_nm] == [[0, 2, 4], [5, 7]]
    assert strided.interval_ps == 4.0
