import json

import ase.io
import mdtraj as md
import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from lamslide_md.errors import InputError
from lamslide_md.io.manifests import KIND
from lamslide_md.io.opening import listed_sources
from lamslide_md.io.readers import iterate, read
from lamslide_md.io.times import frame_interval_of

# Half a unit in the last place of what the format stores, nm.
ROUNDING_NM = {"xtc": 5e-4, "trr": 1e-6, "dcd": 1e-6, "nc": 1e-6, "h5": 1e-6, "pdb": 5e-5, "gro": 5e-4}


def to_ase(trajectory: md.Trajectory) -> list[Atoms]:
    symbols = [atom.element.symbol for atom in trajectory.topology.atoms]
    return [Atoms(symbols, positions=xyz * 10.0) for xyz in trajectory.xyz]


def write_manifest(path, **changes):
    content = {"kind": KIND, "format_version": 1, "frame_interval_ps": 2.0, "n_atoms": 9, "n_frames": 25} | changes
    path.with_suffix(".json").write_text(json.dumps(content))


@pytest.mark.parametrize("ending", ["xtc", "trr", "nc", "h5", "gro"])
def test_formats_with_times_give_positions_and_interval(ethanol, top_path, tmp_path, ending):
    path = tmp_path / f"run.{ending}"
    ethanol.save(str(path))
    trajectory = read(path, top=top_path)
    assert np.abs(trajectory.xyz - ethanol.xyz).max() <= 1.01 * ROUNDING_NM[ending]
    np.testing.assert_allclose(trajectory.time, ethanol.time, rtol=1e-7)
    assert frame_interval_of(trajectory) == 2.0


@pytest.mark.parametrize("ending", ["dcd", "pdb"])
def test_formats_without_times_need_the_interval(ethanol, top_path, tmp_path, ending):
    path = tmp_path / f"run.{ending}"
    ethanol.save(str(path))
    with pytest.raises(
        InputError, match=r"run\.\w+ does not say how far apart.*count of frames; pass frame_interval_ps"
    ):
        read(path, top=top_path)
    trajectory = read(path, top=top_path, frame_interval_ps=0.5)
    assert np.abs(trajectory.xyz - ethanol.xyz).max() <= 1.01 * ROUNDING_NM[ending]
    np.testing.assert_allclose(trajectory.time, 0.5 * np.arange(25))


@pytest.mark.parametrize("ending", ["traj", "extxyz", "xyz"])
def test_ase_formats_need_no_topology_and_get_bonds(ethanol, tmp_path, ending):
    path = tmp_path / f"run.{ending}"
    ase.io.write(str(path), to_ase(ethanol))
    trajectory = read(path, frame_interval_ps=1.0)
    np.testing.assert_allclose(trajectory.xyz, ethanol.xyz, atol=1e-6)
    # C2H5OH: eight bonds, each hydrogen has one.
    assert trajectory.topology.n_bonds == 8
    degree = np.bincount([atom.index for bond in trajectory.topology.bonds for atom in bond])
    assert sorted(zip((a.element.symbol for a in trajectory.topology.atoms), degree.tolist(), strict=True)) == [
        ("C", 4), ("C", 4), ("H", 1), ("H", 1), ("H", 1), ("H", 1), ("H", 1), ("H", 1), ("O", 2)
    ]  # fmt: skip


def test_ase_atoms_and_mdtraj_trajectory_in_memory_agree(ethanol):
    from_ase = read(to_ase(ethanol), frame_interval_ps=2.0)
    from_mdtraj = read(ethanol)
    np.testing.assert_allclose(from_ase.xyz, from_mdtraj.xyz, atol=1e-6)
    assert frame_interval_of(from_ase) == frame_interval_of(from_mdtraj) == 2.0
    assert sorted((a.index, b.index) for a, b in from_ase.topology.bonds) == sorted(
        (a.index, b.index) for a, b in from_mdtraj.topology.bonds
    )


def test_reading_leaves_the_users_trajectory_as_it_was(ethanol):
    ethanol.unitcell_vectors = np.tile(2.0 * np.eye(3), (25, 1, 1))
    before = ethanol.xyz.copy(), ethanol.time.copy()
    read(ethanol, atoms="heavy", stride=2)
    assert ethanol.unitcell_vectors is not None
    np.testing.assert_array_equal(ethanol.xyz, before[0])
    np.testing.assert_array_equal(ethanol.time, before[1])


@pytest.mark.parametrize("stride", [1, 3, 7])
def test_chunks_in_order_are_the_whole(ethanol, top_path, tmp_path, stride):
    path = tmp_path / "run.xtc"
    ethanol.save(str(path))
    whole = read(path, top=top_path, atoms="heavy", stride=stride)
    chunks = list(iterate(path, top=top_path, atoms="heavy", stride=stride, chunk=4))
    assert whole.n_atoms == 3
    np.testing.assert_array_equal(np.concatenate([chunk.xyz for chunk in chunks]), whole.xyz)
    np.testing.assert_allclose(np.concatenate([chunk.time for chunk in chunks]), whole.time)
    np.testing.assert_allclose(whole.xyz, ethanol.xyz[::stride, [0, 1, 2]], atol=5.1e-4)
    assert frame_interval_of(whole) == pytest.approx(2.0 * stride)


def test_indices_and_words_select_the_same_atoms(ethanol, top_path, tmp_path):
    path = tmp_path / "run.xtc"
    ethanol.save(str(path))
    by_words = read(path, top=top_path, atoms="element O or element C")
    by_index = read(path, top=top_path, atoms=[2, 0, 1])
    np.testing.assert_array_equal(by_words.xyz, by_index.xyz)
    assert [a.name for a in by_words.topology.atoms] == [a.name for a in by_index.topology.atoms]


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        ("element Zn", "selects none"),
        ("heavvy", "is no selection"),
        ([9], "atoms 0 to 8"),
        ([], "selects none"),
        (np.array([0.5, 1.0]), r"holds .*0\.5.*give indices as whole numbers"),
        (np.array(["C1", "C2"]), r"holds .*C1.*give indices as whole numbers"),
        (np.ones(5, dtype=bool), "marks 5 atoms with True or False, the topology has 9"),
    ],
)
def test_impossible_selections_are_refused(ethanol, atoms, message):
    with pytest.raises(InputError, match=message):
        read(ethanol, atoms=atoms)


def test_a_mask_selects_the_atoms_that_it_marks(ethanol):
    heavy = np.array([atom.element.symbol != "H" for atom in ethanol.topology.atoms])
    np.testing.assert_array_equal(read(ethanol, atoms=heavy).xyz, read(ethanol, atoms="heavy").xyz)


@pytest.mark.parametrize("source", [None, 5, b"run.xtc", [None], ["run.xtc", 5]])
def test_what_is_no_trajectory_is_refused(source):
    with pytest.raises(
        InputError, match=r"a (NoneType|int|bytes) is no trajectory; pass a path, an mdtraj.Trajectory or"
    ):
        listed_sources(source)


def test_one_structure_of_ase_is_one_source_of_one_frame_and_a_generator_is_several_files():
    atoms = molecule("CH3CH2OH")
    assert listed_sources(atoms) == [[atoms]]
    assert listed_sources([atoms, atoms]) == [[atoms, atoms]]
    assert listed_sources(name for name in ("a.xtc", "b.xtc")) == ["a.xtc", "b.xtc"]


def test_an_empty_name_and_a_trajectory_without_topology_are_refused(ethanol):
    with pytest.raises(InputError, match="'' is the name of no file"):
        read("")
    with pytest.raises(InputError, match="the trajectory has no topology, which names its atoms; pass top"):
        read(md.Trajectory(ethanol.xyz, None, time=ethanol.time))


def test_several_files_are_a_list_that_shares_one_topology(ethanol, top_path, tmp_path):
    paths = [tmp_path / "a.xtc", tmp_path / "b.xtc"]
    ethanol.save(str(paths[0]))
    ethanol[:10].save(str(paths[1]))
    first, second = read([str(path) for path in paths], top=top_path)
    assert (first.n_frames, second.n_frames) == (25, 10)
    assert first.topology is second.topology


def test_several_files_of_different_systems_or_intervals_are_refused(ethanol, tmp_path):
    other = ethanol.atom_slice([1, 0, 2, 3, 4, 5, 6, 7, 8])
    for atom, name in zip(other.topology.atoms, "XYZUVWRST", strict=True):
        atom.name = name
    with pytest.raises(InputError, match=r"atom 0 is .* in trajectory 1 and .* in trajectory 0"):
        read([ethanol, other])
    with pytest.raises(InputError, match="trajectory 1 has 3 atoms, trajectory 0 has 9"):
        read([ethanol, ethanol.atom_slice([0, 1, 2])])
    with pytest.raises(InputError, match="a frame every 4 ps, trajectory 0 every 2 ps"):
        read([ethanol, ethanol[::2]])


def test_manifest_gives_the_interval_and_its_frames_are_counted(ethanol, top_path, tmp_path):
    path = tmp_path / "run.dcd"
    ethanol.save(str(path))
    write_manifest(path)
    assert frame_interval_of(read(path, top=top_path)) == 2.0
    write_manifest(path, n_frames=26)
    with pytest.raises(InputError, match="has 25 frames, the manifest beside it says 26"):
        read(path, top=top_path)
    write_manifest(path, frame_interval_ps="often")
    with pytest.raises(InputError, match=r"damaged manifest \(fields frame_interval_ps\)"):
        read(path, top=top_path)


def test_manifest_that_contradicts_the_file_is_refused(ethanol, top_path, tmp_path):
    path = tmp_path / "run.xtc"
    ethanol.save(str(path))
    write_manifest(path, frame_interval_ps=1.0)
    with pytest.raises(InputError, match="its own times the frames are 2 ps apart, by the manifest beside it 1 ps"):
        read(path, top=top_path)


def test_foreign_json_beside_a_trajectory_is_ignored(ethanol, top_path, tmp_path):
    path = tmp_path / "run.xtc"
    ethanol.save(str(path))
    path.with_suffix(".json").write_text('{"frame_interval_ps": 7.0}')
    assert frame_interval_of(read(path, top=top_path)) == 2.0
