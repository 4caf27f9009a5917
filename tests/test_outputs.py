"""Which files may be written, and how they are replaced."""

import os
import stat

import ase.io
import mdtraj as md
import numpy as np
import pytest

import lamslide_md as lam
from lamslide_md.errors import InputError
from lamslide_md.io.outputs import check_outputs, same_file
from lamslide_md.io.records import echo_of, is_echo, writer_of
from lamslide_md.io.whole_files import replacing, write_whole
from lamslide_md.sampling.rollout_names import WRITABLE, check_format
from tests.small import tiny_settings

pytestmark = pytest.mark.filterwarnings("ignore:.*netCDF4:UserWarning")


def ways_to(path, folder):
    """The same file by other names."""
    (folder / "deep").mkdir()
    os.symlink(path, folder / "link")
    os.symlink(folder / "link", folder / "link of a link")
    os.symlink(folder, folder / "deep/folder")
    os.link(path, folder / "hard")
    yield from (folder / "link", folder / "link of a link", folder / "hard", folder / "deep/.." / path.name)
    yield from (folder / "deep/folder" / path.name, folder / "deep/folder/link")
    yield type(path)(os.path.relpath(path))


def test_an_input_is_refused_by_whatever_way_it_is_named(tmp_path):
    source = tmp_path / "md.xtc"
    source.write_bytes(b"MD")
    for path in [source, *ways_to(source, tmp_path)]:
        assert same_file(path, source)
        with pytest.raises(InputError, match="is read by this command and would be lost"):
            check_outputs("train", {"--out": path}, [source], overwrite=True)
    assert source.read_bytes() == b"MD"


def test_a_link_to_nothing_is_a_file_that_is_not_there(tmp_path):
    os.symlink(tmp_path / "later", tmp_path / "link")
    check_outputs("train", {"--out": tmp_path / "link"})
    with pytest.raises(InputError, match="are the same file"):
        check_outputs("compare", {"--out": tmp_path / "link", "--report": tmp_path / "later"})


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (os.mkdir, "is a folder"),
        (os.mkfifo, "is no regular file"),
        (lambda path: os.symlink(os.devnull, path), "is no regular file"),
        (lambda path: os.symlink(path.parent, path), "is a folder"),
        (lambda path: path.write_bytes(b"mine"), "is not of lamslide's making"),
        (lambda path: path.write_text('{"written_by": {"command": "rollout"}}'), "is of lamslide rollout"),
        (lambda path: path.write_text('{"written_by": "me"}'), "is not of lamslide's making"),
        (lambda path: path.write_text("[" * 100_000), "is not of lamslide's making"),
    ],
)
def test_what_is_no_file_of_the_command_is_refused(tmp_path, make, complaint):
    path = tmp_path / "out"
    make(path)
    before = path.lstat()
    with pytest.raises(InputError, match=complaint):
        check_outputs("train", {"--out": path})
    if not path.is_file():
        # Not even where it is asked for.
        with pytest.raises(InputError, match=complaint):
            check_outputs("train", {"--out": path}, overwrite=True)
    assert path.lstat() == before


def test_asking_leaves_nothing_behind_and_makes_no_folder(tmp_path):
    check_outputs("train", {"--out": tmp_path / "a/b/c.lamslide", "--report": None})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match=r"cannot write /proc/a/b\.xtc"):
        check_outputs("train", {"--out": type(tmp_path)("/proc/a/b.xtc")})


def test_an_empty_file_holds_nothing_to_lose(tmp_path):
    (tmp_path / "out").touch()
    check_outputs("train", {"--out": tmp_path / "out"})


def test_an_echo_that_was_edited_is_not_ours(tmp_path):
    content = echo_of("rollout", {"frames": 7, "seed": 0.1}, [tmp_path / "r.xtc"])
    assert is_echo(content, "rollout")
    assert not is_echo(content, "train")
    content["rollout"]["frames"] = 8
    assert not is_echo(content, "rollout")


def test_a_file_is_the_old_one_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    with pytest.raises(RuntimeError, match="stop"), replacing(path) as partial:  # noqa: PT012
        partial.write_bytes(b"ne")
        assert path.read_bytes() == b"old"
        raise RuntimeError("stop")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"
    write_whole(path, "new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_through_a_link_the_file_is_replaced_and_the_link_stays(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    os.symlink(tmp_path / "file", tmp_path / "link")
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("ending", WRITABLE)
def test_every_format_that_is_offered_holds_all_frames(butane, tmp_path, ending):
    path = tmp_path / f"r{ending}"
    check_format(path)
    rollout = lam.Rollout.of_points(_system(butane), butane.xyz[None, :7], 1.0, {})
    rollout.save(path)
    if ending in (".traj", ".extxyz", ".xyz"):
        found_nm = np.array([atoms.positions for atoms in ase.io.read(path, ":")]) / 10
    else:
        found_nm = md.load(str(path), **_top(path, butane)).xyz
    np.testing.assert_allclose(found_nm, butane.xyz[:7], atol=1e-3)


def _top(path, butane):
    holds = (".pdb", ".pdb.gz", ".cif", ".cif.gz", ".pdbx", ".pdbx.gz", ".gro", ".h5")
    return {} if path.name.endswith(holds) else {"top": butane.topology}


def _system(butane):
    return lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=2)).systems[0]


@pytest.mark.parametrize("name", ["r.rst7", "r.ncrst", "r.lammpstrj", "r.XTCS", "r", "r.docx", "xtc", ".xtc"])
def test_other_formats_are_refused_with_those_that_there_are(tmp_path, name):
    with pytest.raises(InputError, match=r"use one of \.xtc, \.trr"):
        check_format(tmp_path / name)


def test_in_python_files_of_the_same_kind_are_replaced_and_others_kept(butane, tmp_path):
    surrogate = lam.Surrogate.fit(butane, settings=tiny_settings(n_steps=2))
    for _ in range(2):
        surrogate.save(tmp_path / "a.lamslide")
    assert writer_of(tmp_path / "a.lamslide") == "train"
    rollout = surrogate.rollout(butane[0], 3)
    (tmp_path / "own.xtc").write_bytes(b"mine")
    (tmp_path / "own.lamslide").write_bytes(b"mine")
    for save in (rollout.save, surrogate.save):
        path = tmp_path / ("own.xtc" if save == rollout.save else "own.lamslide")
        with pytest.raises(InputError, match=r"not of lamslide's making.*overwrite=True"):
            save(path)
        assert path.read_bytes() == b"mine"
        save(path, overwrite=True)
        assert path.read_bytes() != b"mine"
    rollout.save(tmp_path / "own.xtc")
    with pytest.raises(InputError, match="is read by this command"):
        rollout.save(tmp_path / "own.xtc", overwrite=True, inputs=[tmp_path / "own.xtc"])
