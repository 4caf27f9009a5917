import mdtraj as md
import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from lamslide_md.errors import InputError
from lamslide_md.io.ase_atoms import topology_from_ase
from lamslide_md.io.readers import iterate, read
from lamslide_md.simulate import peptide
from tests.data.molecules import one_frame, side_by_side, water


@pytest.mark.parametrize("ending", ["xtc", "trr", "dcd", "nc", "h5"])
def test_frame_of_nan_is_named(ethanol, top_path, tmp_path, ending):
    ethanol.xyz[17] = np.nan
    path = tmp_path / f"run.{ending}"
    ethanol.save(str(path))
    with pytest.raises(InputError, match=rf"run\.{ending}: frame 17 has NaN or infinite coordinates"):
        list(iterate(path, top=top_path, frame_interval_ps=2.0, chunk=10))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_infinite_coordinate_is_enough(ethanol, value):
    ethanol.xyz[3, 8, 2] = value
    with pytest.raises(InputError, match="frame 3 has NaN"):
        read(ethanol)


def test_every_permuted_topology_of_equal_size_is_refused():
    butane = molecule("trans-butane")
    frames = md.Trajectory(np.repeat(butane.positions[None] * 0.1, 2, axis=0), topology_from_ase(butane), time=[1, 2.0])
    frames.topology = read(frames).topology
    assert frames.topology.n_bonds == 13
    rng = np.random.default_rng(0)
    for _ in range(100):
        order = rng.permutation(len(butane))
        frames.xyz = butane.positions[None, order].repeat(2, axis=0) * 0.1
        with pytest.raises(InputError, match=r"in frame 0 .* the longest, .* order"):
            read(frames)


def test_angstrom_taken_for_nm_is_named(ethanol):
    ethanol.xyz *= 10.0
    with pytest.raises(InputError, match="look like Å taken for nm: divide the coordinates by 10"):
        read(ethanol)
    ethanol.xyz /= 100.0
    with pytest.raises(InputError, match="too short by ten"):
        read(ethanol)


def test_single_broken_frame_is_named_and_may_be_allowed(ethanol):
    ethanol.xyz[9, 2] += 1.0
    with pytest.raises(InputError, match=r"in frame 9 .* frames before are sound"):
        read(ethanol)
    assert read(ethanol, check_bonds=False).n_frames == 25


def test_wrong_atom_count_names_both_files(ethanol, top_path, tmp_path):
    path = tmp_path / "run.xtc"
    ethanol.atom_slice([0, 1, 2]).save(str(path))
    for atoms in ("all", "heavy"):
        with pytest.raises(
            InputError, match=r"run\.xtc has 3 atoms, .*ethanol\.pdb has 9, and as many without its hyd"
        ):
            read(path, top=top_path, atoms=atoms)
    with pytest.raises(InputError, match=r"the trajectory has 3 atoms, .*has 9"):
        read(ethanol.atom_slice([0, 1, 2]), top=top_path)
    with pytest.raises(InputError, match=r"has 2 atoms, .*has 9; .* were hydrogens or water removed from one"):
        read(ethanol.atom_slice([0, 1]), top=top_path)


@pytest.mark.parametrize(
    ("kept", "missing"),
    [
        (lambda atom: not atom.residue.is_water, "without its 30 HOH; pass"),
        (
            lambda atom: not atom.residue.is_water and atom.element.symbol != "H",
            "without its 30 HOH and hydrogens; pass",
        ),
        (lambda atom: atom.element.symbol != "H", "without its hydrogens; pass"),
        (lambda atom: atom.name == "CA", "without all but its alpha carbons; pass"),
    ],
)
def test_what_a_trajectory_lacks_is_named_where_the_number_of_atoms_tells(kept, missing):
    built = peptide("AGV")
    whole = one_frame(md.Topology.from_openmm(built.topology), built.positions_nm)
    solvated = side_by_side(whole, water(30, 2.0))
    some = solvated.atom_slice([atom.index for atom in solvated.topology.atoms if kept(atom)])
    with pytest.raises(InputError, match=f"and as many {missing} a topology without them"):
        read(md.join([some, some], check_topology=False), top=solvated.topology, frame_interval_ps=1.0)


@pytest.mark.parametrize("ending", ["xtc", "trr"])
def test_truncated_file_says_how_many_frames_are_sound_and_gives_them(ethanol, top_path, tmp_path, ending):
    path = tmp_path / f"run.{ending}"
    ethanol.save(str(path))
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"truncated or damaged: its first 24 frames can be read.*recover=True"):
        read(path, top=top_path)
    recovered = read(path, top=top_path, recover=True, chunk=7)
    np.testing.assert_allclose(recovered.xyz, ethanol.xyz[:24], atol=5.1e-4)


@pytest.mark.parametrize("ending", ["dcd", "xtc"])
def test_readers_print_nothing_of_their_own(ethanol, top_path, tmp_path, capfd, ending):
    path = tmp_path / f"run.{ending}"
    ethanol.save(str(path))
    capfd.readouterr()
    if ending == "xtc":
        path.write_bytes(path.read_bytes()[:-5])
    read(path, top=top_path, frame_interval_ps=2.0, recover=ending == "xtc")
    print("heard")
    assert capfd.readouterr() == ("heard\n", "")


def test_file_cut_in_its_first_frame_is_refused_with_one_line(ethanol, top_path, tmp_path):
    path = tmp_path / "run.xtc"
    ethanol.save(str(path))
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match="none of its frames can be read") as caught:
        read(path, top=top_path)
    assert "\n" not in str(caught.value)


def test_empty_missing_short_and_unknown_files_are_refused(ethanol, top_path, tmp_path):
    empty, unknown, single = tmp_path / "empty.xtc", tmp_path / "notes.foo", tmp_path / "single.xtc"
    empty.touch()
    unknown.write_text("no trajectory")
    ethanol[0].save(str(single))
    for path, message in [
        (tmp_path / "missing.xtc", r"missing\.xtc is not there"),
        (empty, r"empty\.xtc is empty"),
        (unknown, r"notes\.foo can be read neither by mdtraj nor by ASE"),
        (single, r"single\.xtc has 1 frame"),
    ]:
        with pytest.raises(InputError, match=message):
            read(path, top=top_path)
    with pytest.raises(InputError, match=r"holds no atom names; pass top"):
        read(single)
    with pytest.raises(InputError, match=r"nowhere\.pdb is not there"):
        read(single, top=tmp_path / "nowhere.pdb")
    with pytest.raises(InputError, match=r"25 frame\(s\) with stride=30"):
        read(ethanol, stride=30)
    with pytest.raises(InputError, match="empty list"):
        read([])


def test_molecule_cut_by_the_box_is_joined(ethanol, top_path, tmp_path):
    box_nm = 1.5
    centred = ethanol.xyz - ethanol.xyz.mean(axis=1, keepdims=True)
    # The molecule sits on a corner of the box: wrapping scatters it over all corners.
    ethanol.xyz = (centred % box_nm).astype(np.float32)
    ethanol.unitcell_vectors = np.tile(box_nm * np.eye(3), (25, 1, 1))
    path = tmp_path / "run.xtc"
    ethanol.save(str(path))
    for atoms, kept in (("all", slice(None)), ("heavy", slice(3)), ("element O or name H", [2, *range(3, 9)])):
        trajectory = read(path, top=top_path, atoms=atoms)
        assert trajectory.unitcell_vectors is None
        expected = centred[:, kept] - centred[:, kept][:, :1]
        np.testing.assert_allclose(trajectory.xyz - trajectory.xyz[:, :1], expected, atol=1.1e-3)


def test_meaningless_box_changes_nothing(ethanol):
    expected = read(ethanol).xyz
    for edge_nm in (2.0, 0.1, 0.0):
        ethanol.unitcell_vectors = np.tile(edge_nm * np.eye(3), (25, 1, 1))
        np.testing.assert_array_equal(read(ethanol).xyz, expected)


def test_ase_atoms_are_whole_when_periodic(ethanol):
    symbols = [atom.element.symbol for atom in ethanol.topology.atoms]
    frames = [Atoms(symbols, positions=xyz * 10.0, cell=[15.0] * 3, pbc=True) for xyz in ethanol.xyz]
    for atoms in frames:
        atoms.translate(-atoms.positions.mean(axis=0))
        atoms.wrap()
    trajectory = read(frames, frame_interval_ps=1.0)
    np.testing.assert_allclose(trajectory.xyz - trajectory.xyz[:, :1], ethanol.xyz - ethanol.xyz[:, :1], atol=1e-5)
    with pytest.raises(InputError, match="frame 2 is "):
        read([*frames[:2], frames[2][:-1]], frame_interval_ps=1.0)
