import numpy as np
import pytest
from md17_files import read_md17, split_in_time

from lamslide_md.errors import InputError

WATER = np.array([[0.0, 0.0, 0.12], [0.0, 0.76, -0.48], [0.0, -0.76, -0.48]])
NUMBERS = np.array([8, 1, 1])


@pytest.fixture
def positions():
    """Ten frames of water in Å, each shifted by its number."""
    return WATER + np.arange(10.0)[:, None, None]


@pytest.mark.parametrize(("r", "z"), [("R", "z"), ("coords", "nuclear_charges")])
def test_both_formats_are_read_in_nm_and_ps_with_bonds_and_names(tmp_path, positions, r, z):
    np.savez(tmp_path / "water.npz", **{r: positions, z: NUMBERS, "E": np.zeros(10)})
    traj = read_md17(tmp_path / "water.npz", stride=3)
    np.testing.assert_allclose(traj.xyz, 0.1 * positions[::3], rtol=1e-6)
    np.testing.assert_allclose(traj.time, [0, 0.0015, 0.003, 0.0045])
    assert [str(atom) for atom in traj.topology.atoms] == ["WAT1-O1", "WAT1-H1", "WAT1-H2"]
    assert traj.topology.n_bonds == 2


def test_the_interval_that_a_file_tells_is_used_unless_another_is_given(tmp_path, positions):
    np.savez(tmp_path / "w.npz", R=positions, z=NUMBERS, frame_interval_ps=0.005)
    assert read_md17(tmp_path / "w.npz").time[1] == pytest.approx(0.005)
    assert read_md17(tmp_path / "w.npz", frame_interval_ps=0.1).time[1] == pytest.approx(0.1)


def test_a_shuffled_selection_is_put_in_order_or_refused(tmp_path, positions):
    order = np.random.default_rng(0).permutation(10)
    np.savez(tmp_path / "w.npz", coords=positions[order], nuclear_charges=NUMBERS, old_indices=7 * order)
    np.testing.assert_allclose(read_md17(tmp_path / "w.npz").xyz, 0.1 * positions, rtol=1e-6)
    np.savez(tmp_path / "w.npz", coords=positions[order], nuclear_charges=NUMBERS, old_indices=order**2)
    with pytest.raises(InputError, match=r"steps of 1 to 17 frames.*MD17's original"):
        read_md17(tmp_path / "w.npz")


def test_parts_follow_each_other_and_share_no_frame(tmp_path, positions):
    np.savez(tmp_path / "w.npz", R=positions, z=NUMBERS)
    parts = split_in_time(read_md17(tmp_path / "w.npz"))
    assert [part.n_frames for part in parts] == [6, 2, 2]
    np.testing.assert_allclose(np.concatenate([p.time for p in parts]), 0.0005 * np.arange(10), rtol=1e-5)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"z": NUMBERS}, r"neither 'R' \(MD17\) nor 'coords' \(rMD17\); it holds z"),
        ({"R": np.zeros((4, 2, 3)), "z": NUMBERS}, r"shape \(4, 2, 3\) for 3 atoms"),
        ({"R": np.stack([WATER, WATER * np.nan]), "z": NUMBERS}, "1 frames are no numbers, the first is frame 1"),
        ({"R": np.array([{}]), "z": NUMBERS}, "no npz file or is damaged"),
    ],
)
def test_bad_files_are_refused_with_what_is_in_them(tmp_path, content, complaint):
    np.savez(tmp_path / "bad.npz", **content)
    with pytest.raises(InputError, match=rf"bad\.npz.*{complaint}"):
        read_md17(tmp_path / "bad.npz")


def test_missing_and_cut_files_are_refused(tmp_path, positions):
    with pytest.raises(InputError, match="does not exist"):
        read_md17(tmp_path / "no.npz")
    np.savez(tmp_path / "w.npz", R=positions, z=NUMBERS)
    (tmp_path / "w.npz").write_bytes((tmp_path / "w.npz").read_bytes()[:300])
    with pytest.raises(InputError, match="damaged"):
        read_md17(tmp_path / "w.npz")
