from pathlib import Path

import numpy as np
import pytest
from crowd_files import LEAVE_ONE_OUT, read_basketball, read_pedestrians, split_scenes

from lamslide_md.errors import InputError

N_FRAMES = 6


def walkers(n_people, n_frames=N_FRAMES, seed=0):
    """Paths of people who stroll, shape (people, frames, 2)."""
    generator = np.random.default_rng(seed)
    start, speed = 10 * generator.normal(size=(n_people, 1, 2)), generator.normal(size=(n_people, 1, 2))
    return np.round(start + 0.4 * speed * np.arange(n_frames)[:, None], 3)


def write_crowd(path, paths, *, frame_step=10, absent=(), separator="\t", shuffle=False):
    """Write one line for each person and frame; `absent` holds pairs of person and frame."""
    lines = [
        separator.join(f"{v}" for v in (float(frame * frame_step), float(person + 1), *paths[person, frame].tolist()))
        for frame in range(paths.shape[1])
        for person in range(len(paths))
        if (person, frame) not in absent
    ]
    if shuffle:
        np.random.default_rng(0).shuffle(lines)
    path.write_text("\n".join(lines) + "\n")
    return path


def write_game(path, paths, *, skip=()):
    """Write a ball (identity -1), in the middle of each frame's lines, and players."""
    lines = []
    for frame in range(paths.shape[1]):
        for one in (3, 1, 0, 2, *range(4, len(paths))):
            if (one, frame) not in skip:
                identity, group = (-1, "BALL") if one == 0 else (2000 + one, "PLAYER")
                lines.append(f"{12 * frame} {identity} {paths[one, frame, 0]} {paths[one, frame, 1]} {group}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_crowd_is_read_back_with_its_own_frames_and_people(tmp_path):
    paths = walkers(4)
    (trajectory,) = read_pedestrians(write_crowd(tmp_path / "c.txt", paths), n_frames=N_FRAMES)
    np.testing.assert_allclose(trajectory.points_nm, paths.swapaxes(0, 1), rtol=1e-6)
    assert trajectory.frame_interval_ps == 0.4
    assert trajectory.system.entities.n_points == 4


def test_who_comes_late_is_in_later_windows_only(tmp_path):
    file = write_crowd(tmp_path / "c.txt", walkers(3, 8), absent={(1, 0)})
    sizes = [r.system.entities.n_points for r in read_pedestrians(file, n_frames=N_FRAMES)]
    assert sizes == [2, 3, 3]


def test_a_gap_breaks_windows_and_the_frame_step_is_the_scenes_own(tmp_path):
    absent = {(person, 5) for person in range(3)}
    file = write_crowd(tmp_path / "c.txt", walkers(3, 12), frame_step=6, absent=absent)
    assert len(read_pedestrians(file, n_frames=5)) == 1 + 2
    assert len(read_pedestrians(file, n_frames=6)) == 1


def test_a_large_crowd_falls_into_groups_of_neighbours(tmp_path):
    """Nobody is lost or doubled, and groups are tighter than the crowd."""
    paths = walkers(23)
    trajectories = read_pedestrians(write_crowd(tmp_path / "c.txt", paths), n_frames=N_FRAMES, max_people=5)
    everyone = np.concatenate([r.points_nm[0] for r in trajectories])
    assert sorted(map(tuple, everyone.tolist())) == sorted(map(tuple, paths[:, 0].astype(np.float32).tolist()))
    assert max(len(r.system.reference_nm) for r in trajectories) <= 5
    spread = np.mean([r.points_nm[3].std(axis=0).mean() for r in trajectories])
    assert spread < 0.8 * paths[:, 3].std(axis=0).mean()


def test_groups_of_equal_size_share_a_system_over_files(tmp_path):
    (one,) = read_pedestrians(write_crowd(tmp_path / "a.txt", walkers(4)), n_frames=N_FRAMES)
    (two,) = read_pedestrians(write_crowd(tmp_path / "b.txt", walkers(4, seed=1)), n_frames=N_FRAMES)
    assert one.system is two.system


def test_the_order_of_lines_and_the_separator_change_nothing(tmp_path):
    plain = read_pedestrians(write_crowd(tmp_path / "a.txt", walkers(4, 9)), n_frames=N_FRAMES)
    mixed = write_crowd(tmp_path / "b.txt", walkers(4, 9), separator="   ", shuffle=True)
    for one, two in zip(plain, read_pedestrians(mixed, n_frames=N_FRAMES), strict=True):
        assert np.array_equal(one.points_nm, two.points_nm)


def test_a_game_has_the_ball_first_and_lacks_nobody(tmp_path):
    paths = walkers(11, 8)
    folder = tmp_path / "games"
    folder.mkdir()
    write_game(folder / "a.txt", paths)
    write_game(folder / "b.txt", paths, skip={(5, 7)})
    trajectories = read_basketball(folder, n_frames=N_FRAMES)
    assert len(trajectories) == 3 + 2
    for trajectory in trajectories[:3]:
        assert trajectory.system.entities.kinds[:, 0].tolist() == [0] + [1] * 10
        assert trajectory.system.entities.vocabularies == (("ball", "player"),)
    np.testing.assert_allclose(trajectories[0].points_nm, paths[:, :N_FRAMES].swapaxes(0, 1), rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("0 1 2.0\n", r"c\.txt, line 1: '0 1 2\.0' has not 4 columns"),
        ("0 1 2 3\n0 2 x 3\n", r"c\.txt: could not convert.*must be numbers"),
        ("0 1 2 3\n10 1 nan 3\n", r"c\.txt, line 2: '10 1 nan 3' is not finite"),
        ("0 1.5 2 3\n", r"line 1.*no whole numbers"),
        ("0 1 2 3\n0 1 2 4\n", r"two lines for the same frame and identity.*'0 1 2 3'"),
        ("\n", "is empty"),
    ],
)
def test_bad_lines_are_refused_with_their_text(tmp_path, text, complaint):
    (tmp_path / "c.txt").write_text(text)
    with pytest.raises(InputError, match=complaint):
        read_pedestrians(tmp_path / "c.txt")


def test_missing_files_and_unknown_groups_are_named(tmp_path):
    with pytest.raises(InputError, match=r"no\.txt does not exist"):
        read_pedestrians(tmp_path / "no.txt")
    with pytest.raises(InputError, match=r"holds no \.txt"):
        read_basketball(tmp_path)
    (tmp_path / "g.txt").write_text("0 1 2 3 REFEREE\n")
    with pytest.raises(InputError, match=r"'REFEREE'.*BALL and PLAYER"):
        read_basketball(tmp_path)


def test_each_scene_is_tested_on_files_it_is_not_trained_on(tmp_path):
    names = {name for files in LEAVE_ONE_OUT.values() for name in files} | {"uni_examples", "crowds_zara03"}
    with pytest.raises(InputError, match=r"lacks .*biwi_eth\.txt.* of ETH-UCY's 8 files"):
        split_scenes(tmp_path, "eth")
    for name in names:
        (tmp_path / f"{name}.txt").touch()
    for scene, files in LEAVE_ONE_OUT.items():
        training, test = split_scenes(tmp_path, scene)
        assert {path.stem for path in test} == set(files)
        assert {path.stem for path in training} == names - set(files)
    with pytest.raises(InputError, match=r"unknown scene 'mars'.*eth, hotel"):
        split_scenes(Path(), "mars")
